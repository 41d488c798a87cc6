package sweep_test

import (
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/retention"
)

// A recording that is imported while nothing limits its account leaves no note. It is found once
// the same policy applies again, even if no sweep has seen that it did not.
func TestAPolicyThatComesBack(t *testing.T) {
	t.Parallel()
	all := retention.Rule{Name: "all", Days: 30}
	for _, tt := range []struct {
		name      string
		off, back func(w *world, tree *access.Tree)
		away      time.Duration // between the two, in halves around the import
	}{
		{
			"removed and saved again, between two sweeps",
			func(w *world, _ *access.Tree) { w.drop("top") }, func(w *world, _ *access.Tree) { w.save("top", all) }, 10 * time.Minute,
		},
		{
			"covered by a policy below for some minutes",
			func(w *world, _ *access.Tree) { w.save("A", retention.Rule{Name: "keep", Forever: true}) },
			func(w *world, _ *access.Tree) { w.drop("A") },
			10 * time.Minute,
		},
		{
			"the account moved out and back, between two sweeps",
			func(w *world, tree *access.Tree) { w.check(tree.Move(w.ctx(), "A", "")) },
			func(w *world, tree *access.Tree) { w.check(tree.Move(w.ctx(), "A", "mid")) }, 10 * time.Minute,
		},
		{
			"the account moved out and back, with sweeps in between",
			func(w *world, tree *access.Tree) { w.check(tree.Move(w.ctx(), "A", "")) },
			func(w *world, tree *access.Tree) { w.check(tree.Move(w.ctx(), "A", "mid")) }, 48 * time.Hour,
		},
		{
			"the account above moved out and back",
			func(w *world, tree *access.Tree) { w.check(tree.Move(w.ctx(), "mid", "")) },
			func(w *world, tree *access.Tree) { w.check(tree.Move(w.ctx(), "mid", "top")) }, 10 * time.Minute,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tree := access.NewTree(w.store)
			for _, add := range [][2]string{{"top", ""}, {"mid", "top"}, {"A", "mid"}} {
				w.check(tree.Add(w.ctx(), add[0], add[1], ""))
			}
			w.save("top", all)
			w.run(0)
			w.pass(time.Hour, 0)
			w.put("A", 31) // it leaves a bookmark
			w.run(1)
			tt.off(w, tree)
			w.wait(tt.away / 2)
			s := retention.Watch(w.store, retention.NewRules(w.store, w.Now))
			w.check(s.Put(w.ctx(), w.rec("A", "x", 100, `{}`)))
			w.wait(tt.away / 2)
			tt.back(w, tree)
			w.pass(72*time.Hour, 1)
			w.wantLeft("A", "")
		})
	}
}

// Changes of an account that do not move it, and the sweep after them, read nothing again.
func TestChangesThatMoveNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tree := access.NewTree(w.store)
	for _, add := range [][2]string{{"top", ""}, {"A", "top"}} {
		w.check(tree.Add(w.ctx(), add[0], add[1], ""))
	}
	w.check(w.store.Put(w.ctx(), w.rec("A", "in", 100, `{"direction":"inbound"}`)))
	w.save("top", retention.Rule{Name: "in", Forever: true, Direction: "inbound"}, retention.Rule{Name: "all", Days: 30})
	w.run(0)
	w.pass(time.Hour, 0) // once more, for writers that did not know the policy yet
	w.read = 0
	w.check(tree.Rename(w.ctx(), "A", "Shop"))
	w.check(tree.Disable(w.ctx(), "top"))
	w.check(tree.Move(w.ctx(), "A", "top"))
	w.pass(3*time.Hour, 0)
	if w.read != 0 {
		t.Errorf("the sweeps have read %d recordings, want none", w.read)
	}
	w.check(tree.Move(w.ctx(), "A", ""))
	w.check(tree.Move(w.ctx(), "A", "top"))
	w.pass(3*time.Hour, 0)
	if w.read != 2 {
		t.Errorf("after two moves the sweeps have read %d recordings, want 1 at once and once more", w.read)
	}
}

// drop removes the policy of an account.
func (w *world) drop(account string) {
	w.Helper()
	s, revision, err := retention.Book{Entries: w.store}.Own(w.ctx(), account)
	w.check(err)
	s.Policy = nil
	w.check(retention.Save(w.ctx(), w.store, account, revision, s))
}

// wait lets time pass. If it is more than an hour, sweeps run, and remove nothing.
func (w *world) wait(d time.Duration) {
	w.Helper()
	if d <= time.Hour {
		w.now = w.now.Add(d)
		return
	}
	w.pass(d, 0)
}
