package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// notes returns how many notes an account has.
func (w *world) notes(account string) int {
	w.Helper()
	page, err := w.store.PageEntries(w.ctx(), store.EntryQuery{Partition: retention.StateOf(account), Prefix: retention.AgainPrefix, Limit: 1000})
	w.check(err)
	return len(page.Entries)
}

// goPast takes the bookmark of an account with a new policy to an age of 40 days.
func (w *world) goPast(account string) {
	w.Helper()
	w.pass(time.Hour, 0) // the bookmarks of a new policy start a second time
	w.put(account, 40)
	w.pass(time.Hour, 1)
}

// putOld stores recordings of anna that are behind the bookmark of the account A, so that they
// leave notes.
func (w *world) putOld(count int) {
	w.Helper()
	s := retention.Watch(w.store, retention.NewRules(w.store, w.Now))
	for i := range count {
		w.check(s.Put(w.ctx(), w.rec("A", fmt.Sprintf("h%d", i), float64(400-i), `{"owner_id":"anna"}`)))
	}
}

// sweepFor runs the sweeper every hour for that long. A run ends after 5 seconds of the clock.
func (w *world) sweepFor(d time.Duration) (removed int) {
	w.Helper()
	for start, end := w.now, w.now.Add(d); start.Before(end); {
		start = start.Add(time.Hour)
		w.now = start
		ctx, cancel := context.WithCancel(w.ctx())
		limited := w.Sweeper
		limited.Now = func() time.Time {
			if w.now.Sub(start) > 5*time.Second {
				cancel()
			}
			return w.now
		}
		n, err := limited.Run(ctx)
		cancel()
		w.check(err)
		removed += n
	}
	return removed
}

// Notes about recordings on hold are read once. They keep neither recordings behind them nor
// deleted ones from being removed, and the recordings on hold go after the release.
func TestNotesAboutRecordingsOnHold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		scope hold.Scope
	}{
		{"an owner", hold.Scope{Owner: "anna"}},
		{"a number", hold.Scope{Number: "+49301234567"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const (
				count = 150
				reads = count + 2 // one for the recording behind, one that ends a turn
			)
			w := newWorld(t)
			w.Turn = 500 * time.Millisecond // for 100 of the recordings
			w.save("A", retention.Rule{Name: "all", Days: 30})
			release := w.hold("A", tt.scope)
			w.put("A", 29.5)
			_, err := w.store.Delete(w.ctx(), "A", "202601-d29.5", store.Deletion{Until: recording.SecondsOf(w.now.Add(240 * time.Hour))})
			w.check(err)
			w.run(0)
			w.goPast("A")
			s := retention.Watch(w.store, retention.NewRules(w.store, w.Now))
			for i := range count {
				w.check(s.Put(w.ctx(), w.rec("A", fmt.Sprintf("h%d", i), 400, `{"owner_id":"anna","caller_id_number":"0049301234567"}`)))
			}
			w.check(s.Put(w.ctx(), w.rec("A", "behind", 399, `{}`)))
			w.getTime = 5 * time.Millisecond
			if n := w.sweepFor(48 * time.Hour); n != 2 || w.gets > reads {
				t.Errorf("48 sweeps have removed %d recordings with %d reads of one, want 2 with at most %d", n, w.gets, reads)
			}
			if n := len(w.names("A")); n != count || w.notes("A") != 0 {
				t.Errorf("%d recordings and %d notes are left, want %d and 0", n, w.notes("A"), count)
			}
			release()
			if n := w.sweepFor(2 * time.Hour); n != count {
				t.Errorf("after the release the sweeps removed %d recordings, want %d", n, count)
			}
		})
	}
}

// A recording on hold that a change of the policy or of the holds leaves on hold goes after the
// last release, although its note is dropped.
func TestARecordingThatStaysOnHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.save("A", retention.Rule{Name: "all", Days: 30})
	first := w.hold("A", hold.Scope{Owner: "anna"})
	w.run(0)
	w.goPast("A")
	w.putOld(3)
	w.pass(2*time.Hour, 0)
	if n := w.notes("A"); n != 0 {
		t.Errorf("%d notes are left, want none", n)
	}
	one := w.hold("A", hold.Scope{Recording: "202601-h1"})
	first()
	w.pass(time.Hour, 2)
	w.save("A", retention.Rule{Name: "all", Days: 20})
	w.pass(2*time.Hour, 0)
	last := w.hold("A", hold.Scope{})
	one()
	w.pass(time.Hour, 0)
	last()
	w.pass(time.Hour, 1)
}

// dying fails after n writes.
type dying struct {
	store.EntryReader
	writer store.Entries
	n      int
}

var errDead = errors.New("dead")

func (d *dying) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	if d.n--; d.n < 0 {
		return errDead
	}
	return d.writer.WriteEntries(ctx, writes...)
}

// A run that dies at any write forgets no recording on hold.
func TestARunThatDiesWithHeldRecordings(t *testing.T) {
	t.Parallel()
	for n := range 6 {
		w := newWorld(t)
		w.save("A", retention.Rule{Name: "all", Days: 30})
		release := w.hold("A", hold.Scope{Owner: "anna"})
		w.run(0)
		w.goPast("A")
		w.putOld(2)
		w.now = w.now.Add(time.Hour)
		dead := w.Sweeper
		dead.Entries = &dying{w.store, w.store, n}
		if _, err := dead.Run(w.ctx()); err != nil && !errors.Is(err, errDead) {
			t.Errorf("Run = %v", err)
		}
		release()
		w.pass(time.Hour, 2)
	}
}
