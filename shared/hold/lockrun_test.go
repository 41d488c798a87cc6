package hold_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
)

// arrive stores recordings with audio that come on hold.
func (w *lockWorld) arrive(account, name string, count int) (keys []string) {
	w.Helper()
	keeper := hold.Keeper{Store: w.store, Locked: true}
	for i := range count {
		r := held(fmt.Sprintf("%s-%03d", name, i))
		r.Account = account
		check(w, keeper.Arrives(w.Context(), r))
		check(w, w.store.Put(w.Context(), r))
		keys = append(keys, r.AudioKey())
	}
	return keys
}

// An account with more arrivals than a run can lock holds up neither the locks and unlocks of
// another account, nor those of its own other holds.
func TestLockerGivesAccountsTurns(t *testing.T) {
	t.Parallel()
	const (
		arrivals = 60
		calls    = 50 // as many as a run has time for
	)
	w := newLockWorld(t)
	place(t, w.book, "busy", hold.Scope{})
	w.run()
	old := w.put("old", "ben")
	other := held("other")
	other.Account = "zzz"
	check(t, w.store.Put(t.Context(), other))
	hours := 0
	hour := func() {
		w.arrive("acc", fmt.Sprintf("h%d", hours), arrivals)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w.locks.calls, w.locks.fail = 0, func(call int) error {
			if call == calls {
				cancel()
			}
			return ctx.Err()
		}
		if _, err := w.locker().Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
		hours++
		w.later += time.Hour
	}
	want := func(when string, r *recording.Recording, locked bool) {
		t.Helper()
		if w.locks.locked[r.AudioKey()] != locked {
			t.Errorf("%s: %s/%s is locked: %v, want %v", when, r.Account, r.ID, !locked, locked)
		}
	}
	hour()
	h := placeIn(t, w.book, "zzz", "case", hold.Scope{})
	place(t, w.book, "old", hold.Scope{Owner: "ben"})
	hour()
	hour()
	want("two runs after its hold", other, true)
	want("two runs after its hold", old, true)
	_, err := w.book.Release(t.Context(), "zzz", h.ID, hold.Release{Reason: "settled"})
	check(t, err)
	hour()
	hour()
	want("two runs after the release", other, false)
	if n := len(w.locks.locked); n < hours*calls/2 {
		t.Errorf("%d runs have locked %d objects, want at least %d", hours, n, hours*calls/2)
	}
	w.locks.fail = nil
	w.run()
	if n := len(w.locks.locked); n != hours*arrivals+1 {
		t.Errorf("in the end %d objects are locked, want %d", n, hours*arrivals+1)
	}
}

// Several accounts are locked at the same time, with the same result. An object that cannot be
// locked keeps no other one from being locked.
func TestLockerInParallel(t *testing.T) {
	t.Parallel()
	w := newLockWorld(t)
	accounts := []string{"a", "b", "c", "d", "e"}
	all := map[string]bool{}
	for _, account := range accounts {
		placeIn(t, w.book, account, "case", hold.Scope{})
		for _, key := range w.arrive(account, "new", 60) {
			all[key] = true
		}
	}
	bad := (&recording.Recording{Account: "c", ID: "202601-new-030", Audio: held("x").Audio}).AudioKey()
	w.locks.broken = map[string]bool{bad: true}
	l := w.locker()
	l.Parallel = 3
	// The hold of c fails at its page, and the arrivals do not.
	n, err := l.Run(t.Context())
	if !errors.Is(err, errBroken) || n != len(all)-1 || len(w.locks.locked) != n || w.locks.locked[bad] {
		t.Errorf("Run = %d, %v, with %d locks, want %d and the error", n, err, len(w.locks.locked), len(all)-1)
	}
	w.locks.broken = nil
	w.run()
	w.run()
	if len(w.locks.locked) != len(all) {
		t.Errorf("%d objects are locked, want %d", len(w.locks.locked), len(all))
	}
}

// A hold that is placed during a long run is locked before the long work is done, because a run
// has a limit.
func TestLockerRunsHaveALimit(t *testing.T) {
	t.Parallel()
	w := newLockWorld(t)
	const large = 500
	for i := range large {
		w.put(fmt.Sprintf("%03d", i), "ben")
	}
	place(t, w.book, "all", hold.Scope{})
	other := held("other")
	other.Account = "zzz"
	check(t, w.store.Put(t.Context(), other))
	w.locks.fail = func(call int) error {
		if call == 10 {
			placeIn(t, w.book, "zzz", "case", hold.Scope{})
		}
		time.Sleep(2 * time.Millisecond)
		return nil
	}
	l := w.locker()
	l.Time = 200 * time.Millisecond
	for runs := 0; !w.locks.locked[other.AudioKey()]; runs++ {
		if _, err := l.Run(t.Context()); err != nil || runs == 100 {
			t.Fatalf("%d runs: %v", runs, err)
		}
	}
	if n := len(w.locks.locked); n > large/2 {
		t.Errorf("the new hold is locked after %d of %d others", n-1, large)
	}
}

// A Locker that only unlocks leaves the work that locks as it is. An object that it could not
// unlock is tried again.
func TestLockerUnlocksOnly(t *testing.T) {
	t.Parallel()
	w := newLockWorld(t)
	bad := w.put("0", "anna").AudioKey()
	w.put("1", "anna")
	w.put("2", "ben")
	h := place(t, w.book, "anna", hold.Scope{Owner: "anna"})
	w.run()
	_, err := w.book.Release(t.Context(), "acc", h.ID, hold.Release{Reason: "settled"})
	check(t, err)
	place(t, w.book, "ben", hold.Scope{Owner: "ben"})
	run := func(want error) {
		t.Helper()
		for range 2 {
			l := w.locker()
			l.UnlockOnly = true
			if _, err := l.Run(t.Context()); !errors.Is(err, want) {
				t.Errorf("Run = %v, want %v", err, want)
			}
			w.later += 3 * time.Minute
		}
	}
	w.locks.broken = map[string]bool{bad: true}
	run(errBroken)
	w.want("with an object that cannot be unlocked", "0")
	w.locks.broken = nil
	run(nil)
	w.want("after it was mended")
	w.run()
	w.want("after a Locker that also locks", "2")
}
