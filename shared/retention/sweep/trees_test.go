package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/retention/sweep"
	"github.com/callrecordings/api/shared/store"
)

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

// busy removes nothing, but counts removals and lets time pass for each, two milliseconds. The
// time of a run is up after some of them.
type busy struct {
	mu      sync.Mutex
	now     time.Time
	removed map[string]int // by account
	left    int
	stop    func()
	fails   string // an account
}

func (b *busy) Expire(_ context.Context, account, _ string, _ recording.Seconds) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if account == b.fails {
		return store.ErrUnavailable
	}
	b.now = b.now.Add(2 * time.Millisecond)
	b.removed[account]++
	if b.left--; b.left == 0 {
		b.stop()
	}
	return nil
}

func (b *busy) Condemn(ctx context.Context, account, id string, now recording.Seconds) error {
	return b.Expire(ctx, account, id, now)
}

func (b *busy) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// run lets the sweeper of w run until so many recordings are removed.
func (b *busy) run(w *world, removals int) error {
	w.Helper()
	ctx, cancel := context.WithCancel(w.ctx())
	defer cancel()
	b.now, b.left, b.stop = b.now.Add(time.Hour), removals, cancel
	_, err := w.Sweeper.Run(ctx)
	return err
}

// newBusy returns a world with many accounts below P that have much to remove, and with the account
// zz that has one expired recording. A turn has time for 12 removals.
func newBusy(t *testing.T, accounts, recordings int) (*world, *busy) {
	t.Helper()
	w := newWorld(t)
	tree := access.NewTree(w.store)
	w.check(tree.Add(w.ctx(), "P", "", ""))
	for i := range accounts {
		account := fmt.Sprintf("p%02d", i)
		w.check(tree.Add(w.ctx(), account, "P", ""))
		for j := range recordings {
			w.put(account, float64(40+j))
		}
	}
	w.put("zz", 40)
	w.save("P", retention.Rule{Name: "all", Days: 30})
	w.save("zz", retention.Rule{Name: "all", Days: 30})
	b := &busy{now: w.now, removed: map[string]int{}}
	w.Remove, w.Recordings, w.Now = b, w.store, b.clock
	w.Turn = 24 * time.Millisecond
	return w, b
}

// A tree with many accounts that have much to remove takes one turn at a time, so another tree has
// its own soon. Within the tree, each account has its turn.
func TestATreeWithManyBusyAccounts(t *testing.T) {
	t.Parallel()
	for _, parallel := range []int{1, 4} {
		w, b := newBusy(t, 40, 8)
		w.Sweeper.Parallel = parallel
		w.check(b.run(w, 24))
		if b.removed["zz"] != 1 {
			t.Errorf("with %d trees at a time, zz has %d removals after the first run, want 1", parallel, b.removed["zz"])
		}
		w.check(b.run(w, 24))
		for i := range 40 {
			if account := fmt.Sprintf("p%02d", i); b.removed[account] == 0 {
				t.Errorf("with %d trees at a time, %s has no removal after the second run", parallel, account)
			}
		}
	}
}

// An account that fails keeps neither others of its tree nor other trees from their turns.
func TestAnAccountOfATreeThatFails(t *testing.T) {
	t.Parallel()
	w, b := newBusy(t, 3, 2)
	b.fails = "p00"
	if err := b.run(w, 100); !errors.Is(err, store.ErrUnavailable) || fmt.Sprint(b.removed) != "map[p01:2 p02:2 zz:1]" {
		t.Errorf("Run = %v after the removals %v, want the error of p00 and all others", err, b.removed)
	}
}

// Removals in accounts of the same tree are one after the other: they check the same entries. Those
// of other trees do not wait.
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
	m := &meeting{Remover: w.Remove, now: map[string]int{}, met: map[string]bool{}, waiting: 40 * time.Millisecond}
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
