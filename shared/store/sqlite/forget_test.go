package sqlite_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// caller is in everything that the tests below delete.
const caller = "+15550199"

// The caller of a deleted recording is nowhere in the files: not in the document, the
// key of the audio, the claim on the name of its file, free pages, or the -wal file.
func TestDeletedContentIsOverwritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now, Random: rand.Reader, QueueChanges: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // checked below what it wrote
	for i := range 200 {
		r := &recording.Recording{
			Account: "a", ID: fmt.Sprintf("202601-%d", i), Created: recording.Seconds(i),
			Document: recording.Document(`{"from":"` + caller + `","x":"` + strings.Repeat("x", i*37%5000) + `"}`),
			Audio:    recording.Audio{Place: recording.Managed, Key: fmt.Sprintf("inbox/a/in-%s-%d.wav", caller, i)},
		}
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Claim(t.Context(), "a", fmt.Sprint("inbox/", caller, i), store.Claim{ID: r.ID, Lasting: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Enqueue(t.Context(), sqlite.Arrivals, []byte(`{"key":"inbox/a/`+caller+`.wav"}`)); err != nil {
		t.Fatal(err)
	}
	wantTraces(t, path, true) // otherwise the test finds nothing at all
	for i := range 200 {
		id := fmt.Sprintf("202601-%d", i)
		if _, err := s.Delete(t.Context(), "a", id, store.Deletion{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Purged(t.Context(), "a", id, ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []sqlite.Queue{sqlite.Arrivals, sqlite.Changes} {
		due, err := s.Due(t.Context(), q, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range due {
			if err := s.Done(t.Context(), m.Number); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.Scrub(t.Context()); err != nil { // what SQLite left when it moved rows
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantTraces(t, path, false)
}

// Flush waits a short time for readers, and returns no error if they take longer.
// Then writers are not held up either.
func TestFlushWhileOthersRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	s := open(t, path)
	put := func(id string) {
		t.Helper()
		if err := s.Put(t.Context(), &recording.Recording{Account: "a", ID: id, Document: "{}"}); err != nil {
			t.Fatal(err)
		}
	}
	put("202601-1")
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // only reads
	reader, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := reader.QueryRowContext(t.Context(), "SELECT count(*) FROM recordings").Scan(&n); err != nil {
		t.Fatal(err)
	}
	put("202601-2")
	begun := time.Now()
	if err := s.Flush(t.Context()); err != nil {
		t.Errorf("Flush during a read = %v, want nil", err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("Flush during a read took %v", took)
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Errorf("Flush = %v, want nil", err)
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() != 0 {
		t.Errorf("-wal: %v, %v, want it empty", info, err)
	}
}

// Short reads that overlap all the time do not keep Flush from emptying the -wal file, so
// only the writes between two calls determine its length.
func TestReadsDoNotStarveFlush(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	s := open(t, path)
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	for range 3 {
		reading.Go(func() {
			for ctx.Err() == nil {
				if _, err := s.Page(ctx, store.Query{Account: "a", Limit: 5}); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	size := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	longest, all := int64(0), int64(0)
	for i := range 180 {
		r := &recording.Recording{Account: "a", ID: fmt.Sprintf("202601-%d", i), Document: recording.Document(`{"x":"` + strings.Repeat("x", 100_000) + `"}`)}
		before := size()
		if err := s.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		all += max(0, size()-before)
		longest = max(longest, size())
		if i%20 == 19 { // two megabytes
			if err := s.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	stop()
	reading.Wait()
	if longest > 8<<20 || all < 2*longest {
		t.Errorf("the -wal file had up to %d bytes while %d were written, want 8 MB at most", longest, all)
	}
}

// A file of an earlier version loses what that version kept of deleted recordings, and
// keeps its claims.
func TestUpgradeForgetsDeletedContent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	s := open(t, path)
	r := &recording.Recording{Account: "a", ID: "202601-1", Document: "{}", Audio: recording.Audio{Place: recording.Managed}}
	if err := s.Put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"PRAGMA secure_delete = OFF",
		"UPDATE recordings SET deleted = 1, expires = 99999999999, audio_key = 'inbox/a/" + caller + ".wav'",
		"INSERT INTO claims (account, key, id, made, expires) VALUES ('a', 'inbox/" + caller + "', '202601-1', 'x', 99999999999)",
		"INSERT INTO claims (account, key, id, made, expires) VALUES ('a', 'inbox/another', '202601-2', 'x', 99999999999)",
		"INSERT INTO queue (name, body) VALUES ('changes', '" + strings.Repeat(caller, 10_000) + "')",
		"DELETE FROM queue",
		sqlite.RevertLookups,
		"PRAGMA user_version = 4",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	wantTraces(t, path, true)
	s = open(t, path)
	for key, id := range map[string]string{"inbox/" + caller: "202601-1", "inbox/another": "202601-2"} {
		c, err := s.Claim(t.Context(), "a", key, store.Claim{ID: "202602-2", Made: "y", Lasting: true})
		if want := (store.Claim{ID: id, Made: "x"}); err != nil || c != want {
			t.Errorf("Claim = %+v, %v, want %+v", c, err, want)
		}
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantTraces(t, path, false)
}

// wantTraces checks whether the caller is in the database or its -wal file.
func wantTraces(t *testing.T, path string, want bool) {
	t.Helper()
	found := 0
	for _, name := range []string{path, path + "-wal"} {
		text, err := os.ReadFile(name)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		found += bytes.Count(text, []byte(caller))
	}
	if (found > 0) != want {
		t.Errorf("the caller is found %d times, want any: %v", found, want)
	}
}
