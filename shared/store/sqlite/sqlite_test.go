package sqlite_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
	"github.com/callrecordings/api/shared/store/storetest"
)

var harness = storetest.Harness{Open: func(t testing.TB) storetest.Store {
	return open(t, filepath.Join(t.TempDir(), "recordings.db"))
}}

func TestConformance(t *testing.T) { storetest.Run(t, harness) }

func BenchmarkStore(b *testing.B) { storetest.Bench(b, harness) }

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestMain also runs the processes that tests kill.
func TestMain(m *testing.M) {
	if path := os.Getenv("SQLITE_TEST_WRITER"); path != "" {
		writeUntilKilled(path)
		return
	}
	if path := os.Getenv("SQLITE_TEST_SCRUB"); path != "" {
		scrubUntilKilled(path)
		return
	}
	os.Exit(m.Run())
}

// writeUntilKilled stores recordings until it is killed. It prints the ID of each
// recording once Put has returned.
func writeUntilKilled(path string) {
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		r := recording.Recording{
			Account: "a", ID: fmt.Sprintf("202601-%d-%d", os.Getpid(), i), Created: recording.Seconds(i),
			Document: recording.Document(`{"x":"` + strings.Repeat("x", 2000) + `"}`),
		}
		if err := s.Put(context.Background(), &r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(r.ID)
	}
}

// Completed writes survive when the process is killed in the middle of a later
// write, even several times.
func TestWritesSurviveKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	var acknowledged []string
	for kill := range 5 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "SQLITE_TEST_WRITER="+path)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; n < 20+7*kill && lines.Scan(); n++ {
			acknowledged = append(acknowledged, lines.Text())
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // IDs printed just before the kill count too
			acknowledged = append(acknowledged, lines.Text())
		}
		_ = child.Wait()
	}
	if len(acknowledged) < 100 {
		t.Fatalf("%d writes were acknowledged, want at least 100", len(acknowledged))
	}
	s := open(t, path)
	for _, id := range acknowledged {
		if _, err := s.Get(t.Context(), "a", id); err != nil {
			t.Errorf("Get(%s), which Put had stored: %v", id, err)
		}
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var integrity string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Errorf("integrity_check = %s, %v, want ok", integrity, err)
	}
}

// Two processes, such as a server and a command-line tool, may use the same file.
func TestTwoStoresShareFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	stores := []*sqlite.Store{open(t, path), open(t, path)}
	var wg sync.WaitGroup
	const each = 20
	for n, s := range stores {
		wg.Go(func() {
			for i := range each {
				r := recording.Recording{Account: "a", ID: fmt.Sprintf("202601-%d-%d", n, i), Created: 1, Document: "{}"}
				if err := s.Put(t.Context(), &r); err != nil {
					t.Errorf("Put(%s): %v", r.ID, err)
				}
			}
		})
	}
	wg.Wait()
	p, err := stores[0].Page(t.Context(), store.Query{Account: "a", Limit: 100})
	if err != nil || len(p.Recordings) != 2*each {
		t.Errorf("Page has %d recordings, %v, want %d", len(p.Recordings), err, 2*each)
	}
}

