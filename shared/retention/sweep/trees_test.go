package sweep_test

import (
	"context"
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
