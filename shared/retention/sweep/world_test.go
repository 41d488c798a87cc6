package sweep_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/retention/sweep"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// world is a store with a sweeper and a clock.
type world struct {
	*testing.T
	store retention.Driver
	now   time.Time
	// read counts the recordings that the sweeper has read from indexes, gets those that it has
	// read one by one. Each of the latter takes getTime.
	read, gets int
	getTime    time.Duration
	sweep.Sweeper
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOver(t, func(clock func() time.Time) retention.Driver {
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: clock, Random: rand.Reader})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	})
}

// newWorldOver returns a world with the store that open opens.
func newWorldOver(t *testing.T, open func(clock func() time.Time) retention.Driver) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	s := open(clock)
	w.store = s
	w.Sweeper = sweep.Sweeper{
		Entries: s, Recordings: counted{s, w}, Now: clock,
		Remove: sweep.FromStore{Book: retention.Book{Entries: s}, Recordings: s},
	}
	return w
}

// counted counts the rows that are read.
type counted struct {
	store.Reader
	w *world
}

func (c counted) Page(ctx context.Context, q store.Query) (store.Page, error) {
	page, err := c.Reader.Page(ctx, q)
	c.w.read += len(page.Recordings)
	return page, err
}

// Get implements store.Reader.
func (c counted) Get(ctx context.Context, account, id string) (*recording.Recording, error) {
	c.w.gets++
	c.w.now = c.w.now.Add(c.w.getTime)
	return c.Reader.Get(ctx, account, id)
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) ctx() context.Context { return w.Context() }

// rec returns a recording that is some days old.
func (w *world) rec(account, name string, days float64, document string) *recording.Recording {
	w.Helper()
	d, err := recording.ParseDocument([]byte(document))
	w.check(err)
	return &recording.Recording{
		Account: account, ID: "202601-" + name, Owner: d.Owner(), Document: d,
		Created: recording.SecondsOf(w.now.Add(-time.Duration(days * 24 * float64(time.Hour)))),
	}
}

// put stores recordings without any note for the sweep.
func (w *world) put(account string, days ...float64) {
	w.Helper()
	for _, d := range days {
		w.check(w.store.Put(w.ctx(), w.rec(account, fmt.Sprintf("d%g", d), d, `{}`)))
	}
}

// save saves the policy of an account.
func (w *world) save(account string, rules ...retention.Rule) {
	w.Helper()
	s, revision, err := retention.Book{Entries: w.store}.Own(w.ctx(), account)
	w.check(err)
	s.Policy = &retention.Policy{Rules: rules}
	w.check(retention.Save(w.ctx(), w.store, account, revision, s))
}

// hold places a legal hold, and returns the function that releases it.
func (w *world) hold(account string, scope hold.Scope) (release func()) {
	w.Helper()
	book := hold.NewBook(w.store, w.Now, rand.Reader, false)
	h, err := book.Draft(hold.Hold{Case: "Smith", Reason: "claim", Scope: scope})
	w.check(err)
	w.check(book.Place(w.ctx(), account, h))
	return func() {
		_, err := book.Release(w.ctx(), account, h.ID, hold.Release{Reason: "settled"})
		w.check(err)
	}
}

// left returns the names of the recordings that an account has, oldest first.
func (w *world) left(account string) string {
	w.Helper()
	return strings.Join(w.names(account), " ")
}

func (w *world) names(account string) []string {
	w.Helper()
	p, err := w.store.Page(w.ctx(), store.Query{Account: account, Ascending: true, Limit: 1000})
	w.check(err)
	var names []string
	for i := range p.Recordings {
		names = append(names, strings.TrimPrefix(p.Recordings[i].ID, "202601-"))
	}
	return names
}

// run runs the sweeper, and checks how many recordings it removes.
func (w *world) run(want int) {
	w.Helper()
	got, err := w.Sweeper.Run(w.ctx())
	w.check(err)
	if got != want {
		w.Errorf("the sweep removed %d recordings, want %d", got, want)
	}
}

// pass lets time pass in steps in which sweeps run, and checks how many recordings they
// remove together.
func (w *world) pass(d time.Duration, want int) {
	w.Helper()
	total := 0
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(min(time.Hour, end.Sub(w.now)))
		n, err := w.Sweeper.Run(w.ctx())
		w.check(err)
		total += n
	}
	if total != want {
		w.Errorf("the sweeps of %v removed %d recordings, want %d", d, total, want)
	}
}

func (w *world) wantLeft(account, want string) {
	w.Helper()
	if got := w.left(account); got != want {
		w.Errorf("account %s has %q left, want %q", account, got, want)
	}
}
