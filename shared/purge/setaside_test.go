package purge_test

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/incomingtest"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// If the audio of a recording was rejected or has not arrived yet, the purge also removes the
// copy that was set aside.
func TestPurgeRemovesAudioThatWasSetAside(t *testing.T) {
	t.Parallel()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for id, audio := range map[string]recording.Audio{
		"202601-failed":  {State: recording.Failed, Reason: recording.NotAudio},
		"202601-pending": {},
	} {
		r := recording.Recording{Account: "a", ID: id, Created: 1, Document: "{}", Audio: audio}
		if err := s.Put(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Delete(t.Context(), "a", id, store.Deletion{}); err != nil {
			t.Fatal(err)
		}
		b := &bucket{}
		if err := purge.Pending(t.Context(), s, b, "a", id); err != nil {
			t.Fatal(err)
		}
		if want := []string{"recordings/a/202601/" + id, "set-aside/a/202601/" + id}; !slices.Equal(b.removed, want) {
			t.Errorf("%s: removed %q, want %q", id, b.removed, want)
		}
	}
}

// slowIngest copies an object to set-aside/ while a purge is between its list of that
// object and its removal.
type slowIngest struct{ *incomingtest.Bucket }

// Purge implements media.Purger. It removes exactly the objects that it has listed.
func (b slowIngest) Purge(ctx context.Context, keys []string, confirm func(context.Context) error) error {
	listed := slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		_, ok := b.Objects[key]
		return !ok
	})
	for _, key := range listed {
		b.Objects[recording.SetAsideKey(key)] = b.Objects[key]
	}
	return b.Bucket.Purge(ctx, listed, confirm)
}

// An ingest that has read the recording before its deletion may still set the audio aside
// during the purge.
func TestPurgeRemovesAudioThatIsSetAsideMeanwhile(t *testing.T) {
	t.Parallel()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := recording.Recording{Account: "a", ID: "202601-x", Created: 1, Document: "{}"}
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), "a", r.ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	b := slowIngest{incomingtest.NewBucket(time.Now)}
	b.Put(r.AudioKey(), "audio/wav", []byte("x"), nil)
	if err := purge.Pending(t.Context(), s, b, "a", r.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Stat(t.Context(), recording.SetAsideKey(r.AudioKey())); !errors.Is(err, media.ErrNotFound) {
		t.Errorf("the copy that was set aside: %v, want it removed", err)
	}
}
