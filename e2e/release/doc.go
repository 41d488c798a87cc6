// Package release runs what a release consists of: the archive for this machine,
// and the container image. It needs Docker and the build tag e2e.
package release
