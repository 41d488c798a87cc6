package deletion_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// world is a store with a clock, and what decides about it.
type world struct {
	*deletion.Deleter
	store *sqlite.Store
	holds *hold.Book
	now   time.Time
}

func newWorld(t *testing.T, days int) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: clock, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w.store, w.Deleter, w.holds = s, deletion.New(s, days, clock), hold.NewBook(s, clock, rand.Reader, false)
	return w
}

// put stores recordings of an account.
func (w *world) put(t *testing.T, account string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		r := &recording.Recording{
			Account: account, ID: "202601-" + id, Owner: "u", Created: 5, Document: "{}",
			Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 3},
		}
		if err := w.store.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

// delete deletes a recording.
func (w *world) delete(t *testing.T, account, id string) {
	t.Helper()
	if _, err := w.Delete(t.Context(), account, "202601-"+id, deletion.Request{By: "admin"}); err != nil {
		t.Fatal(err)
	}
}

// hold places a hold on a recording, or on the account if id is "".
func (w *world) hold(t *testing.T, account, id string) hold.Hold {
	t.Helper()
	h := hold.Hold{Case: "case", Reason: "reason"}
	if id != "" {
		h.Scope.Recording = "202601-" + id
	}
	h, err := w.holds.Draft(h)
	if err == nil {
		err = w.holds.Place(t.Context(), account, h)
	}
	if err != nil {
		t.Errorf("Place = %v", err)
	}
	return h
}

// sweep sweeps all accounts at the present time.
func (w *world) sweep(t *testing.T) deletion.Swept {
	t.Helper()
	swept, err := w.Sweep(t.Context(), w.store, recording.SecondsOf(w.now), 1)
	if err != nil {
		t.Fatalf("Sweep = %v", err)
	}
	return swept
}

// stage returns the stage of a recording.
func (w *world) stage(t *testing.T, account, id string) string {
	t.Helper()
	if _, err := w.store.Get(t.Context(), account, "202601-"+id); err == nil {
		return "live"
	}
	switch tomb, err := w.store.Tombstone(t.Context(), account, "202601-"+id); {
	case err != nil:
		return "nothing"
	case tomb.Until != 0:
		return "restorable"
	case tomb.PurgePending:
		return "purging"
	}
	return "purged"
}

// wantStage fails the test unless a recording is at a stage.
func (w *world) wantStage(t *testing.T, account, id, want string) {
	t.Helper()
	if got := w.stage(t, account, id); got != want {
		t.Errorf("%s/%s is %s, want %s", account, id, got, want)
	}
}

func TestDeleteWithoutDaysBeginsThePurge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	w.put(t, "a", "1")
	r, err := w.Delete(t.Context(), "a", "202601-1", deletion.Request{})
	if err != nil || r.Removal != nil {
		t.Errorf("Delete = %+v, %v, want no removal", r, err)
	}
	w.wantStage(t, "a", "1", "purging")
	if _, err := w.Restore(t.Context(), "a", "202601-1", deletion.Request{}); !errors.Is(err, store.ErrPurging) {
		t.Errorf("Restore = %v, want %v", err, store.ErrPurging)
	}
}

// A recording can be restored until the last second, and not after it. Only the sweep ends
// its life.
func TestRestoreAndSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	for _, account := range []string{"a", "b"} {
		w.put(t, account, "1", "2", "3")
		w.delete(t, account, "1")
		w.delete(t, account, "2")
	}
	w.now = w.now.Add(48*time.Hour - time.Second)
	if got := w.sweep(t); got != (deletion.Swept{}) {
		t.Errorf("Sweep = %+v a second too early, want nothing", got)
	}
	if _, err := w.Restore(t.Context(), "a", "202601-1", deletion.Request{}); err != nil {
		t.Errorf("Restore at the last second = %v", err)
	}
	w.now = w.now.Add(time.Second)
	if _, err := w.Restore(t.Context(), "a", "202601-2", deletion.Request{}); !errors.Is(err, store.ErrPurging) {
		t.Errorf("Restore too late = %v, want %v", err, store.ErrPurging)
	}
	w.wantStage(t, "a", "2", "restorable")
	if got := w.sweep(t); got != (deletion.Swept{Purging: 3}) {
		t.Errorf("Sweep = %+v, want 3 purges", got)
	}
	w.wantStage(t, "a", "1", "live")
	w.wantStage(t, "a", "2", "purging")
	w.wantStage(t, "b", "1", "purging")
	w.wantStage(t, "b", "3", "live")
}

