package main

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// bucket knows which keys are locked.
type bucket map[string]bool

func (b bucket) Lock(_ context.Context, key string, _ time.Time) error { b[key] = true; return nil }
func (b bucket) Unlock(_ context.Context, key string) error            { delete(b, key); return nil }

// world has a store, a bucket with Object Lock, and a clock.
type world struct {
	*testing.T

	store *sqlite.Store
	book  *hold.Book
	locks bucket
	at    time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, locks: bucket{}, at: time.Date(2026, 5, 5, 12, 0, 0, 0, time.UTC)}
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: w.now, Random: rand.Reader})
	w.check(err)
	t.Cleanup(func() { _ = s.Close() })
	w.store, w.book = s, hold.NewBook(s, w.now, rand.Reader, true)
	return w
}

func (w *world) now() time.Time { return w.at }

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// place stores a recording of a user and places a hold on that user.
func (w *world) place(user string) hold.Hold {
	w.Helper()
	w.check(w.store.Put(w.Context(), &recording.Recording{
		Account: "acc", ID: "202601-" + user, Owner: user, Created: 1, Document: "{}", Audio: recording.Audio{Place: recording.Managed},
	}))
	h, err := w.book.Draft(hold.Hold{Case: "case", Reason: "reason", By: "admin", Scope: hold.Scope{Owner: user}})
	w.check(err)
	w.check(w.book.Place(w.Context(), "acc", h))
	return h
}

// hours runs the function for some hours, with the setting OBJECT_LOCK, and compares what is locked.
func (w *world) hours(when string, objectLock bool, want ...string) {
	w.Helper()
	for range 3 {
		swept := false
		next := func(context.Context) (int, error) { swept = true; return 0, nil }
		_, err := locking(&config.Settings{ObjectLock: objectLock}, w.store, w.locks, w.now, next)(w.Context())
		if w.check(err); !swept {
			w.Errorf("%s: the sweep did not follow", when)
		}
		w.at = w.at.Add(time.Hour)
	}
	var keys []string
	for _, user := range want {
		keys = append(keys, (&recording.Recording{Account: "acc", ID: "202601-" + user, Audio: recording.Audio{Place: recording.Managed}}).AudioKey())
	}
	if got := slices.Sorted(maps.Keys(w.locks)); !slices.Equal(got, keys) {
		w.Errorf("%s: locked are %q, want %q", when, got, keys)
	}
}

// After ObjectLock was switched off, nothing new is locked. What is locked stays so until its hold
// is released. Once it is on again, what came on hold meanwhile is locked.
func TestObjectLockIsSwitchedOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna, ben := w.place("anna"), w.place("ben")
	w.hours("on", true, "anna", "ben")
	w.place("carl")
	_, err := w.book.Release(t.Context(), "acc", anna.ID, hold.Release{Reason: "settled"})
	w.check(err)
	w.hours("off", false, "ben")
	w.hours("on again", true, "ben", "carl")
	_, err = w.book.Release(t.Context(), "acc", ben.ID, hold.Release{Reason: "settled"})
	w.check(err)
	w.hours("off again", false, "carl")
}

// A failure of the locks does not keep the sweep from running.
func TestTheSweepFollowsAFailureOfTheLocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.place("anna")
	errBroken := errors.New("broken")
	swept := false
	job := locking(&config.Settings{ObjectLock: true}, w.store, broken{err: errBroken}, w.now, func(context.Context) (int, error) { swept = true; return 1, nil })
	if n, err := job(t.Context()); n != 1 || !errors.Is(err, errBroken) || !swept {
		t.Errorf("run = %d, %v, swept %v, want 1, the error and the sweep", n, err, swept)
	}
}

// broken is a bucket that fails.
type broken struct{ err error }

func (b broken) Lock(context.Context, string, time.Time) error { return b.err }
func (b broken) Unlock(context.Context, string) error          { return b.err }
