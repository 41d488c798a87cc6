package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// The demo recordings differ in caller, user, month, type, length and tags. Their
// total size is small.
func TestTheDemoIsVaried(t *testing.T) {
	t.Parallel()
	dir, err := datadir.Open(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	b := opened(t, dir)
	now := time.Date(2026, 3, 10, 0, 0, 1, 0, time.UTC)
	b.now = func() time.Time { return now }
	for range 2 { // the second time changes nothing
		if err := b.seedOnce(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	page, err := b.store.Page(t.Context(), store.Query{Account: dir.Keys.Account, Limit: 100})
	if err != nil || len(page.Recordings) != 12 {
		t.Fatalf("Page = %d recordings, %v, want 12", len(page.Recordings), err)
	}
	seen := map[string]map[string]bool{}
	note := func(field, value string) {
		if seen[field] == nil {
			seen[field] = map[string]bool{}
		}
		seen[field][value] = true
	}
	for i := range page.Recordings {
		r := &page.Recordings[i]
		if err := r.Document.Validate().Err(); err != nil {
			t.Errorf("%s: %v", r.ID, err)
		}
		if age := now.Sub(r.Created.Time()); age < 0 || age > 92*24*time.Hour {
			t.Errorf("%s was created %s ago, want 0 to 92 days", r.ID, age)
		}
		if ms, _ := r.Document.Int("duration_ms"); ms < 2000 || ms > 20000 {
			t.Errorf("%s lasts %d ms, want 2 to 20 s", r.ID, ms)
		}
		note("owner", r.Owner)
		note("month", r.ID[:6])
		note("type", r.Audio.ContentType)
		for _, field := range []string{"caller_id_number", "callee_id_number", "direction", "duration", "user_metadata", "name"} {
			raw, _ := r.Document.Raw(field)
			note(field, raw)
		}
	}
	for field, least := range map[string]int{
		"owner": 3, "month": 3, "type": 3, "caller_id_number": 5, "callee_id_number": 5, "direction": 2, "duration": 5, "user_metadata": 2, "name": 12,
	} {
		if got := len(seen[field]); got < least {
			t.Errorf("%d different values of %s, want at least %d: %v", got, field, least, seen[field])
		}
	}
	total := 0
	for _, s := range samples {
		total += len(demoFile(t, s.file))
	}
	if total > 1<<20 {
		t.Errorf("the demo's audio takes %d bytes, want less than 1 MB", total)
	}
}

// The next start finishes an interrupted seeding.
func TestSeedingContinues(t *testing.T) {
	t.Parallel()
	dir, err := datadir.Open(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	b := opened(t, dir)
	s := samples[0]
	s.Account, s.ID = dir.Keys.Account, s.id(dir.Keys.Account, b.now())
	data := demoFile(t, s.file)
	if _, err := b.uploader().Add(t.Context(), s.Request, strings.NewReader(string(data)), int64(len(data)), nil); err != nil {
		t.Fatal(err)
	}
	deleted := samples[1].id(dir.Keys.Account, b.now())
	if err := b.store.Put(t.Context(), &recording.Recording{Account: dir.Keys.Account, ID: deleted, Document: "{}"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.store.Delete(t.Context(), dir.Keys.Account, deleted, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if err := b.seedOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := b.store.Page(t.Context(), store.Query{Account: dir.Keys.Account, Limit: 100})
	if err != nil || len(page.Recordings) != len(samples)-1 {
		t.Errorf("Page = %d recordings, %v, want %d", len(page.Recordings), err, len(samples)-1)
	}
}