// A tombstone that is renewed again and again outlives its first expiry.
func TestRenewExtendsATombstone(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: func() time.Time { return now }, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	const id = "202601-a"
	if err := s.Put(t.Context(), &recording.Recording{Account: "a", ID: id, Created: 1, Document: "{}"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), "a", id, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Purged(t.Context(), "a", id, ""); err != nil {
		t.Fatal(err)
	}
	first := now.AddDate(0, 0, store.TombstoneDays)
	for _, c := range []struct{ day, want time.Time }{
		{now.Add(23 * time.Hour), first}, // one write a day is enough
		{now.Add(24 * time.Hour), first.Add(24 * time.Hour)},
		{first, first.AddDate(0, 0, store.TombstoneDays)},
	} {
		now = c.day
		if err := s.Renew(t.Context(), "a", id); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Tombstone(t.Context(), "a", id); err != nil || got.Expires != recording.SecondsOf(c.want) {
			t.Errorf("Tombstone on %v = %+v, %v, want it to expire on %v", c.day, got, err, c.want)
		}
	}
}

func TestPendingPurgesAndExpiry(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := start
	clock := func() time.Time { return now }
	ctx := t.Context()
	s, err := sqlite.Open(ctx, path, sqlite.Options{Now: clock, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"202601-a", "202601-b", "202601-c"} {
		if err := s.Put(ctx, &recording.Recording{Account: "a", ID: id, Created: 1, Document: "{}"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Delete(ctx, "a", id, store.Deletion{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Purged(ctx, "a", "202601-c", ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Revive(ctx, &recording.Recording{Account: "a", ID: "202601-c", Created: 2, Document: "{}"}, ""); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second call does not move the expiry
		if err := s.Purged(ctx, "a", "202601-a", ""); err != nil {
			t.Fatal(err)
		}
		want := recording.SecondsOf(start.AddDate(0, 0, store.TombstoneDays))
		if got, err := s.Tombstone(ctx, "a", "202601-a"); err != nil || got.Expires != want {
			t.Errorf("Tombstone = %+v, %v, want it to expire at %d", got, err, want)
		}
		now = now.AddDate(0, 0, 3)
	}
	pending, err := s.PendingPurges(ctx, 10)
	if err != nil || len(pending) != 1 || pending[0].ID != "202601-b" {
		t.Errorf("PendingPurges = %+v, %v, want only b", pending, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = sqlite.Open(ctx, path, sqlite.Options{Now: clock, Random: rand.Reader}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	sweepDaily(t, s, &now, start.AddDate(0, 0, store.TombstoneDays))
	for id, want := range map[string]error{"202601-a": store.ErrNotFound, "202601-b": nil} {
		if _, err := s.Tombstone(ctx, "a", id); !errors.Is(err, want) {
			t.Errorf("Tombstone(%s) after its expiry = %v, want %v", id, err, want)
		}
	}
	if _, err := s.Get(ctx, "a", "202601-c"); err != nil {
		t.Errorf("Get of a revived recording, after its tombstone's expiry = %v, want nil", err)
	}
}

// sweepDaily sweeps once a day until end, like a server that runs all the time. The
// tombstone of 202601-a must exist until then.
func sweepDaily(t *testing.T, s *sqlite.Store, now *time.Time, end time.Time) {
	t.Helper()
	for now.Before(end) {
		if _, err := s.Tombstone(t.Context(), "a", "202601-a"); err != nil {
			t.Fatalf("Tombstone on %v, before its expiry = %v, want nil", *now, err)
		}
		*now = now.AddDate(0, 0, 1)
		if err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	newer := filepath.Join(t.TempDir(), "newer.db")
	db, err := sql.Open("sqlite", newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), newer, sqlite.Options{Now: time.Now, Random: rand.Reader}); !errors.Is(err, sqlite.ErrNewer) || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Open of a newer file = %v, want ErrNewer without retries", err)
	}
	folder := t.TempDir()
	text := filepath.Join(folder, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("This is not a database. ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"in a missing folder": filepath.Join(folder, "no", "such.db"),
		"of a folder":         folder,
		"of a text file":      text,
		"below a file":        filepath.Join(text, "r.db"),
	} {
		_, err := sqlite.Open(t.Context(), path, sqlite.Options{Now: time.Now, Random: rand.Reader})
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Open %s = %v, want an error that contains the path", name, err)
		}
	}
}

// Characters that are special in URLs are literal in a path.
func TestPathsWithURLCharacters(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b.db", "a?b.db", "a#b.db", "a%41.db", "ä🎧.db", "a&_pragma=x.db"} {
		path := filepath.Join(t.TempDir(), name)
		s := open(t, path)
		if err := s.Put(t.Context(), &recording.Recording{Account: "a", ID: "202601-a", Created: 1, Document: "{}"}); err != nil {
			t.Errorf("Put into %s: %v", name, err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("no file %s: %v", name, err)
		}
	}
}
