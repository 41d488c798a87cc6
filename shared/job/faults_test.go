package job_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

func TestTransientErrorsAreRetriedAndOthersEndTheJob(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fail  func() func(int) error
		state job.State
		cause string
	}{
		{"unavailable once", func() func(int) error {
			failed := false
			return func(int) error {
				if !failed {
					failed = true
					return store.ErrUnavailable
				}
				return nil
			}
		}, job.Done, ""},
		{"unavailable for good", func() func(int) error {
			return func(int) error { return store.ErrUnavailable }
		}, job.Failed, "the database or the bucket was not available"},
		{"a problem", func() func(int) error {
			return func(int) error { return &job.ProblemError{Text: "too large"} }
		}, job.Failed, "too large"},
		{"a bug", func() func(int) error {
			return func(int) error { return errors.New("secret") }
		}, job.Failed, "unspecified fault"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, 2)
			f.action.fail = c.fail()
			j := f.confirmed(t, f.engine("1", f.store))
			f.work(t, f.engine("1", f.store))
			got := f.get(t, j)
			if got.State != c.state || got.Cause != c.cause {
				t.Errorf("state %s, cause %q; want %s, %q", got.State, got.Cause, c.state, c.cause)
			}
			if ended := f.action.ended.Load() == 1; ended != (c.state == job.Failed) {
				t.Errorf("cleaned up: %t", ended)
			}
		})
	}
}

// Every call of the store fails once, before and after it takes effect, in all phases of a
// job. Or all further calls fail, as if the process was killed; then another one takes
// over. Every item is done.
func TestJobsSurviveFaultsAndKills(t *testing.T) {
	t.Parallel()
	calls := survive(t, open(t, 2), 0, faultstore.Before, false)
	if calls < 20 {
		t.Fatalf("only %d calls", calls)
	}
	for _, when := range []faultstore.When{faultstore.Before, faultstore.After} {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("after %t, killed %t", when, killed), func(t *testing.T) {
				t.Parallel()
				f := open(t, 2)
				for n := 1; n <= calls; n++ {
					survive(t, f, n, when, killed)
				}
			})
		}
	}
}

// survive does a job, and returns the number of calls of the store. The call with a number
// fails; 0 means none.
func survive(t *testing.T, f *fixture, number int, when faultstore.When, killed bool) int {
	t.Helper()
	faulty := faultstore.NewWith(f.store, func(call int) faultstore.Fault {
		switch {
		case call == number:
			return faultstore.Fault{Call: call, When: when, Err: store.ErrUnavailable}
		case killed && call > number && number > 0:
			return faultstore.Fault{Call: call, When: faultstore.Before, Err: store.ErrUnavailable}
		}
		return faultstore.Fault{}
	})
	e := f.engine("1", faulty)
	j := f.start(t, fmt.Sprint("A", number))
	confirmed := false
	for range 100 {
		f.at.Add(1)
		m, more := f.queue.Take()
		if !more && f.queue.Len() > 0 {
			continue // until a message is due
		}
		if !more && !confirmed {
			f.confirm(t, j)
			confirmed = true
			continue
		}
		if !more {
			break
		}
		if _, err := e.Slice(t.Context(), m); err != nil {
			if killed {
				e = f.engine("2", f.store)
			}
			f.queue.Again(m)
		}
	}
	got := f.get(t, j)
	if got.State != job.Done || got.Progress.Done.Count != 2 || got.Reports != 2 {
		t.Errorf("call %d: %+v", number, got)
	}
	return faulty.Calls()
}

// A conflict over the lease, such as with the end of the turn before, loses no message: the
// worker reads the lease again and takes it.
func TestAConflictOverTheLeaseLosesNoTurn(t *testing.T) {
	t.Parallel()
	const leaseWrite = 2 // the first call reads the lease
	f := open(t, 2)
	faulty := faultstore.NewWith(f.store, func(call int) faultstore.Fault {
		if call == leaseWrite {
			return faultstore.Fault{Call: call, When: faultstore.Before, Err: store.ErrConflict}
		}
		return faultstore.Fault{}
	})
	j := f.start(t, "A")
	f.work(t, f.engine("1", faulty))
	if got := f.get(t, j); got.State != job.Planned {
		t.Errorf("the job is %s, want %s", got.State, job.Planned)
	}
}
