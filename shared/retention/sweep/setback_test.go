package sweep_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/retention/sweep"
	"github.com/callrecordings/api/shared/store"
)

// A recording that is created while the clock is set back is behind the bookmarks, and has
// no note, because by that clock it is new.
func TestRecordingsOfAClockThatIsSetBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("A", retention.Rule{Name: "all", Days: 1})
	w.run(0)
	w.pass(time.Hour, 0)
	w.put("A", 1.01) // it leaves a bookmark
	w.run(1)
	w.now = w.now.Add(-26 * time.Hour)
	_, err := w.Sweeper.Run(w.ctx())
	w.check(err)
	s := retention.Watch(w.store, retention.NewRules(w.store, w.Now))
	w.check(s.Put(w.ctx(), w.rec("A", "x", 0, `{}`)))
	for range 27 { // an hour each
		w.now = w.now.Add(time.Hour)
		_, err := w.Sweeper.Run(w.ctx())
		w.check(err)
	}
	w.wantLeft("A", "")
}

// A note of a clock that was ahead by a day does not wait for that day.
func TestNotesOfAClockThatWasAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("A", retention.Rule{Name: "all", Days: 30})
	w.run(0)
	w.pass(time.Hour, 0)
	w.put("A", 31) // it leaves a bookmark
	w.run(1)
	w.now = w.now.Add(24 * time.Hour)
	s := retention.Watch(w.store, retention.NewRules(w.store, w.Now))
	w.check(s.Put(w.ctx(), w.rec("A", "x", 40, `{}`)))
	w.now = w.now.Add(-24 * time.Hour)
	w.pass(2*time.Hour, 1)
	w.wantLeft("A", "")
}

// What another program removes waits too while the clock is in doubt.
func TestWhenTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	calls := 0
	do := sweep.WhenTrusted(w.store, w.Now, func(_ context.Context, account string, _ recording.Seconds) (int, error) {
		if calls++; account != "A" {
			t.Errorf("called for the account %q", account)
		}
		return calls, nil
	})
	want := func(what string, err error, n int) {
		t.Helper()
		if result, got := do(w.ctx(), "A", 0); !errors.Is(got, err) || calls != n || err == nil && result != n {
			t.Errorf("%s: %d, %v after %d calls, want %v after %d", what, result, got, calls, err, n)
		}
	}
	want("before the first run", nil, 1)
	w.run(0)
	w.now = w.now.Add(2 * time.Hour)
	want("two hours later", nil, 2)
	w.now = w.now.Add(48 * time.Hour)
	want("the clock jumped", sweep.ErrClock, 2)
	w.now = w.now.Add(-48 * time.Hour)
	want("the clock is right again", nil, 3)
}

// While the clock is in doubt, the sweep removes only recordings that were due at a time that
// has certainly come. Calls of Observe advance that time between runs.
func TestSweepWhileTheClockIsInDoubt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("A", retention.Rule{Name: "all", Days: 30})
	w.run(0)
	hours := func(h float64) float64 { return 30 - h/24 } // the age of a recording that expires in h hours
	w.put("A", hours(1), hours(4), hours(20))
	var at recording.Seconds
	w.Restorable = func(_ context.Context, now recording.Seconds) (int, error) {
		at = now
		return 0, nil
	}
	began := w.now
	w.now = w.now.Add(48 * time.Hour)
	for _, tt := range []struct {
		after   time.Duration // of runs
		removed int
		doubt   error
	}{
		{0, 0, sweep.ErrClock}, {2 * time.Hour, 1, sweep.ErrClock}, {5 * time.Hour, 1, sweep.ErrClock}, {9 * time.Hour, 0, sweep.ErrClock}, {10 * time.Hour, 1, nil},
	} {
		for end := began.Add(48*time.Hour + tt.after); w.now.Before(end); {
			w.now = w.now.Add(10 * time.Minute)
			w.check(w.Observe(w.ctx()))
		}
		if n, err := w.Sweeper.Run(w.ctx()); n != tt.removed || !errors.Is(err, tt.doubt) {
			t.Errorf("Run after %v = %d, %v, want %d, %v", tt.after, n, err, tt.removed, tt.doubt)
		}
		if want := recording.SecondsOf(began.Add(tt.after)); tt.after != 0 && tt.doubt != nil && at != want {
			t.Errorf("after %v, deleted recordings are removed as of %d, want %d", tt.after, at, want)
		}
	}
	w.wantLeft("A", "")
}

// entries has another name than its method.
type entries interface{ store.Entries }

// lostBookmarks does not store bookmarks, as if the run died before.
type lostBookmarks struct {
	entries
	lose bool
}

func (l *lostBookmarks) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	if l.lose && strings.HasPrefix(writes[0].Partition, "retention/") && writes[0].Key == "bookmarks" {
		return errors.New("killed")
	}
	return l.entries.WriteEntries(ctx, writes...)
}

// A run that dies after it has followed a note about a recording on hold must not forget
// the recording.
func TestARunThatDiesRemembersWhatIsOnHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lost := &lostBookmarks{entries: w.Entries}
	w.Entries = lost
	w.save("A", retention.Rule{Name: "all", Days: 30})
	w.run(0)
	w.pass(time.Hour, 0)
	w.put("A", 31) // it leaves a bookmark
	w.run(1)
	book := hold.NewBook(w.store, w.Now, rand.Reader, false)
	h, err := book.Draft(hold.Hold{Case: "Smith", Reason: "claim"})
	w.check(err)
	w.check(book.Place(w.ctx(), "A", h))
	w.pass(time.Hour, 0)
	s := retention.Watch(w.store, retention.NewRules(w.store, w.Now))
	w.check(s.Put(w.ctx(), w.rec("A", "x", 40, `{}`)))
	lost.lose = true
	w.now = w.now.Add(time.Hour)
	if _, err := w.Sweeper.Run(w.ctx()); err == nil {
		t.Error("Run = nil, want the error of the bookmarks")
	}
	lost.lose = false
	_, err = book.Release(w.ctx(), "A", h.ID, hold.Release{Reason: "settled"})
	w.check(err)
	w.pass(time.Hour, 1)
	w.wantLeft("A", "")
}
