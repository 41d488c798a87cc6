package access_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// openStore returns an empty store.
func openStore(t testing.TB) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// plant adds accounts, each written as "parent/account".
func plant(t testing.TB, tree *access.Tree, accounts ...string) {
	t.Helper()
	for _, a := range accounts {
		parent, account, _ := strings.Cut(a, "/")
		if err := tree.Add(t.Context(), account, parent, "name of "+account); err != nil {
			t.Fatalf("Add(%s): %v", a, err)
		}
	}
}

// family is the tree of most tests: two resellers with accounts below them.
var family = []string{"/top", "top/east", "top/west", "east/shop", "shop/till", "shop/yard", "west/mill"}

// snapshot returns all accounts by their IDs, as Walk passes them.
func snapshot(t testing.TB, entries store.Entries) map[string]access.Account {
	t.Helper()
	all := map[string]access.Account{}
	err := access.NewTree(entries).Walk(t.Context(), "", func(l access.Listed) error {
		if _, again := all[l.ID]; again {
			t.Errorf("Walk passes %s twice", l.ID)
		}
		all[l.ID] = l.Account
		return nil
	})
	if err != nil {
		t.Fatalf("Walk: %v", err)
	}
	return all
}

// wantConsistent fails the test unless each entry follows from the parents of all
// accounts and from which of them are themselves disabled. known are the IDs of all
// accounts.
func wantConsistent(t testing.TB, entries store.Entries, known ...string) {
	t.Helper()
	all := snapshot(t, entries)
	for id, a := range all {
		var ancestors, disabled []string
		for at := id; at != ""; at = all[at].Parent {
			if at != id {
				ancestors = append(ancestors, at)
			}
			if slices.Contains(all[at].Disabled, at) {
				disabled = append(disabled, at)
			}
			if len(ancestors) > len(all) {
				t.Fatalf("%s is above itself: %v", id, ancestors)
			}
		}
		if !slices.Equal(a.Ancestors, ancestors) || !slices.Equal(a.Disabled, disabled) {
			t.Errorf("%s has ancestors %v and disabled %v, want %v and %v", id, a.Ancestors, a.Disabled, ancestors, disabled)
		}
	}
	for _, id := range known {
		if _, ok := all[id]; !ok {
			t.Errorf("%s is not in the tree", id)
		}
	}
	if len(all) != len(known) {
		t.Errorf("%d accounts are in the tree, want %d", len(all), len(known))
	}
}

// ids are the IDs of accounts that are written as for plant.
func ids(accounts []string) []string {
	var all []string
	for _, a := range accounts {
		_, id, _ := strings.Cut(a, "/")
		all = append(all, id)
	}
	return all
}

func TestTree(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	tree := access.NewTree(s)
	plant(t, tree, family...)
	want := func(id, ancestors, disabled string) {
		t.Helper()
		a, err := tree.Account(t.Context(), id)
		if err != nil || strings.Join(a.Ancestors, " ") != ancestors || strings.Join(a.Disabled, " ") != disabled || a.Name != "name of "+id {
			t.Errorf("account %s = %+v, %v, want ancestors %q and disabled %q", id, a, err, ancestors, disabled)
		}
		wantConsistent(t, s, ids(family)...)
	}
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want("till", "shop east top", "")
	do(tree.Disable(t.Context(), "east"))
	do(tree.Disable(t.Context(), "till"))
	want("east", "top", "east")
	want("till", "shop east top", "till east")
	want("yard", "shop east top", "east")
	do(tree.Move(t.Context(), "shop", "west"))
	want("till", "shop west top", "till")
	do(tree.Disable(t.Context(), "top"))
	want("till", "shop west top", "till top")
	do(tree.Move(t.Context(), "shop", ""))
	want("shop", "", "")
	want("till", "shop", "till")
	do(tree.Enable(t.Context(), "till"))
	want("till", "shop", "")
	do(tree.Enable(t.Context(), "west"))
	want("mill", "west top", "top")
	do(tree.Move(t.Context(), "shop", "mill"))
	want("yard", "shop mill west top", "top")
	do(tree.Enable(t.Context(), "top"))
	want("east", "top", "east")
	want("yard", "shop mill west top", "")
	do(tree.Move(t.Context(), "shop", "mill")) // where it is already
	do(tree.Rename(t.Context(), "shop", "Shop"))
	do(tree.Rename(t.Context(), "shop", "name of shop"))
	var walked []string
	do(tree.Walk(t.Context(), "west", func(l access.Listed) error { walked = append(walked, l.ID); return nil }))
	if got := strings.Join(walked, " "); got != "west mill shop till yard" {
		t.Errorf("Walk passes %s, want each account before those below it", got)
	}
}

