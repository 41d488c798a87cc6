package sqlite

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// bodies returns the bodies of the messages that are due.
func bodies(t *testing.T, s *Store, q Queue) []string {
	t.Helper()
	due, err := s.Due(t.Context(), q, 100)
	if err != nil {
		t.Fatalf("Due: %v", err)
	}
	all := []string{}
	for _, m := range due {
		all = append(all, string(m.Body))
	}
	return all
}

func TestQueue(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	s := openWithTimeout(t, path, busyTimeout)
	for _, body := range []string{"1", "2", "3"} {
		if err := s.Enqueue(t.Context(), Arrivals, []byte(body)); err != nil {
			t.Fatalf("Enqueue: %v", err)
		}
	}
	other := openWithTimeout(t, path, busyTimeout) // as another process would, or this one after a restart
	due, err := other.Due(t.Context(), Arrivals, 2)
	if err != nil || len(due) != 2 || string(due[0].Body) != "1" || due[0].Tries != 0 {
		t.Fatalf("Due = %+v, %v, want the first two", due, err)
	}
	first, second := due[0].Number, due[1].Number
	for _, step := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"put off for an hour", func() error { return s.PutOff(t.Context(), first, time.Hour, "why") }, []string{"2", "3"}},
		{"put off without a delay", func() error { return s.PutOff(t.Context(), first, 0, "why") }, []string{"1", "2", "3"}},
		{"put off until a replay", func() error { return s.PutOff(t.Context(), first, -1, "why") }, []string{"2", "3"}},
		{"done", func() error { return s.Done(t.Context(), second) }, []string{"3"}},
		{"done again", func() error { return s.Done(t.Context(), second) }, []string{"3"}},
		{"replayed", func() error { _, err := s.Replay(t.Context(), Arrivals); return err }, []string{"1", "3"}},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if diff := cmp.Diff(step.want, bodies(t, other, Arrivals)); diff != "" {
			t.Errorf("%s: due (-want +got):\n%s", step.name, diff)
		}
	}
	if got := bodies(t, s, Changes); len(got) != 0 {
		t.Errorf("queue Changes has %q, want no messages", got)
	}
}

