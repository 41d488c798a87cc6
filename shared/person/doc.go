// Package person finds everything that recordings hold about a person, and copies or erases
// it. It provides two actions of package job: [Export] makes a ZIP file with documents and
// audio, and [Eraser] deletes the recordings through the protocol that every deletion uses
// (docs/adr/027-jobs.md).
//
// Both work in two steps: the plan has the count and the bytes of the recordings, and only
// its confirmation starts the work. Both end with a [Certificate], which states how many
// recordings were found, done and held back, and why. It is signed with a key of the
// deployment. It covers a list with one line for each recording, by the SHA-256 of the list.
//
// Recordings that appear after the plan was made are neither copied nor erased. A second
// search at the end counts them, and the certificate names them.
package person
