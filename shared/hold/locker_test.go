package hold_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

var errBroken = errors.New("broken")

// locks is a bucket that knows which keys are locked.
type locks struct {
	mu     sync.Mutex
	locked map[string]bool
	lost   string          // a key without an object
	broken map[string]bool // keys that fail
	calls  int
	fail   func(call int) error // nil for success
}

func (l *locks) Lock(_ context.Context, key string, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.call(); err != nil {
		return err
	}
	if key == l.lost {
		return media.ErrNotFound
	}
	if l.broken[key] {
		return errBroken
	}
	l.locked[key] = until.After(noon.AddDate(20, 0, 0))
	return nil
}

func (l *locks) Unlock(_ context.Context, key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.call(); err != nil {
		return err
	}
	if l.broken[key] {
		return errBroken
	}
	delete(l.locked, key)
	return nil
}

func (l *locks) call() error {
	if l.calls++; l.fail != nil {
		return l.fail(l.calls)
	}
	return nil
}

// lockWorld has a store, a bucket with locks, and a clock.
type lockWorld struct {
	*testing.T
	store *sqlite.Store
	locks *locks
	book  *hold.Book
	later time.Duration
}

func newLockWorld(t *testing.T) *lockWorld {
	t.Helper()
	w := &lockWorld{T: t, store: openStore(t), locks: &locks{locked: map[string]bool{}}}
	w.book = hold.NewBook(w.store, w.now, rand.Reader, true)
	return w
}

func (w *lockWorld) now() time.Time { return noon.Add(w.later) }

func (w *lockWorld) locker() *hold.Locker {
	return &hold.Locker{Entries: w.store, Recordings: w.store, Audio: w.locks, Now: w.now}
}

// run runs the locker now and after the time until the second pass.
func (w *lockWorld) run() {
	w.Helper()
	for range 2 {
		if _, err := w.locker().Run(w.Context()); err != nil {
			w.Fatalf("Run: %v", err)
		}
		w.later += 3 * time.Minute
	}
	page, err := w.store.PageEntries(w.Context(), store.EntryQuery{Partition: "hold-locks", Limit: 10})
	if err != nil || len(page.Entries) > 0 {
		w.Errorf("work left: %+v, %v", page, err)
	}
}

// want checks which recordings of acc are locked.
func (w *lockWorld) want(when string, ids ...string) {
	w.Helper()
	var got []string
	for _, key := range slices.Sorted(maps.Keys(w.locks.locked)) {
		got = append(got, key[strings.LastIndex(key, "-")+1:])
	}
	if !slices.Equal(got, ids) {
		w.Errorf("%s: locked are %q, want %q", when, got, ids)
	}
}

func (w *lockWorld) put(id, owner string) *recording.Recording {
	w.Helper()
	r := held(id)
	r.Owner = owner
	check(w, w.store.Put(w.Context(), r))
	return r
}

func TestLocker(t *testing.T) {
	t.Parallel()
	w := newLockWorld(t)
	for i := range 250 {
		w.put(fmt.Sprintf("b%03d", i), "ben")
	}
	w.put("a", "anna")
	pending := held("pending")
	pending.Audio = recording.Audio{}
	check(t, w.store.Put(t.Context(), pending))

	anna := place(t, w.book, "anna", hold.Scope{Owner: "anna"})
	w.run()
	w.want("a hold on a user", "a")
	one := place(t, w.book, "one", hold.Scope{Recording: "202601-b007"})
	all := place(t, w.book, "all", hold.Scope{})
	w.run()
	if n := len(w.locks.locked); n != 251 {
		t.Errorf("%d objects are locked, want all 251", n)
	}
	release := func(h hold.Hold) {
		_, err := w.book.Release(t.Context(), "acc", h.ID, hold.Release{Reason: "settled"})
		check(t, err)
		w.run()
	}
	release(all)
	w.want("after the release of one of two holds", "a", "b007")
	release(one)
	w.want("after another release", "a")
	_, err := w.store.Delete(t.Context(), "acc", "202601-a", store.Deletion{Until: recording.SecondsOf(noon) + 1e6})
	check(t, err)
	w.want("a recording that can be restored", "a")
	release(anna)
	w.want("after all releases")
}

