package e2e

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// runner runs scripts one after another within the calling test. testscript itself
// would run them as parallel subtests, which overloads an emulator.
type runner struct{ *testing.T }

func (r runner) Run(_ string, f func(testscript.T)) { f(r) }
func (r runner) Parallel()                          {}
func (r runner) Verbose() bool                      { return testing.Verbose() }

// expectFailure reports whether f fails. It does not fail the test t.
func expectFailure(t *testing.T, f func(testscript.T)) bool {
	t.Helper()
	failed := &atomic.Bool{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(trial{T: t, failed: failed})
	}()
	<-done
	return failed.Load()
}

// trial records a failure instead of reporting it to the test.
type trial struct {
	*testing.T
	failed *atomic.Bool
}

func (r trial) Run(_ string, f func(testscript.T)) { f(r) }
func (r trial) Parallel()                          {}
func (r trial) Verbose() bool                      { return testing.Verbose() }

func (r trial) FailNow() {
	r.failed.Store(true)
	runtime.Goexit()
}

func (r trial) Fatal(args ...any) {
	r.Log(args...)
	r.FailNow()
}