// A write that takes effect adds its change to the queue; a failed one does not.
func TestWritesQueueChanges(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	s.queueChanges = true
	r := recording.Recording{Account: "a", ID: "202601-a", Owner: "u", Created: 5, Modified: 5, Document: `{"from":"secret"}`, Made: "m"}
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	duplicate := r
	if err := s.Put(t.Context(), &duplicate); err == nil {
		t.Fatal("Put = nil, want ErrExists")
	}
	ready, err := s.Update(t.Context(), "a", r.ID, func(r *recording.Recording) error {
		r.Audio = recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 1}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), "a", r.ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	got := queuedChanges(t, s)
	created := recording.Recording{Account: "a", ID: r.ID, Owner: "u", Created: 5, Modified: 5, Revision: r.Revision}
	completed := created
	completed.Revision, completed.Audio = ready.Revision, ready.Audio
	if len(got) != 3 || got[2].After.Recording.Revision == ready.Revision {
		t.Fatalf("changes = %+v, want three, the last with a new revision", got)
	}
	deleted := recording.Recording{Account: "a", ID: r.ID, Created: 5, Revision: got[2].After.Recording.Revision, Audio: ready.Audio}
	want := []store.Change{
		{After: &store.Image{Recording: created}},
		{Before: &store.Image{Recording: created}, After: &store.Image{Recording: completed}},
		{Before: &store.Image{Recording: completed}, After: &store.Image{Recording: deleted, Deleted: true}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// A write also queues the recording for the search index, under its account.
func TestWritesQueueTheRecordingForTheIndex(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	s.queueChanges = true
	for _, account := range []string{"a", "b"} {
		r := recording.Recording{Account: account, ID: "202601-" + account, Document: "{}"}
		if err := s.Put(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
		due, err := s.DueOf(t.Context(), Index, account, 10)
		if err != nil || len(due) != 1 || string(due[0].Body) != r.ID {
			t.Errorf("DueOf(%s) = %+v, %v, want %s", account, due, err, r.ID)
		}
	}
}

// Accounts are listed a hundred at a time.
func TestPagesOfAccounts(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	for i := range 101 {
		if _, err := s.Claim(t.Context(), fmt.Sprintf("a%03d", i), "key", store.Claim{ID: "202601-a"}); err != nil {
			t.Fatal(err)
		}
	}
	first, next, err := s.Accounts(t.Context(), "", false)
	if err != nil || len(first) != 100 || first[99] != "a099" || next != "a099" {
		t.Errorf("%d accounts, next %q, %v, want 100 up to a099", len(first), next, err)
	}
	second, next, err := s.Accounts(t.Context(), next, false)
	if err != nil || !slices.Equal(second, []string{"a100"}) || next != "" {
		t.Errorf("then %q, next %q, %v, want a100", second, next, err)
	}
}

// Reviving a recording queues a change that replaces its tombstone. A failed
// Revive queues nothing.
func TestRevivalsQueueChanges(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	audio := recording.Audio{Place: recording.Managed, Key: "elsewhere", ContentType: "audio/mpeg", Size: 1}
	deleted := recording.Recording{Account: "a", ID: "202601-a", Created: 5, Document: "{}", Audio: audio}
	if err := s.Put(t.Context(), &deleted); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), "a", deleted.ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	s.queueChanges = true
	r := recording.Recording{Account: "a", ID: deleted.ID, Owner: "u", Created: 7, Modified: 7, Document: `{"from":"secret"}`}
	if err := s.Revive(t.Context(), &r, ""); !errors.Is(err, store.ErrDeleted) {
		t.Fatalf("Revive = %v, want ErrDeleted", err)
	}
	if err := s.Purged(t.Context(), "a", deleted.ID, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Revive(t.Context(), &r, ""); err != nil {
		t.Fatal(err)
	}
	duplicate := r
	if err := s.Revive(t.Context(), &duplicate, ""); !errors.Is(err, store.ErrExists) {
		t.Fatalf("Revive = %v, want ErrExists", err)
	}
	created := recording.Recording{Account: "a", ID: "202601-b", Created: 8, Modified: 8, Document: "{}"}
	if err := s.Revive(t.Context(), &created, ""); err != nil {
		t.Fatal(err)
	}
	got := queuedChanges(t, s)
	if len(got) != 2 || got[0].Before == nil {
		t.Fatalf("changes = %+v, want two, the first from a tombstone", got)
	}
	// The tombstone has its own revision.
	revision := got[0].Before.Recording.Revision
	if revision == "" || revision == deleted.Revision || revision == r.Revision {
		t.Errorf("tombstone has the revision %q, want one that differs from %q (deleted) and %q (revived)", revision, deleted.Revision, r.Revision)
	}
	tombstone := recording.Recording{Account: "a", ID: deleted.ID, Created: 5, Revision: revision}
	r.Document, created.Document = "", ""
	want := []store.Change{
		{Before: &store.Image{Recording: tombstone, Deleted: true}, After: &store.Image{Recording: r}},
		{After: &store.Image{Recording: created}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// A restore and the end of the time for one queue a change each; those that fail do not.
func TestRestoresQueueChanges(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	s.queueChanges = true
	r := recording.Recording{Account: "a", ID: "202601-a", Owner: "u", Created: 5, Modified: 5, Document: `{"from":"secret"}`}
	if err := s.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	permit := func(*store.Tombstone) error { return nil }
	remove := func() {
		t.Helper()
		if _, err := s.Delete(t.Context(), "a", r.ID, store.Deletion{Until: store.MaxTime}); err != nil {
			t.Fatal(err)
		}
	}
	remove()
	restored, err := s.Restore(t.Context(), "a", r.ID, permit)
	if err != nil {
		t.Fatal(err)
	}
	remove()
	if err := s.Condemn(t.Context(), "a", r.ID, permit); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Restore(t.Context(), "a", r.ID, permit); !errors.Is(err, store.ErrPurging) {
		t.Fatalf("Restore = %v, want ErrPurging", err)
	}
	got := queuedChanges(t, s)
	if len(got) != 5 {
		t.Fatalf("%d changes, want 5: %+v", len(got), got)
	}
	live := func(revision string) *store.Image {
		return &store.Image{Recording: recording.Recording{Account: "a", ID: r.ID, Owner: "u", Created: 5, Modified: 5, Revision: revision}}
	}
	deleted := func(restorable bool, revision string) *store.Image {
		return &store.Image{Deleted: true, Restorable: restorable, Recording: recording.Recording{Account: "a", ID: r.ID, Created: 5, Revision: revision}}
	}
	first, second, last := got[1].After.Recording.Revision, got[3].After.Recording.Revision, got[4].After.Recording.Revision
	want := []store.Change{
		{After: live(r.Revision)},
		{Before: live(r.Revision), After: deleted(true, first)},
		{Before: deleted(true, first), After: live(restored.Revision)},
		{Before: live(restored.Revision), After: deleted(true, second)},
		{Before: deleted(true, second), After: deleted(false, last)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// queuedChanges returns the changes in the queue. It checks that their times are
// recent, and then sets the times to zero.
func queuedChanges(t *testing.T, s *Store) []store.Change {
	t.Helper()
	due, err := s.Due(t.Context(), Changes, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []store.Change
	for _, m := range due {
		var c store.Change
		if err := json.Unmarshal(m.Body, &c); err != nil {
			t.Fatal(err)
		}
		if age := time.Since(c.At); age < 0 || age > time.Minute {
			t.Errorf("change has the time %v, want a recent one", c.At)
		}
		c.At = time.Time{}
		got = append(got, c)
	}
	return got
}

func TestAwaiting(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	for _, r := range []recording.Recording{
		{Account: "a", ID: "202601-a"},
		{Account: "a", ID: "202601-b", Audio: recording.Audio{Place: recording.Managed}},
		{Account: "b", ID: "202601-a"},
	} {
		r.Document = "{}"
		if err := s.Put(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
	}
	found := []string{}
	account, id := "", ""
	for {
		some, err := s.Awaiting(t.Context(), account, id, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			break
		}
		account, id = some[0].Account, some[0].ID
		found = append(found, account+"/"+id)
	}
	if diff := cmp.Diff([]string{"a/202601-a", "b/202601-a"}, found); diff != "" {
		t.Errorf("awaiting (-want +got):\n%s", diff)
	}
}

// Entries are not changes of recordings, so no event follows from them.
func TestEntriesAreNotQueued(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), Options{Now: time.Now, Random: rand.Reader, QueueChanges: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	e := store.Entry{EntryKey: store.EntryKey{Partition: "account/a", Key: "account"}, Value: []byte("{}")}
	for _, w := range []store.EntryWrite{{Entry: e}, {Entry: e}, {Entry: e, Delete: true}} {
		if err := s.WriteEntries(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	if got := bodies(t, s, Changes); len(got) != 0 {
		t.Errorf("the queue of changes has %q, want nothing", got)
	}
}