// A hold also locks the audio of deleted recordings that can be restored, on any number of pages.
func TestLockerLocksDeletedAudio(t *testing.T) {
	t.Parallel()
	for _, scope := range []hold.Scope{{}, {Owner: "anna"}, {Number: "030 1234567"}, {From: 800, To: 1000}} {
		w := newLockWorld(t)
		w.put("live", "anna")
		for i := range 120 {
			r := w.put(fmt.Sprintf("%03d", i), "anna")
			_, err := w.store.Delete(t.Context(), "acc", r.ID, store.Deletion{Until: recording.SecondsOf(noon) + 1e6})
			check(t, err)
		}
		other := w.put("other", "ben")
		check(t, correct(t, w.store, other.ID, func(r *recording.Recording) { r.Document = `{"start":5000}` }))
		_, err := w.store.Delete(t.Context(), "acc", other.ID, store.Deletion{Until: recording.SecondsOf(noon) + 1e6})
		check(t, err)
		h := place(t, w.book, "case", scope)
		w.run()
		want := 121
		if scope == (hold.Scope{}) {
			want = 122
		}
		if n := len(w.locks.locked); n != want {
			t.Errorf("under %+v: %d objects are locked, want %d", scope, n, want)
		}
		_, err = w.book.Release(t.Context(), "acc", h.ID, hold.Release{Reason: "settled"})
		check(t, err)
		w.run()
		w.want("after the release")
	}
}

// correct changes a recording of acc without any check.
func correct(t *testing.T, s *sqlite.Store, id string, change func(*recording.Recording)) error {
	t.Helper()
	_, err := s.Correct(t.Context(), "acc", id, func(r *recording.Recording) error { change(r); return nil })
	return err
}

// Audio that arrives after its hold is locked, by an upload as by any other way.
func TestLockerLocksArrivals(t *testing.T) {
	t.Parallel()
	w := newLockWorld(t)
	place(t, w.book, "anna", hold.Scope{Owner: "anna"})
	w.run()
	k := hold.Keeper{Store: w.store, Locked: true}
	pending := held("pending")
	pending.Audio = recording.Audio{}
	check(t, k.Arrives(t.Context(), pending))
	check(t, w.store.Put(t.Context(), pending))
	for _, r := range []*recording.Recording{held("new"), {Account: "acc", ID: "202601-free", Owner: "ben", Document: "{}", Audio: held("x").Audio}} {
		check(t, k.Arrives(t.Context(), r))
		check(t, w.store.Put(t.Context(), r))
	}
	w.run()
	w.want("a new recording", "new")
	_, err := k.Update(t.Context(), "acc", pending.ID, func(r *recording.Recording) error { r.Audio = held("x").Audio; return nil })
	check(t, err)
	w.run()
	w.want("audio that arrived", "new", "pending")
	off := hold.Keeper{Store: w.store}
	check(t, off.Arrives(t.Context(), held("off")))
	if n, err := w.locker().Run(t.Context()); n != 0 || err != nil {
		t.Errorf("without Object Lock: Run = %d, %v", n, err)
	}
}

