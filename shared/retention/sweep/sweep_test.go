package sweep_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/retention/sweep"
	"github.com/callrecordings/api/shared/store"
)

// Expired recordings go within the hour, and no others. A recording of exactly the age of
// the rule has expired. Cause and pending purge are those of an expiry.
func TestExpiredRecordingsGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("A", 29.999, 30, 31, 400)
	w.put("B", 400)
	w.save("A", retention.Rule{Name: "all", Days: 30})
	w.run(3)
	w.wantLeft("A", "d29.999")
	w.wantLeft("B", "d400")
	grave, err := w.store.Tombstone(w.ctx(), "A", "202601-d31")
	if err != nil || grave.Cause != store.CauseExpired || !grave.PurgePending {
		t.Errorf("the tombstone is %+v, %v, want an expiry with a pending purge", grave, err)
	}
	w.pass(time.Hour, 1)
	w.wantLeft("A", "")
}

// A sweep reads only recordings that have expired since the last one.
func TestASweepCostsWhatExpires(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	w := newWorld(t)
	for i := range 300 {
		w.check(w.store.Put(w.ctx(), w.rec("A", fmt.Sprintf("k%d", i), 100, `{"direction":"inbound"}`)))
	}
	w.put("A", 1, 2, 3)
	w.save("A", retention.Rule{Name: "in", Days: 3650, Direction: "inbound"}, retention.Rule{Name: "out", Days: 30})
	w.run(0)
	w.pass(time.Hour, 0) // once more, for writers that did not know the policy yet
	w.read = 0
	w.pass(26*time.Hour, 0)
	if w.read != 0 {
		t.Errorf("26 sweeps have read %d recordings, want none", w.read)
	}
	w.pass(29*24*time.Hour, 3)
	if w.read != 3 {
		t.Errorf("the sweeps have read %d recordings, want the 3 that expired", w.read)
	}
}

// The first rule that matches decides, and a new policy applies to existing recordings.
func TestANewPolicyStartsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.check(w.store.Put(w.ctx(), w.rec("A", "in", 100, `{"direction":"inbound"}`)))
	w.check(w.store.Put(w.ctx(), w.rec("A", "out", 100, `{"direction":"outbound"}`)))
	w.save("A", retention.Rule{Name: "in", Forever: true, Direction: "inbound"}, retention.Rule{Name: "all", Days: 30})
	w.run(1)
	w.wantLeft("A", "in")
	w.pass(3*time.Hour, 0)
	w.save("A", retention.Rule{Name: "all", Days: 101})
	w.pass(time.Hour, 0)
	w.save("A", retention.Rule{Name: "all", Days: 100})
	w.pass(time.Hour, 1)
	w.wantLeft("A", "")
}

// Members of a group are part of the policy.
func TestGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people := access.NewDirectory(w.store)
	_, err := people.SetGroup(w.ctx(), "A", "sales", access.Group{})
	w.check(err)
	w.check(people.AddMembers(w.ctx(), "A", "sales", "ben"))
	w.check(w.store.Put(w.ctx(), w.rec("A", "ben", 40, `{"owner_id":"ben"}`)))
	w.check(w.store.Put(w.ctx(), w.rec("A", "eva", 40, `{"owner_id":"eva"}`)))
	w.save("A", retention.Rule{Name: "sales", Days: 30, Group: "sales"})
	w.run(1)
	w.wantLeft("A", "eva")
	w.check(people.AddMembers(w.ctx(), "A", "sales", "eva"))
	w.pass(time.Hour, 1)
}

