package sqlite

import (
	"database/sql"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/store"
)

// While another process writes, a pass over clear pages goes on, and one that has something to
// clear ends with ErrUnavailable.
func TestScrubBesideAWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	s := openWithTimeout(t, path, 50*time.Millisecond)
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	other.SetMaxOpenConns(1)
	defer func() { _ = other.Close() }()
	do := func(statement string) {
		t.Helper()
		if _, err := other.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range rand.Perm(300) { // in no order, so that rows move between pages
		if err := s.Put(t.Context(), sample(strconv.Itoa(n))); err != nil {
			t.Fatal(err)
		}
	}
	do("BEGIN IMMEDIATE")
	if p, err := s.Scrub(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("with pages to clear: %+v, %v, want ErrUnavailable", p, err)
	}
	do("ROLLBACK")
	if p, err := s.Scrub(t.Context()); err != nil || p.Cleared == 0 {
		t.Fatalf("without a writer: %+v, %v, want pages cleared", p, err)
	}
	do("BEGIN IMMEDIATE")
	if p, err := s.Scrub(t.Context()); err != nil || p.Pages == 0 || p.Cleared != 0 {
		t.Errorf("with clear pages: %+v, %v, want a whole pass", p, err)
	}
	do("ROLLBACK")
}

// A pass reaches the last page, also if it is the only one of its chunk.
func TestScrubReachesTheLastPage(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	for alone, seen := false, map[int]bool{}; !alone; {
		if _, err := s.write.ExecContext(t.Context(), "INSERT INTO queue (name, body) VALUES ('changes', zeroblob(2000))"); err != nil {
			t.Fatal(err)
		}
		var pages int
		if err := s.read.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages); err != nil {
			t.Fatal(err)
		}
		if seen[pages] {
			continue
		}
		seen[pages], alone = true, pages%scrubChunk == 2 // page 1 is not scrubbed
		if p, err := s.Scrub(t.Context()); err != nil || p.Pages != pages {
			t.Fatalf("Scrub = %+v, %v, want %d pages", p, err, pages)
		}
	}
}
