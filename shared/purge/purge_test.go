package purge_test

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
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

// Purge implements media.Purger.
func (b *bucket) Purge(ctx context.Context, keys []string, confirm func(context.Context) error) error {
	if confirm != nil {
		if err := confirm(ctx); err != nil {
			return err
		}
	}
	for _, key := range keys {
		if err := b.Remove(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// open returns a store with an existing recording in account a and three deleted
// ones: managed audio with a pending purge, the same but purged, and external
// audio with a pending purge.
func open(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, id := range []string{"202601-existing", "202601-pending", "202601-purged", "202601-external"} {
		place := recording.Managed
		if id == "202601-external" {
			place = recording.External
		}
		r := recording.Recording{Account: "a", ID: id, Created: 1, Document: "{}", Audio: recording.Audio{Place: place}}
		if err := s.Put(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
		if id == "202601-existing" {
			continue
		}
		if _, err := s.Delete(t.Context(), "a", id, store.Deletion{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Purged(t.Context(), "a", "202601-purged", ""); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPendingFinishesPendingPurges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id      string
		removed []string
	}{
		{id: "202601-pending", removed: []string{"recordings/a/202601/202601-pending", "set-aside/a/202601/202601-pending"}},
		{id: "202601-external"}, // its audio is not in the bucket
		{id: "202601-purged"},
		{id: "202601-existing"}, // restored after the event
		{id: "202601-nosuch"},
	} {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			s, b := open(t), &bucket{}
			for range 2 { // an event may be delivered twice
				if err := purge.Pending(t.Context(), s, b, "a", c.id); err != nil {
					t.Fatalf("Pending: %v", err)
				}
			}
			if !slices.Equal(b.removed, c.removed) {
				t.Errorf("removed %q, want %q", b.removed, c.removed)
			}
			tombstone, err := s.Tombstone(t.Context(), "a", c.id)
			if c.id == "202601-existing" || c.id == "202601-nosuch" {
				if !errors.Is(err, store.ErrNotFound) {
					t.Errorf("Tombstone = %+v, %v, want ErrNotFound", tombstone, err)
				}
				return
			}
			if err != nil || tombstone.PurgePending || tombstone.Expires == 0 {
				t.Errorf("Tombstone = %+v, %v, want the purge finished", tombstone, err)
			}
		})
	}
}

// The purge stays pending until the audio is confirmed gone.
func TestPurgeStaysPendingIfRemoveFails(t *testing.T) {
	t.Parallel()
	s, b := open(t), &bucket{err: media.ErrUnavailable}
	if err := purge.Pending(t.Context(), s, b, "a", "202601-pending"); !errors.Is(err, media.ErrUnavailable) {
		t.Errorf("Pending = %v, want %v", err, media.ErrUnavailable)
	}
	if tombstone, err := s.Tombstone(t.Context(), "a", "202601-pending"); err != nil || !tombstone.PurgePending {
		t.Errorf("Tombstone = %+v, %v, want a pending purge", tombstone, err)
	}
	b.err = nil
	if err := purge.Pending(t.Context(), s, b, "a", "202601-pending"); err != nil {
		t.Errorf("second Pending = %v, want nil", err)
	}
}

// unavailable is a store in which Tombstone always fails.
type unavailable struct{ purge.Store }

func (unavailable) Tombstone(context.Context, string, string) (store.Tombstone, error) {
	return store.Tombstone{}, store.ErrUnavailable
}

func TestPendingReturnsStoreErrors(t *testing.T) {
	t.Parallel()
	b := &bucket{}
	if err := purge.Pending(t.Context(), unavailable{}, b, "a", "202601-a"); !errors.Is(err, store.ErrUnavailable) || len(b.removed) > 0 {
		t.Errorf("Pending = %v, removed %q, want %v and no removals", err, b.removed, store.ErrUnavailable)
	}
}

// A tombstone that was read long ago may belong to an earlier deletion. Its purge must not
// touch the later one. A tombstone without a revision stands for any deletion.
func TestFinishEndsOnlyThePurgeOfItsDeletion(t *testing.T) {
	t.Parallel()
	s := open(t)
	pending, err := s.Tombstone(t.Context(), "a", "202601-pending")
	if err != nil {
		t.Fatal(err)
	}
	earlier := pending
	earlier.Revision = "1-00000000"
	b := &bucket{}
	if err := purge.Finish(t.Context(), s, b, earlier); err != nil || len(b.removed) > 0 {
		t.Errorf("Finish of an earlier deletion = %v, removed %q, want nothing removed", err, b.removed)
	}
	if now, err := s.Tombstone(t.Context(), "a", pending.ID); err != nil || !now.PurgePending {
		t.Errorf("Tombstone = %+v, %v, want a pending purge", now, err)
	}
	anyDeletion := pending
	anyDeletion.Revision = ""
	if err := purge.Finish(t.Context(), s, b, anyDeletion); err != nil || !slices.Equal(b.removed, []string{"recordings/a/202601/202601-pending", "set-aside/a/202601/202601-pending"}) {
		t.Errorf("Finish without a revision = %v, removed %q, want the audio removed", err, b.removed)
	}
	if now, err := s.Tombstone(t.Context(), "a", pending.ID); err != nil || now.PurgePending {
		t.Errorf("Tombstone = %+v, %v, want the purge finished", now, err)
	}
}

// A file in an inbox may have a sidecar with the same content as the recording's document. A
// purge removes the sidecar before the audio.
func TestPurgeRemovesTheSidecarOfInboxAudio(t *testing.T) {
	t.Parallel()
	s, b := open(t), &bucket{}
	r := recording.Recording{
		Account: "a", ID: "202601-dropped", Created: 1, Document: "{}",
		Audio: recording.Audio{Place: recording.Managed, Key: "inbox/a/2026/call-1.wav"},
	}
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), "a", r.ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if err := purge.Pending(t.Context(), s, b, "a", r.ID); err != nil {
		t.Fatal(err)
	}
	want := append(recording.SidecarKeys(r.Audio.Key), r.Audio.Key, "set-aside/inbox/a/2026/call-1.wav")
	if !slices.Equal(b.removed, want) {
		t.Errorf("removed %q, want %q", b.removed, want)
	}
	if !slices.Contains(want, "inbox/a/2026/call-1.json") {
		t.Errorf("the keys of sidecars are %q, want the key with .json among them", want)
	}
}