// Accounts follow the one above unless they have a policy of their own, and bounds hold
// for all of them.
func TestInheritance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tree := access.NewTree(w.store)
	for _, add := range [][2]string{{"top", ""}, {"mid", "top"}, {"own", "mid"}, {"low", "own"}, {"else", ""}} {
		w.check(tree.Add(w.ctx(), add[0], add[1], ""))
		w.put(add[0], 5, 50, 500)
	}
	w.save("top", retention.Rule{Name: "all", Days: 10})
	w.save("own", retention.Rule{Name: "all", Days: 1})
	s, revision, err := retention.Book{Entries: w.store}.Own(w.ctx(), "mid")
	w.check(err)
	s.Min = 100
	w.check(retention.Save(w.ctx(), w.store, "mid", revision, s))
	w.run(2 + 1 + 1 + 1)
	for account, want := range map[string]string{"top": "d5", "mid": "d50 d5", "own": "d50 d5", "low": "d50 d5", "else": "d500 d50 d5"} {
		w.wantLeft(account, want)
	}
	// A move takes the account to other rules.
	w.check(tree.Move(w.ctx(), "mid", "else"))
	w.pass(2*time.Hour, 0)
	w.check(tree.Move(w.ctx(), "low", "top"))
	w.pass(2*time.Hour, 1)
	w.wantLeft("low", "d5")
}

// Recordings on hold stay. After the release they go, although the sweep has passed them.
func TestHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("A", 40, 41, 42)
	book := hold.NewBook(w.store, w.Now, rand.Reader, false)
	h, err := book.Draft(hold.Hold{Case: "Smith", Reason: "claim", Scope: hold.Scope{Recording: "202601-d41"}})
	w.check(err)
	w.check(book.Place(w.ctx(), "A", h))
	w.save("A", retention.Rule{Name: "all", Days: 30})
	w.run(2)
	w.pass(5*time.Hour, 0)
	w.wantLeft("A", "d41")
	_, err = book.Release(w.ctx(), "A", h.ID, hold.Release{Reason: "settled"})
	w.check(err)
	w.pass(time.Hour, 1)
	w.wantLeft("A", "")
}

// Recordings that move behind the sweep are found.
func TestNotes(t *testing.T) {
	t.Parallel()
	keep := retention.Rule{Name: "tagged", Forever: true, Tag: "keep"}
	for _, tt := range []struct {
		name string
		move func(*world, retention.Watched) error
	}{
		{"an import", func(w *world, s retention.Watched) error { return s.Put(w.ctx(), w.rec("A", "x", 400, `{}`)) }},
		{"a tag removed", func(w *world, s retention.Watched) error {
			_, err := s.Update(w.ctx(), "A", "202601-tagged", func(r *recording.Recording) error { r.Document = "{}"; return nil })
			return err
		}},
		{"a corrected time", func(w *world, s retention.Watched) error {
			_, err := s.Correct(w.ctx(), "A", "202601-d1", func(r *recording.Recording) error {
				r.Created -= 400 * recording.Day
				return nil
			})
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("A", 1)
			w.check(w.store.Put(w.ctx(), w.rec("A", "tagged", 300, `{"user_metadata":{"tags":{"keep":true}}}`)))
			w.save("A", keep, retention.Rule{Name: "all", Days: 30})
			w.run(0)
			w.pass(3*time.Hour, 0)
			s := retention.Watch(w.store, retention.NewRules(w.store, w.Now))
			w.check(tt.move(w, s))
			w.run(0) // too soon after the note
			w.pass(time.Hour, 1)
			page, err := w.store.PageEntries(w.ctx(), store.EntryQuery{Partition: retention.StateOf("A"), Prefix: retention.AgainPrefix, Limit: 10})
			if err != nil || len(page.Entries) != 0 {
				t.Errorf("%d notes are left, %v", len(page.Entries), err)
			}
		})
	}
}

