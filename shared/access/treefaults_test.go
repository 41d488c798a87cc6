package access_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
)

// A process that dies at any call of a change leaves each entry as it was before or as it
// is after the change. A later process finishes the change.
func TestTreeSurvivesCrashes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(context.Context, *access.Tree) error{
		"add":         func(ctx context.Context, tree *access.Tree) error { return tree.Add(ctx, "new", "shop", "") },
		"move":        func(ctx context.Context, tree *access.Tree) error { return tree.Move(ctx, "shop", "west") },
		"move to top": func(ctx context.Context, tree *access.Tree) error { return tree.Move(ctx, "east", "") },
		"disable":     func(ctx context.Context, tree *access.Tree) error { return tree.Disable(ctx, "top") },
		"enable":      func(ctx context.Context, tree *access.Tree) error { return tree.Enable(ctx, "west") },
		"rename":      func(ctx context.Context, tree *access.Tree) error { return tree.Rename(ctx, "top", "Top") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after := openFamily(t)
			before := snapshot(t, after)
			if err := change(t.Context(), access.NewTree(after)); err != nil {
				t.Fatal(err)
			}
			want := snapshot(t, after)
			for call := 1; ; call++ {
				if crash(t, call, change, before, want) {
					if call < 3 {
						t.Errorf("the change takes %d calls, want at least 2", call-1)
					}
					return
				}
			}
		})
	}
}

// openFamily returns a store with the family, in which west is disabled.
func openFamily(t *testing.T) faultstore.Driver {
	t.Helper()
	s := openStore(t)
	tree := access.NewTree(s)
	plant(t, tree, family...)
	if err := tree.Disable(t.Context(), "west"); err != nil {
		t.Fatal(err)
	}
	return s
}

// crash makes a change die at a call, and checks the tree. It returns true if the change
// takes fewer calls.
func crash(t *testing.T, call int, change func(context.Context, *access.Tree) error, before, after map[string]access.Account) bool {
	t.Helper()
	for _, when := range []faultstore.When{faultstore.Before, faultstore.After} {
		s := openFamily(t)
		faulty := faultstore.NewWith(s, func(n int) faultstore.Fault {
			switch {
			case n == call:
				return faultstore.Fault{When: when, Err: store.ErrUnavailable}
			case n > call: // the process is dead
				return faultstore.Fault{When: faultstore.Before, Err: store.ErrUnavailable}
			}
			return faultstore.Fault{}
		})
		err := change(t.Context(), access.NewTree(faulty))
		if err == nil {
			return true
		}
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("call %d: %v, want %v", call, err, store.ErrUnavailable)
		}
		for id, a := range snapshot(t, s) {
			if !reflect.DeepEqual(a, before[id]) && !reflect.DeepEqual(a, after[id]) {
				t.Errorf("call %d: %s is %+v, want it as before or after the change", call, id, a)
			}
		}
		if err := access.NewTree(s).Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := snapshot(t, s); !reflect.DeepEqual(got, before) && !reflect.DeepEqual(got, after) {
			t.Errorf("call %d: after Resume the tree is %+v, want it as before or after the change", call, got)
		}
		if err := change(t.Context(), access.NewTree(s)); err != nil && !errors.Is(err, access.ErrAccountExists) {
			t.Errorf("call %d: the change again: %v", call, err)
		}
		if got := snapshot(t, s); !reflect.DeepEqual(got, after) {
			t.Errorf("call %d: the tree is %+v, want %+v", call, got, after)
		}
	}
	return false
}

// Several clients change the tree at the same time, and one call in eight fails. No
// order of adds, moves and disables makes an entry wrong or an account its own ancestor.
func TestTreeUnderConcurrentChanges(t *testing.T) {
	t.Parallel()
	concurrentChanges(t, openStore(t))
}

