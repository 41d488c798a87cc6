// Package release runs the parts of a release: the archive for this machine, go install
// from a proxy, and the container image. It needs Docker and the build tag e2e.
package release