// A change that cannot move the expiry, or of a recording too young to be behind the
// sweep, leaves no note.
func TestNoNotesWithoutNeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("A", 300)
	w.save("A", retention.Rule{Name: "all", Days: 3000})
	s := retention.Watch(w.store, retention.NewRules(w.store, w.Now))
	_, err := s.Update(w.ctx(), "A", "202601-d300", func(r *recording.Recording) error { r.Document = `{"name":"x"}`; return nil })
	w.check(err)
	w.check(s.Put(w.ctx(), w.rec("A", "new", 0.9, `{}`)))
	w.check(s.Put(w.ctx(), w.rec("B", "old", 300, `{}`))) // without a policy
	for _, account := range []string{"A", "B"} {
		page, err := w.store.PageEntries(w.ctx(), store.EntryQuery{Partition: retention.StateOf(account), Limit: 10})
		if err != nil || len(page.Entries) != 0 {
			t.Errorf("account %s has %d notes, %v, want none", account, len(page.Entries), err)
		}
	}
}

// meddling runs a function once, in the middle of a removal.
type meddling struct {
	sweep.Removable
	meddle func()
}

func (m *meddling) Delete(ctx context.Context, account, id string, d store.Deletion) (*recording.Recording, error) {
	if f := m.meddle; f != nil {
		m.meddle = nil
		f()
	}
	return m.Removable.Delete(ctx, account, id, d)
}

// A hold or a policy that is saved in the middle of a removal wins.
func TestAChangeDuringARemoval(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		meddle func(*world)
	}{
		{"a hold", func(w *world) {
			book := hold.NewBook(w.store, w.Now, rand.Reader, false)
			h, err := book.Draft(hold.Hold{Case: "Smith", Reason: "claim"})
			w.check(err)
			w.check(book.Place(w.ctx(), "A", h))
		}},
		{"a longer policy", func(w *world) { w.save("A", retention.Rule{Name: "all", Days: 300}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.put("A", 40)
			w.save("A", retention.Rule{Name: "all", Days: 30})
			w.Remove = sweep.FromStore{Book: retention.Book{Entries: w.store}, Recordings: &meddling{w.store, func() { tt.meddle(w) }}}
			w.run(0)
			w.pass(3*time.Hour, 0)
			w.wantLeft("A", "d40")
		})
	}
}

// A restored recording is found, although the sweep has passed its place.
func TestRestores(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("A", 29)
	w.save("A", retention.Rule{Name: "all", Days: 30})
	until := recording.SecondsOf(w.now.Add(10 * 24 * time.Hour))
	_, err := w.store.Delete(w.ctx(), "A", "202601-d29", store.Deletion{Until: until})
	w.check(err)
	release := w.hold("A", hold.Scope{Recording: "202601-d29"}) // it stays restorable after its expiry
	w.put("A", 28)                                              // takes the bookmark past the deleted one
	w.pass(48*time.Hour+time.Minute, 1)
	s := retention.Watch(w.store, retention.NewRules(w.store, w.Now))
	_, err = s.Restore(w.ctx(), "A", "202601-d29", func(*store.Tombstone) error { return nil })
	w.check(err)
	w.wantLeft("A", "d29")
	release()
	w.pass(time.Hour, 1)
}

// The check of the clock also protects restorable recordings. If their sweep fails, expired
// recordings still go.
func TestRestorable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("A", 40)
	w.save("A", retention.Rule{Name: "all", Days: 30})
	calls := 0
	w.Restorable = func(_ context.Context, now recording.Seconds) (int, error) {
		if calls++; now != recording.SecondsOf(w.now) {
			t.Errorf("Restorable at %d, want %d", now, recording.SecondsOf(w.now))
		}
		return 2, store.ErrUnavailable
	}
	if n, err := w.Sweeper.Run(w.ctx()); n != 3 || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Run = %d, %v, want 3 and the error", n, err)
	}
	w.now = w.now.Add(24 * time.Hour)
	if n, err := w.Sweeper.Run(w.ctx()); n != 0 || !errors.Is(err, sweep.ErrClock) || calls != 1 {
		t.Errorf("Run after a jump = %d, %v, with %d calls of Restorable, want %v and 1", n, err, calls, sweep.ErrClock)
	}
}
