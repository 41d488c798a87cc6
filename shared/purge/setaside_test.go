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

// The purge also removes a copy that was set aside: of audio that was rejected, of audio that
// has not arrived yet, and of a replacement that a legal hold has refused. Nothing is set aside
// for imported audio.
func TestPurgeRemovesAudioThatWasSetAside(t *testing.T) {
	t.Parallel()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "r.db"), sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for id, c := range map[string]struct {
		audio recording.Audio
		want  []string
	}{
		"202601-failed":   {recording.Audio{State: recording.Failed, Reason: recording.NotAudio}, []string{"recordings/a/202601/202601-failed", "set-aside/a/202601/202601-failed"}},
		"202601-pending":  {recording.Audio{}, []string{"recordings/a/202601/202601-pending", "set-aside/a/202601/202601-pending"}},
		"202601-replaced": {recording.Audio{Place: recording.Managed}, []string{"recordings/a/202601/202601-replaced", "set-aside/a/202601/202601-replaced"}},
		"202601-variant": {
			recording.Audio{Place: recording.Managed, Key: "recordings/a/202601/202601-variant~1f"},
			[]string{"recordings/a/202601/202601-variant~1f", "set-aside/a/202601/202601-variant~1f"},
		},
		"202601-imported": {
			recording.Audio{Place: recording.Managed, Key: recording.ImportedKey("a", "202601-imported")},
			[]string{"imported/a/202601/202601-imported"},
		},
	} {
		r := recording.Recording{Account: "a", ID: id, Created: 1, Document: "{}", Audio: c.audio}
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
		if !slices.Equal(b.removed, c.want) {
			t.Errorf("%s: removed %q, want %q", id, b.removed, c.want)
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
