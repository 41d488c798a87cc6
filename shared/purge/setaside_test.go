package purge_test

import (
	"crypto/rand"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// The purge of a recording whose audio was rejected, or has not arrived yet, also
// removes the copy that was set aside.
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
