package faultstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
	"github.com/callrecordings/api/shared/store/sqlite"
	"github.com/callrecordings/api/shared/store/storetest"
)

// transparent is a Store without faults. The driver itself serves secrets,
// tombstones and scans.
type transparent struct {
	*faultstore.Store
	store.Secrets
	store.Scanner
	driver *sqlite.Store
}

func (s transparent) Secret(ctx context.Context, account, id string) (store.Secret, error) {
	return s.Store.Secret(ctx, account, id)
}

func (s transparent) Tombstone(ctx context.Context, account, id string) (store.Tombstone, error) {
	return s.driver.Tombstone(ctx, account, id)
}

func open(t testing.TB) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Harness{Open: func(t testing.TB) storetest.Store {
		driver := open(t)
		return transparent{faultstore.New(driver), driver, driver, driver}
	}})
}

var errFault = errors.New("fault")

func TestFaultBeforeAndAfter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		when   faultstore.When
		stored bool
	}{{faultstore.Before, false}, {faultstore.After, true}} {
		driver := open(t)
		s := faultstore.New(driver, faultstore.Fault{Call: 1, When: c.when, Err: errFault})
		r := recording.Recording{Account: "a", ID: "202601-a", Created: 1, Document: "{}"}
		if err := s.Put(t.Context(), &r); !errors.Is(err, errFault) {
			t.Errorf("Put = %v, want the fault", err)
		}
		_, err := driver.Get(t.Context(), "a", r.ID)
		if stored := err == nil; stored != c.stored || s.Calls() != 1 {
			t.Errorf("stored = %v after %d calls, want %v after 1", stored, s.Calls(), c.stored)
		}
	}
}

// fakeBucket confirms every removal.
type fakeBucket struct{ removed []string }

func (b *fakeBucket) Remove(_ context.Context, key string) error {
	b.removed = append(b.removed, key)
	return nil
}

// Purge implements media.Purger.
func (b *fakeBucket) Purge(ctx context.Context, keys []string, confirm func(context.Context) error) error {
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

// If a purge fails at any point, the next one finishes it.
func TestPurgeFinishesAfterFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		call, removals int // the first of them fails
		when           faultstore.When
	}{
		{1, 2, faultstore.Before}, {1, 2, faultstore.After}, // Tombstone, before the audio
		{2, 3, faultstore.Before}, {2, 3, faultstore.After}, // Tombstone, before the audio that was set aside
		{3, 4, faultstore.Before}, {3, 2, faultstore.After}, // Purged; after it, nothing is left to do
	} {
		driver := open(t)
		r := recording.Recording{Account: "a", ID: "202601-a", Created: 1, Document: "{}", Audio: recording.Audio{Place: recording.Managed}}
		if err := driver.Put(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
		if _, err := driver.Delete(t.Context(), "a", r.ID, store.Deletion{}); err != nil {
			t.Fatal(err)
		}
		s, audio := faultstore.New(driver, faultstore.Fault{Call: c.call, When: c.when, Err: errFault}), &fakeBucket{}
		tombstone := store.Tombstone{Account: "a", ID: r.ID, Audio: r.Audio}
		if err := purge.Finish(t.Context(), s, audio, tombstone); !errors.Is(err, errFault) {
			t.Errorf("Finish = %v, want the fault", err)
		}
		if err := purge.Finish(t.Context(), s, audio, tombstone); err != nil {
			t.Errorf("Finish again = %v, want nil", err)
		}
		got, err := driver.Tombstone(t.Context(), "a", r.ID)
		if err != nil || got.PurgePending || len(audio.removed) != c.removals || audio.removed[0] != r.AudioKey() {
			t.Errorf("Tombstone = %+v, %v, removed %v, want no pending purge", got, err, audio.removed)
		}
	}
}
