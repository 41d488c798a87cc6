// Package storm sends thousands of recordings as PBXs do. It sends some twice,
// breaks off some uploads, and kills the receivers in the meantime. In the end, each
// upload must have produced exactly one recording, and each revision must have its
// event. A second test deletes half of its recordings, and searches for remains of them,
// down to the bytes of the files. The tests take minutes, so they have the build tag
// e2e.
package storm
