// Package archive writes the documents and the audio of a job's recordings into one ZIP
// file in the bucket. Several processes can write the file in turn, each for a slice of the
// job, and one that is killed loses only its work since the last checkpoint
// (docs/adr/027-jobs.md). Memory does not grow with the number or the size of the recordings.
//
// The file is an upload in parts. A checkpoint ends a part, or stores the bytes that are too
// few for one in an object of their own, the tail. It stores the records of the file's
// entries with the report of the job. The directory at the end of the file is made
// from these records.
//
// The names of entries begin with a number, such as 000001_202601-1f2e3d4c.mp3. So they
// never collide, even on file systems that ignore case. None contains a separator, so all
// files are extracted into one folder.
package archive