func TestTreeErrors(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	tree := access.NewTree(s)
	plant(t, tree, family...)
	before := snapshot(t, s)
	long := strings.Repeat("n", access.MaxAccountName+1)
	ctx := t.Context()
	for name, c := range map[string]struct{ got, want error }{
		"its own parent":             {tree.Add(ctx, "new", "new", ""), access.ErrCycle},
		"added again":                {tree.Add(ctx, "shop", "east", ""), access.ErrAccountExists},
		"below an unknown account":   {tree.Add(ctx, "new", "unknown", ""), access.ErrNoAccount},
		"an ID with a slash":         {tree.Add(ctx, "a/b", "", ""), access.ErrAccount},
		"without an ID":              {tree.Add(ctx, "", "", ""), access.ErrAccount},
		"a parent with a slash":      {tree.Add(ctx, "new", "a/b", ""), access.ErrAccount},
		"a long name":                {tree.Add(ctx, "new", "", long), access.ErrAccount},
		"renamed to a long name":     {tree.Rename(ctx, "shop", long), access.ErrAccount},
		"an unknown account renamed": {tree.Rename(ctx, "unknown", ""), access.ErrNoAccount},
		"moved below itself":         {tree.Move(ctx, "shop", "shop"), access.ErrCycle},
		"moved below its child":      {tree.Move(ctx, "east", "shop"), access.ErrCycle},
		"moved below its grandchild": {tree.Move(ctx, "top", "till"), access.ErrCycle},
		"an unknown account moved":   {tree.Move(ctx, "unknown", "top"), access.ErrNoAccount},
		"nothing moved":              {tree.Move(ctx, "", "top"), access.ErrAccount},
		"moved below an unknown one": {tree.Move(ctx, "shop", "unknown"), access.ErrNoAccount},
		"an unknown one disabled":    {tree.Disable(ctx, "unknown"), access.ErrNoAccount},
		"nothing disabled":           {tree.Disable(ctx, ""), access.ErrAccount},
		"an unknown one enabled":     {tree.Enable(ctx, "unknown"), access.ErrNoAccount},
		"an unknown one walked":      {tree.Walk(ctx, "unknown", nil), access.ErrNoAccount},
	} {
		if !errors.Is(c.got, c.want) {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	if after := snapshot(t, s); !reflect.DeepEqual(after, before) {
		t.Errorf("the tree is %+v, want it unchanged: %+v", after, before)
	}
}

func TestTreeDepth(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	tree := access.NewTree(s)
	parent := ""
	var known []string
	for i := range access.MaxDepth + 1 {
		id := fmt.Sprintf("a%d", i)
		if err := tree.Add(t.Context(), id, parent, ""); err != nil {
			t.Fatal(err)
		}
		parent, known = id, append(known, id)
	}
	if err := tree.Add(t.Context(), "deeper", parent, ""); !errors.Is(err, access.ErrAccount) {
		t.Errorf("Add below %d accounts = %v, want %v", access.MaxDepth+1, err, access.ErrAccount)
	}
	plant(t, tree, "/single")
	known = append(known, "single")
	if err := tree.Move(t.Context(), "single", parent); !errors.Is(err, access.ErrAccount) {
		t.Errorf("Move below %d accounts = %v, want %v", access.MaxDepth+1, err, access.ErrAccount)
	}
	if err := tree.Move(t.Context(), "a0", "single"); err != nil {
		t.Errorf("Move of %d accounts = %v", access.MaxDepth+1, err)
	}
	wantConsistent(t, s, known...)
}

// An import follows its source, but not against an operator.
func TestFollow(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	tree := access.NewTree(s)
	plant(t, tree, family...)
	disable := func() error { return tree.Disable(t.Context(), "east") }
	enable := func() error { return tree.Enable(t.Context(), "east") }
	follow := func(enabled bool) func() error {
		return func() error { return tree.Follow(t.Context(), "east", enabled, "kazoo") }
	}
	for i, step := range []struct {
		do      func() error
		enabled bool
		by      string
	}{
		{follow(true), true, ""},
		{follow(false), false, "kazoo"},
		{follow(false), false, "kazoo"},
		{follow(true), true, ""},
		{disable, false, ""},
		{follow(true), false, ""},
		{follow(false), false, ""},
		{enable, true, ""},
		{follow(false), false, "kazoo"},
		{disable, false, ""}, // the operator confirms it
		{follow(true), false, ""},
		{enable, true, ""},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		a, err := tree.Account(t.Context(), "east")
		if err != nil || a.Enabled() != step.enabled || a.DisabledBy != step.by {
			t.Errorf("step %d: %+v, %v, want enabled %v by %q", i, a, err, step.enabled, step.by)
		}
		if shop, err := tree.Account(t.Context(), "shop"); err != nil || shop.Enabled() != step.enabled {
			t.Errorf("step %d: the account below is %+v, %v", i, shop, err)
		}
	}
	if err := tree.Disable(t.Context(), "top"); err != nil {
		t.Fatal(err)
	}
	if err := tree.Follow(t.Context(), "east", true, "kazoo"); err != nil {
		t.Fatal(err)
	}
	wantConsistent(t, s, ids(family)...)
}

// A parent with more children than fit on a page.
func TestManyChildren(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	tree := access.NewTree(s)
	accounts := []string{"/top", "/other"}
	for i := range 230 {
		accounts = append(accounts, fmt.Sprintf("top/a%d", i))
	}
	plant(t, tree, accounts...)
	for _, err := range []error{tree.Move(t.Context(), "top", "other"), tree.Disable(t.Context(), "other")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	wantConsistent(t, s, ids(accounts)...)
	if a, err := tree.Account(t.Context(), "a229"); err != nil || a.Enabled() || !a.Below("other") {
		t.Errorf("the last child is %+v, %v, want it disabled below other", a, err)
	}
}

// The end of the context ends a change, and the next one finishes it.
func TestCanceledChange(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	tree := access.NewTree(s)
	plant(t, tree, family...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := tree.Move(ctx, "shop", "west"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Move = %v, want %v", err, store.ErrUnavailable)
	}
	if err := tree.Disable(t.Context(), "top"); err != nil {
		t.Fatal(err)
	}
	wantConsistent(t, s, ids(family)...)
}

// Moves counts what changes the accounts above, for the account that moves and for all below it.
func TestMoves(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	tree := access.NewTree(s)
	plant(t, tree, family...)
	for _, change := range []func() error{
		func() error { return tree.Rename(t.Context(), "shop", "Shop") },
		func() error { return tree.Disable(t.Context(), "top") },
		func() error { return tree.Move(t.Context(), "east", "top") }, // it is there
		func() error { return tree.Move(t.Context(), "east", "") },
		func() error { return tree.Move(t.Context(), "east", "top") },
		func() error { return tree.Move(t.Context(), "till", "mill") },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
	}
	all := snapshot(t, s)
	for id, want := range map[string]int{"top": 0, "west": 0, "mill": 0, "east": 2, "shop": 2, "yard": 2, "till": 3} {
		if got := all[id].Moves; got != want {
			t.Errorf("%s has moved %d times, want %d", id, got, want)
		}
	}
}