// A recording on hold cannot be deleted or erased. If it was deleted before, it stays even after
// the end of the time for a restore.
func TestHoldsKeep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.put(t, "a", "live", "deleted", "free")
	w.delete(t, "a", "deleted")
	w.delete(t, "a", "free")
	placed := []hold.Hold{w.hold(t, "a", "live"), w.hold(t, "a", "deleted")}
	held := func(what string, err error) {
		t.Helper()
		if h := (*hold.HeldError)(nil); !errors.As(err, &h) || len(h.Holds) != 1 {
			t.Errorf("%s = %v, want a HeldError", what, err)
		}
	}
	_, err := w.Delete(t.Context(), "a", "202601-live", deletion.Request{})
	held("Delete", err)
	for _, id := range []string{"live", "deleted"} {
		_, err = w.Erase(t.Context(), "a", "202601-"+id, deletion.Request{})
		held("Erase of "+id, err)
	}
	w.now = w.now.Add(25 * time.Hour)
	if got := w.sweep(t); got != (deletion.Swept{Purging: 1, Held: 1}) {
		t.Errorf("Sweep = %+v, want one purge and one on hold", got)
	}
	for _, h := range placed {
		if _, err := w.holds.Release(t.Context(), "a", h.ID, hold.Release{Reason: "over"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.sweep(t); got != (deletion.Swept{Purging: 1}) {
		t.Errorf("Sweep after the release = %+v, want one purge", got)
	}
	w.wantStage(t, "a", "live", "live")
}

func TestEraseInEveryStage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.put(t, "a", "live", "restorable", "vetoed")
	w.delete(t, "a", "restorable")
	errNo := errors.New("no")
	if _, err := w.Erase(t.Context(), "a", "202601-vetoed", deletion.Request{Check: func(*recording.Recording) error { return errNo }}); err != errNo { //nolint:errorlint // the very error
		t.Errorf("Erase = %v, want the error of check", err)
	}
	for _, id := range []string{"live", "restorable"} {
		r, err := w.Erase(t.Context(), "a", "202601-"+id, deletion.Request{By: "admin"})
		if err != nil || r.Owner != "u" || r.Removal != nil {
			t.Errorf("Erase of %s = %+v, %v", id, r, err)
		}
		w.wantStage(t, "a", id, "purging")
		if _, err := w.Erase(t.Context(), "a", "202601-"+id, deletion.Request{}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Erase again = %v, want %v", err, store.ErrNotFound)
		}
	}
	w.wantStage(t, "a", "vetoed", "live")
}

// bucket notes the keys that a purge removes.
type bucket struct {
	removed []string
	err     error
}

func (b *bucket) Purge(ctx context.Context, keys []string, confirm func(context.Context) error) error {
	if err := confirm(ctx); err != nil {
		return err
	}
	if b.err == nil {
		b.removed = append(b.removed, keys...)
	}
	return b.err
}

// The Eraser also removes the audio, and finishes what an earlier attempt began.
func TestEraserRemovesTheAudio(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.put(t, "a", "1", "2")
	b := &bucket{err: errors.New("unavailable")}
	e := deletion.Eraser{Deleter: w.Deleter, Store: w.store, Audio: b}
	if err := e.Erase(t.Context(), "a", "202601-1", "admin", nil); !errors.Is(err, b.err) {
		t.Errorf("Erase = %v, want the error of the bucket", err)
	}
	w.wantStage(t, "a", "1", "purging")
	b.err = nil
	if err := e.Erase(t.Context(), "a", "202601-1", "admin", nil); err != nil || !slices.Equal(b.removed, []string{"recordings/a/202601/202601-1", "set-aside/a/202601/202601-1"}) {
		t.Errorf("Erase = %v, removed %q", err, b.removed)
	}
	w.wantStage(t, "a", "1", "purged")
	for _, id := range []string{"1", "nosuch"} {
		if err := e.Erase(t.Context(), "a", "202601-"+id, "admin", nil); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Erase of %s = %v, want %v", id, err, store.ErrNotFound)
		}
	}
}

// A hold that is placed while deletions run is never missed: what exists once the hold is
// stored stays.
func TestHoldDuringDeletes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	for round := range 20 {
		account := fmt.Sprint("a", round)
		w.put(t, account, "1")
		var wg sync.WaitGroup
		var deleted, seen error
		wg.Go(func() { _, deleted = w.Delete(t.Context(), account, "202601-1", deletion.Request{}) })
		wg.Go(func() {
			w.hold(t, account, "")
			_, seen = w.store.Get(t.Context(), account, "202601-1")
		})
		wg.Wait()
		stage, h := w.stage(t, account, "1"), (*hold.HeldError)(nil)
		switch {
		case seen == nil && stage != "live":
			t.Errorf("the recording existed when the hold was in place, and is %s now", stage)
		case deleted != nil && !errors.As(deleted, &h):
			t.Errorf("Delete = %v, want a HeldError", deleted)
		}
	}
}

// restless is a store that refuses every write with a guard.
type restless struct{ *sqlite.Store }

func (restless) Delete(context.Context, string, string, store.Deletion) (*recording.Recording, error) {
	return nil, store.ErrGuard
}

func TestDecisionsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	d := deletion.New(restless{w.store}, 0, time.Now)
	if _, err := d.Delete(t.Context(), "a", "202601-1", deletion.Request{}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("Delete = %v, want %v", err, store.ErrConflict)
	}
}