// A Locker that fails or is killed at any call of the bucket finishes later, and a piece of
// work that fails does not keep others from being done.
func TestLockerFails(t *testing.T) {
	t.Parallel()
	const calls = 9 // for 3 objects: two passes that lock, and one that unlocks
	for n := 1; n <= calls; n++ {
		w := newLockWorld(t)
		for i := range 3 {
			w.put(strconv.Itoa(i), "anna")
		}
		failed := 0
		w.locks.fail = func(call int) error {
			if call == n {
				failed++
				return errBroken
			}
			return nil
		}
		settle := func() {
			for range 3 {
				if _, err := w.locker().Run(t.Context()); err != nil && !errors.Is(err, errBroken) {
					t.Errorf("Run = %v", err)
				}
				w.later += 3 * time.Minute
			}
			w.run()
		}
		h := place(t, w.book, "anna", hold.Scope{Owner: "anna"})
		settle()
		w.want(fmt.Sprintf("a failure of call %d", n), "0", "1", "2")
		_, err := w.book.Release(t.Context(), "acc", h.ID, hold.Release{Reason: "r"})
		check(t, err)
		settle()
		w.want(fmt.Sprintf("a release with a failure of call %d", n))
		if failed != 1 {
			t.Errorf("%d calls failed, want call %d", failed, n)
		}
	}
}

// The lost audio of one recording does not keep the others from being locked.
func TestLockerWithLostAudio(t *testing.T) {
	t.Parallel()
	w := newLockWorld(t)
	w.locks.lost = w.put("0", "anna").AudioKey()
	w.put("1", "anna")
	place(t, w.book, "anna", hold.Scope{Owner: "anna"})
	w.run()
	w.want("lost audio", "1")
}

// Objects that cannot be locked or unlocked keep no others waiting, even those of later pages.
// They are tried again in each run, until they succeed.
func TestLockerPassesObjectsThatFail(t *testing.T) {
	t.Parallel()
	const (
		all    = store.MaxFind + 50
		broken = 3
	)
	w := newLockWorld(t)
	w.locks.broken = map[string]bool{}
	for i := range all {
		r := w.put(fmt.Sprintf("%03d", i), "anna")
		if i < broken {
			w.locks.broken[r.AudioKey()] = true
		}
	}
	run := func(when string, locked int) {
		t.Helper()
		for range 3 {
			if _, err := w.locker().Run(t.Context()); !errors.Is(err, errBroken) {
				t.Errorf("%s: Run = %v, want the error of the object", when, err)
			}
			w.later += 3 * time.Minute
		}
		if n := len(w.locks.locked); n != locked {
			t.Errorf("%s: %d objects are locked, want %d", when, n, locked)
		}
	}
	mend := func(when string, locked int) {
		t.Helper()
		were := w.locks.broken
		w.locks.broken = nil
		w.run()
		if n := len(w.locks.locked); n != locked {
			t.Errorf("%s: %d objects are locked, want %d", when, n, locked)
		}
		w.locks.broken = were
	}
	h := place(t, w.book, "anna", hold.Scope{Owner: "anna"})
	run("with objects that cannot be locked", all-broken)
	mend("after they were mended", all)
	_, err := w.book.Release(t.Context(), "acc", h.ID, hold.Release{Reason: "settled"})
	check(t, err)
	run("with objects that cannot be unlocked", broken)
	mend("after they were mended", 0)
}

// In an outage of the bucket, a page waits as a whole: no work is left for each of its objects.
func TestLockerInAnOutage(t *testing.T) {
	t.Parallel()
	w := newLockWorld(t)
	for i := range store.MaxFind {
		w.put(fmt.Sprintf("%03d", i), "anna")
	}
	w.locks.fail = func(int) error { return errBroken }
	place(t, w.book, "anna", hold.Scope{Owner: "anna"})
	if _, err := w.locker().Run(t.Context()); !errors.Is(err, errBroken) {
		t.Errorf("Run = %v, want the error of the bucket", err)
	}
	page, err := w.store.PageEntries(t.Context(), store.EntryQuery{Partition: "hold-locks", Limit: store.MaxEntries})
	if err != nil || len(page.Entries) != 1 {
		t.Errorf("PageEntries = %d entries, %v; want that of the hold", len(page.Entries), err)
	}
	w.locks.fail = nil
	w.run()
	if n := len(w.locks.locked); n != store.MaxFind {
		t.Errorf("%d objects are locked, want %d", n, store.MaxFind)
	}
}
