package purge_test

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"callrecordings/shared/media"
	"callrecordings/shared/purge"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
	"callrecordings/shared/store/sqlite"
)

// bucket confirms every removal, or fails with err.
type bucket struct {
	removed []string
	err     error
}

func (b *bucket) Remove(_ context.Context, key string) error {
	b.removed = append(b.removed, key)
	return b.err
}

// open returns a store with three recordings of account a: one lives, one is
// a tombstone with its purge pending, one is purged.
func open(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, id := range []string{"202601-lives", "202601-pending", "202601-purged", "202601-external"} {
		place := recording.Managed
		if id == "202601-external" {
			place = recording.External
		}
		r := recording.Recording{Account: "a", ID: id, Created: 1, Document: "{}", Audio: recording.Audio{Place: place}}
		if err := s.Put(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
		if id == "202601-lives" {
			continue
		}
		if _, err := s.Delete(t.Context(), "a", id, func(*recording.Recording) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Purged(t.Context(), "a", "202601-purged"); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPendingFinishesWhatIsPendingNow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id      string
		removed []string
	}{
		{id: "202601-pending", removed: []string{"recordings/a/202601/202601-pending"}},
		{id: "202601-external"}, // somebody else keeps its audio
		{id: "202601-purged"},
		{id: "202601-lives"}, // restored since the event
		{id: "202601-nosuch"},
	} {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			s, b := open(t), &bucket{}
			for range 2 { // an event may come twice
				if err := purge.Pending(t.Context(), s, b, "a", c.id); err != nil {
					t.Fatalf("Pending: %v", err)
				}
			}
			if !slices.Equal(b.removed, c.removed) {
				t.Errorf("removed %q, want %q", b.removed, c.removed)
			}
			tomb, err := s.Tombstone(t.Context(), "a", c.id)
			if c.id == "202601-lives" || c.id == "202601-nosuch" {
				if !errors.Is(err, store.ErrNotFound) {
					t.Errorf("Tombstone = %+v, %v, want none", tomb, err)
				}
				return
			}
			if err != nil || tomb.PurgePending || tomb.Expires == 0 {
				t.Errorf("Tombstone = %+v, %v, want the purge finished", tomb, err)
			}
		})
	}
}

// As long as the audio is not confirmed gone, the tombstone says so.
func TestPendingStaysPendingWhenTheAudioStays(t *testing.T) {
	t.Parallel()
	s, b := open(t), &bucket{err: media.ErrUnavailable}
	if err := purge.Pending(t.Context(), s, b, "a", "202601-pending"); !errors.Is(err, media.ErrUnavailable) {
		t.Errorf("Pending = %v, want %v", err, media.ErrUnavailable)
	}
	if tomb, err := s.Tombstone(t.Context(), "a", "202601-pending"); err != nil || !tomb.PurgePending {
		t.Errorf("Tombstone = %+v, %v, want it pending", tomb, err)
	}
	b.err = nil
	if err := purge.Pending(t.Context(), s, b, "a", "202601-pending"); err != nil {
		t.Errorf("Pending again = %v", err)
	}
}

// unavailable is a store that cannot be asked.
type unavailable struct{ purge.Store }

func (unavailable) Tombstone(context.Context, string, string) (store.Tombstone, error) {
	return store.Tombstone{}, store.ErrUnavailable
}

func TestPendingSaysThatTheStoreIsGone(t *testing.T) {
	t.Parallel()
	b := &bucket{}
	if err := purge.Pending(t.Context(), unavailable{}, b, "a", "202601-a"); !errors.Is(err, store.ErrUnavailable) || len(b.removed) > 0 {
		t.Errorf("Pending = %v, removed %q, want %v and nothing", err, b.removed, store.ErrUnavailable)
	}
}