func concurrentChanges(t *testing.T, s faultstore.Driver) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const clients, changes = 4, 25
	plant(t, access.NewTree(s), family...)
	var mu sync.Mutex
	known := ids(family)
	var wg sync.WaitGroup
	for client := range uint64(clients) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, client))
			faulty := faultstore.NewWith(s, func(int) faultstore.Fault {
				if random.IntN(8) > 0 {
					return faultstore.Fault{}
				}
				return faultstore.Fault{When: random.IntN(2) == 0, Err: store.ErrUnavailable}
			})
			tree := access.NewTree(faulty)
			for i := range changes {
				mu.Lock()
				a, b := known[random.IntN(len(known))], known[random.IntN(len(known))]
				mu.Unlock()
				var err error
				switch random.IntN(5) {
				case 0:
					id := fmt.Sprintf("new-%d-%d", client, i)
					err = tree.Add(t.Context(), id, a, "")
					if _, e := access.NewTree(s).Account(t.Context(), id); e == nil {
						mu.Lock()
						known = append(known, id)
						mu.Unlock()
					}
				case 1:
					err = tree.Disable(t.Context(), a)
				case 2:
					err = tree.Enable(t.Context(), a)
				default:
					err = tree.Move(t.Context(), a, b)
				}
				if err != nil && !errors.Is(err, store.ErrUnavailable) && !errors.Is(err, access.ErrCycle) && !errors.Is(err, store.ErrConflict) {
					t.Error(err)
				}
			}
		})
	}
	stop := watch(t, s, func(id string, a access.Account) error {
		if slices.Contains(a.Ancestors, id) {
			return fmt.Errorf("%s is above itself: %v", id, a.Ancestors)
		}
		return nil
	}, ids(family))
	wg.Wait()
	stop()
	if err := access.NewTree(s).Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantConsistent(t, s, known...)
}

// While a subtree moves back and forth, readers see each account below one reseller or
// below the other, with that reseller's state. Accounts that are added meanwhile too.
func TestReadersOfAMove(t *testing.T) {
	t.Parallel()
	readersOfAMove(t, openStore(t), 20)
}

func readersOfAMove(t *testing.T, s faultstore.Driver, width int) {
	t.Helper()
	tree := access.NewTree(s)
	accounts := []string{"/east", "/west", "east/shop"}
	for i := range width {
		accounts = append(accounts, fmt.Sprintf("shop/a%d", i), fmt.Sprintf("a%d/b%d", i, i))
	}
	plant(t, tree, accounts...)
	if err := tree.Disable(t.Context(), "west"); err != nil {
		t.Fatal(err)
	}
	stop := watch(t, s, func(id string, a access.Account) error {
		if a.Below("east") == a.Below("west") || a.Below("west") == a.Enabled() || len(a.Ancestors) > 3 {
			return fmt.Errorf("%s has ancestors %v and disabled %v", id, a.Ancestors, a.Disabled)
		}
		return nil
	}, ids(accounts[2:]))
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range width {
			if err := access.NewTree(s).Add(t.Context(), fmt.Sprintf("c%d", i), fmt.Sprintf("a%d", i), ""); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 6 {
		if err := tree.Move(t.Context(), "shop", []string{"west", "east"}[i%2]); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
	stop()
	for i := range width {
		accounts = append(accounts, fmt.Sprintf("a%d/c%d", i, i))
	}
	wantConsistent(t, s, ids(accounts)...)
}

// watch reads accounts again and again and checks each, until the returned function is
// called.
func watch(t *testing.T, entries store.Entries, check func(id string, a access.Account) error, accounts []string) (stop func()) {
	t.Helper()
	var done atomic.Bool
	var wg sync.WaitGroup
	reads := 0
	wg.Go(func() {
		tree := access.NewTree(entries)
		for !done.Load() {
			for _, id := range accounts {
				a, err := tree.Account(t.Context(), id)
				if err == nil {
					err = check(id, a)
				}
				if err != nil {
					t.Error(err)
				}
				reads++
			}
		}
	})
	return func() {
		done.Store(true)
		wg.Wait()
		if reads < len(accounts) {
			t.Errorf("%d reads, want at least %d", reads, len(accounts))
		}
	}
}
