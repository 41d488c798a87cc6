// Package storm sends thousands of recordings as PBXs do. It sends some twice,
// breaks off some uploads, and kills the receivers meanwhile. In the end, every
// upload must be exactly one recording, and every revision must have its event. It
// takes minutes, so it has the build tag e2e.
package storm
