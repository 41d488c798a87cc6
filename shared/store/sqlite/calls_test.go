package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// TestCallsAreCounted counts the calls to the store that the request log shows: one for
// each method, and one for each entry that is read.
func TestCallsAreCounted(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	r := recording.Recording{Account: "a", ID: "202601-a", Created: 5, Modified: 5, Document: "{}"}
	keys := []store.EntryKey{{Partition: "p", Key: "1"}, {Partition: "p", Key: "2"}}
	permit := func(*store.Tombstone) error { return nil }
	for _, c := range []struct {
		name string
		call func(ctx context.Context) error
		want int
	}{
		{"Put", func(ctx context.Context) error { return s.Put(ctx, &r) }, 1},
		{"Get", func(ctx context.Context) error { _, err := s.Get(ctx, "a", r.ID); return err }, 1},
		{"Find", func(ctx context.Context) error { _, err := s.Find(ctx, "a", []string{r.ID}); return err }, 1},
		{"Page", func(ctx context.Context) error {
			_, err := s.Page(ctx, store.Query{Account: "a", Limit: 1})
			return err
		}, 1},
		{"Update", func(ctx context.Context) error {
			_, err := s.Update(ctx, "a", r.ID, func(*recording.Recording) error { return nil })
			return err
		}, 1},
		{"Delete", func(ctx context.Context) error {
			_, err := s.Delete(ctx, "a", r.ID, store.Deletion{Until: store.MaxTime})
			return err
		}, 1},
		{"Restore", func(ctx context.Context) error { _, err := s.Restore(ctx, "a", r.ID, permit); return err }, 1},
		{"Delete for good", func(ctx context.Context) error { _, err := s.Delete(ctx, "a", r.ID, store.Deletion{}); return err }, 1},
		{"Tombstone", func(ctx context.Context) error { _, err := s.Tombstone(ctx, "a", r.ID); return err }, 1},
		{"Condemn", func(ctx context.Context) error { return s.Condemn(ctx, "a", r.ID, permit) }, 1},
		{"Purged", func(ctx context.Context) error { return s.Purged(ctx, "a", r.ID, "") }, 1},
		{"Renew", func(ctx context.Context) error { return s.Renew(ctx, "a", r.ID) }, 1},
		{"Claim", func(ctx context.Context) error { _, err := s.Claim(ctx, "a", "k", store.Claim{ID: r.ID}); return err }, 1},
		{"Claimed", func(ctx context.Context) error { _, err := s.Claimed(ctx, "a", "k"); return err }, 1},
		{"AddSecret", func(ctx context.Context) error {
			return s.AddSecret(ctx, store.Secret{Account: "a", ID: "0a", Sum: "aa"})
		}, 0},
		{"Secret", func(ctx context.Context) error { _, err := s.Secret(ctx, "a", "0a"); return err }, 1},
		{"WriteEntries", func(ctx context.Context) error {
			return s.WriteEntries(ctx, store.EntryWrite{Entry: store.Entry{EntryKey: keys[0], Value: []byte("{}")}})
		}, 1},
		{"Entries", func(ctx context.Context) error { _, err := s.Entries(ctx, keys...); return err }, 2},
		{"PageEntries", func(ctx context.Context) error {
			_, err := s.PageEntries(ctx, store.EntryQuery{Partition: "p", Limit: 1})
			return err
		}, 1},
	} {
		log := new(requestlog.Entry)
		if err := c.call(requestlog.With(t.Context(), log)); err != nil || log.Calls != c.want {
			t.Errorf("%s: %d calls in the log, error %v, want %d", c.name, log.Calls, err, c.want)
		}
	}
}

// The size of a recording is estimated as its item in DynamoDB: the account is in it twice,
// and the ID three times.
func TestSizeOfARecording(t *testing.T) {
	t.Parallel()
	r := recording.Recording{
		Account: "ab", ID: "202601-abc", Owner: "owner", Upload: recording.Upload{ContentType: "audio/mpeg3"},
		Audio: recording.Audio{Key: "a/b/c/d", ContentType: "audio/mp3"},
	}
	const others = 2*2 + 3*10 + 5 + 11 + 7 + 9 + 200
	for size, want := range map[int]error{409600 - others: nil, 409600 - others + 1: store.ErrTooLarge} {
		r.Document = recording.Document(strings.Repeat("x", size))
		if err := checkSize(&r); !errors.Is(err, want) {
			t.Errorf("checkSize with a document of %d bytes = %v, want %v", size, err, want)
		}
	}
}
