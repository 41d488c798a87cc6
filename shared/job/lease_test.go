package job_test

import (
	"testing"
	"time"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/store"
)

const day = 24 * 60 * 60

// A clock that was ahead and is corrected holds up no account: neither by the turns that it
// gave, nor by the retries that it set.
func TestAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	wake := func(t *testing.T, f *fixture) {
		t.Helper()
		if _, err := f.book.WakeWaiting(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		// ahead is how many seconds the clock is ahead until the correction.
		ahead int64
		// slice does one slice of the running job, and corrects the clock.
		slice func(t *testing.T, f *fixture, e *job.Engine, correct func())
	}{
		{"during a slice", 60, func(t *testing.T, f *fixture, e *job.Engine, correct func()) {
			t.Helper()
			f.action.fail = func(int) error {
				correct()
				return store.ErrUnavailable // else this slice would go on until the time before
			}
			f.slice(t, e)
			f.action.fail = nil
		}},
		{"after a slice", day, func(t *testing.T, f *fixture, e *job.Engine, correct func()) {
			t.Helper()
			f.slice(t, e)
			correct()
			wake(t, f)
		}},
		{"after the death of a process", day, func(t *testing.T, f *fixture, e *job.Engine, correct func()) {
			t.Helper()
			f.action.fail = func(int) error { panic("killed") }
			func() {
				defer func() { _ = recover() }()
				f.slice(t, e)
			}()
			f.action.fail = nil
			correct()
			wake(t, f)
		}},
		{"before a retry", day, func(t *testing.T, f *fixture, e *job.Engine, correct func()) {
			t.Helper()
			f.action.fail = func(int) error { return store.ErrUnavailable }
			f.slice(t, e)
			f.action.fail = nil
			if _, ok := f.queue.Take(); ok {
				t.Error("the retry is due at once")
			}
			correct()
			wake(t, f)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, 3)
			e := f.engine("1", f.store)
			f.at.Add(c.ahead)
			j := f.confirmed(t, e)
			c.slice(t, f, e, func() { f.at.Add(-c.ahead) })
			corrected := f.at.Load()
			for range 20 { // a message that is due a day later does not count
				f.at.Add(10)
				if m, due := f.queue.Take(); due {
					if _, err := e.Slice(t.Context(), m); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got := f.get(t, j); got.State != job.Done {
				t.Errorf("%d s after the correction: %+v", f.at.Load()-corrected, got)
			}
		})
	}
}

// If the clock of a process is up to five seconds ahead, its turn is protected for all of its time.
func TestATurnOfAFastClockIsProtected(t *testing.T) {
	t.Parallel()
	const skew = 5
	f := open(t, 1)
	first, second := f.engine("1", f.store), f.engine("2", f.store)
	f.at.Add(skew)
	j := f.confirmed(t, first)
	f.action.fail = func(int) error {
		f.at.Add(-skew) // the other process has another clock
		for _, after := range []int64{0, skew, 59} {
			f.at.Add(after)
			worked, err := second.Slice(t.Context(), job.Message{Account: "A", ID: "other", Sent: f.now().Add(time.Second)})
			if worked || err != nil {
				t.Errorf("second worker after %d s: %t, %v", after, worked, err)
			}
			f.at.Add(-after)
		}
		return nil
	}
	f.slice(t, first)
	if got := f.get(t, j); got.Progress.Done.Count != 1 {
		t.Errorf("%+v", got)
	}
}
