// Package load sends the server of make run far more requests than it can answer at
// once, next to clients that read and write slowly or not at all. Its tests have the
// build tag e2e; make load runs them.
package load
