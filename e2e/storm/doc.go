// Package storm sends thousands of recordings as PBXs do. It sends some twice,
// breaks off some uploads, and kills the receivers in the meantime. In the end, each
// upload must have produced exactly one recording, and each revision must have its
// event. The test takes minutes, so it has the build tag e2e.
package storm
