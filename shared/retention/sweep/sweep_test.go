package sweep_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
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

// slow removes recordings, and ends the run after some of them.
type slow struct {
	sweep.Remover
	left int
	stop func()
}

func (s *slow) Expire(ctx context.Context, account, id string, now recording.Seconds) error {
	if s.left--; s.left == 0 {
		s.stop()
	}
	return s.Remover.Expire(ctx, account, id, now)
}

// The next run continues one that ended early, and begins where it stopped.
func TestARunThatEndsEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, account := range []string{"A", "B", "C"} {
		w.put(account, 40, 41, 42, 43, 44)
		w.save(account, retention.Rule{Name: "all", Days: 30})
	}
	ctx, cancel := context.WithCancel(t.Context())
	whole := w.Remove
	w.Remove = &slow{whole, 7, cancel}
	n, _ := w.Sweeper.Run(ctx)
	if n < 6 || n > 7 {
		t.Errorf("the run removed %d recordings before it ended, want 6 or 7", n)
	}
	first := ""
	w.Remove = noting{whole, func(account string) { first = cmp.Or(first, account) }}
	w.pass(time.Hour, 15-n)
	if first != "C" {
		t.Errorf("the next run begins with %s, want C: the time was up in the turn of B", first)
	}
	for _, account := range []string{"A", "B", "C"} {
		w.wantLeft(account, "")
	}
}

// failing fails for one account.
type failing struct{ sweep.Remover }

func (f failing) Expire(ctx context.Context, account, id string, now recording.Seconds) error {
	if account == "A" {
		return store.ErrUnavailable
	}
	return f.Remover.Expire(ctx, account, id, now)
}

// An account that fails does not keep others from their turns, and is swept later.
func TestAnAccountThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, account := range []string{"A", "B"} {
		w.put(account, 40)
		w.save(account, retention.Rule{Name: "all", Days: 30})
	}
	whole := w.Remove
	w.Remove = failing{whole}
	if n, err := w.Sweeper.Run(w.ctx()); n != 1 || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Run = %d, %v, want 1 and the error", n, err)
	}
	w.Remove = whole
	w.pass(time.Hour, 1)
}

// No account waits for one with much to remove.
func TestTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("A", 40, 41, 42, 43, 44)
	w.put("B", 40)
	w.save("A", retention.Rule{Name: "all", Days: 30})
	w.save("B", retention.Rule{Name: "all", Days: 30})
	var order []string
	ticks := 0
	w.Now = func() time.Time { ticks++; return w.now.Add(time.Duration(ticks)) } // a nanosecond for each look at it
	w.Turn = 5                                                                   // some of the recordings of A
	w.Remove = removerFunc(func(account string) { order = append(order, account) })
	w.run(6)
	got := strings.Join(order, "")
	if first, last := strings.Index(got, "B"), strings.LastIndex(got, "A"); first < 1 || first > last || len(got) != 6 {
		t.Errorf("the turns are %q, want that of B before the end of A", got)
	}
}

// noting notes whose recordings are removed.
type noting struct {
	sweep.Remover
	note func(account string)
}

func (n noting) Expire(ctx context.Context, account, id string, now recording.Seconds) error {
	n.note(account)
	return n.Remover.Expire(ctx, account, id, now)
}

// Several accounts are swept at the same time, with the same result.
func TestParallelSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Recordings = w.store // counting is for one goroutine
	accounts := []string{"A", "B", "C", "D", "E"}
	for _, account := range accounts {
		w.put(account, 10, 40, 41, 42)
		w.save(account, retention.Rule{Name: "all", Days: 30})
	}
	release := w.hold("C", hold.Scope{Recording: "202601-d41"})
	w.Sweeper.Parallel = 3
	w.Record = func(context.Context, audit.Entry) error { return nil }
	w.run(14)
	for _, account := range accounts {
		w.wantLeft(account, map[bool]string{true: "d41 d10", false: "d10"}[account == "C"])
	}
	release()
	w.pass(time.Hour, 1)
}

// meeting counts the removals that are in progress in each tree at the same time.
type meeting struct {
	sweep.Remover
	tree    func(account string) string
	mu      sync.Mutex
	now     map[string]int
	met     map[string]bool
	other   bool // removals of two trees were in progress at the same time
	waiting time.Duration
}

func (m *meeting) Expire(ctx context.Context, account, id string, now recording.Seconds) error {
	return m.in(m.tree(account), func() error { return m.Remover.Expire(ctx, account, id, now) })
}

func (m *meeting) Condemn(ctx context.Context, account, id string, now recording.Seconds) error {
	return m.in(m.tree(account), func() error { return m.Remover.Condemn(ctx, account, id, now) })
}

func (m *meeting) in(tree string, remove func() error) error {
	m.mu.Lock()
	m.now[tree]++
	m.met[tree] = m.met[tree] || m.now[tree] > 1
	m.other = m.other || len(m.now) > 1
	m.mu.Unlock()
	time.Sleep(m.waiting)
	err := remove()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.now[tree]--; m.now[tree] == 0 {
		delete(m.now, tree)
	}
	return err
}

// Removals in accounts of the same tree wait for each other: they check the same entries. Those of
// other accounts do not wait.
func TestRemovalsInOneTree(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Recordings = w.store // counting is for one goroutine
	tree := access.NewTree(w.store)
	for _, add := range [][2]string{{"top", ""}, {"mid", "top"}, {"A", "mid"}, {"B", "mid"}, {"C", "top"}} {
		w.check(tree.Add(w.ctx(), add[0], add[1], ""))
	}
	w.save("top", retention.Rule{Name: "all", Days: 30})
	w.save("other", retention.Rule{Name: "all", Days: 30})
	until := recording.SecondsOf(w.now.Add(240 * time.Hour))
	for _, account := range []string{"A", "B", "C", "other"} {
		w.put(account, 40, 41, 42, 43)
		_, err := w.store.Delete(w.ctx(), account, "202601-d43", store.Deletion{Until: until})
		w.check(err)
	}
	m := &meeting{Remover: w.Remove, now: map[string]int{}, met: map[string]bool{}, waiting: 10 * time.Millisecond}
	m.tree = func(account string) string {
		if account == "other" {
			return account
		}
		return "top"
	}
	w.Remove, w.Sweeper.Parallel = m, 5
	w.run(16)
	if m.met["top"] || !m.other {
		t.Errorf("removals of one tree met: %v; those of two trees: %v, want false and true", m.met["top"], m.other)
	}
}

type removerFunc func(account string)

func (f removerFunc) Expire(_ context.Context, account, _ string, _ recording.Seconds) error {
	f(account)
	return nil
}

func (f removerFunc) Condemn(_ context.Context, account, _ string, _ recording.Seconds) error {
	f(account)
	return nil
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
