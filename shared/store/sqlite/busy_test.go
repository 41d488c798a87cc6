package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

func seconds(n int64) recording.Seconds { return recording.Seconds(n) }

func position(created int64) store.Position {
	return store.Position{Created: seconds(created), ID: "202601-a"}
}

// openWithTimeout opens a store with the busy timeout busy.
func openWithTimeout(t *testing.T, path string, busy time.Duration) *Store {
	t.Helper()
	s, err := open(t.Context(), path, Options{Now: time.Now, Random: rand.Reader}, busy)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func sample(id string) *recording.Recording {
	return &recording.Recording{Account: "a", ID: "202601-" + id, Created: 1, Document: "{}"}
}

// writes holds one call of every method that writes.
var writes = map[string]func(ctx context.Context, s *Store) error{
	"Put":    func(ctx context.Context, s *Store) error { return s.Put(ctx, sample("new")) },
	"Revive": func(ctx context.Context, s *Store) error { return s.Revive(ctx, sample("new"), "") },
	"Update": func(ctx context.Context, s *Store) error {
		_, err := s.Update(ctx, "a", "202601-a", func(*recording.Recording) error { return nil })
		return err
	},
	"Delete": func(ctx context.Context, s *Store) error {
		_, err := s.Delete(ctx, "a", "202601-a", store.Deletion{})
		return err
	},
	"Purged": func(ctx context.Context, s *Store) error { return s.Purged(ctx, "a", "202601-a", "") },
}

// lock takes the write lock of the file until the test ends.
func lock(t *testing.T, s *Store) {
	t.Helper()
	tx, err := s.write.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
}

// While one writer holds the lock, other writers fail and readers succeed.
func TestBusyWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	other := openWithTimeout(t, path, busyTimeout)
	s := openWithTimeout(t, path, 30*time.Millisecond)
	if err := s.Put(t.Context(), sample("a")); err != nil {
		t.Fatal(err)
	}
	lock(t, other)
	for name, write := range writes {
		if err := write(t.Context(), s); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s while another writes = %v, want ErrUnavailable", name, err)
		}
	}
	if _, err := s.Get(t.Context(), "a", "202601-a"); err != nil {
		t.Errorf("Get while another writes = %v, want nil", err)
	}
	if found, err := s.Find(t.Context(), "a", []string{"202601-a"}); err != nil || len(found) != 1 {
		t.Errorf("Find while another writes = %+v, %v, want one recording", found, err)
	}
	if p, err := s.Page(t.Context(), store.Query{Account: "a", Limit: 5}); err != nil || len(p.Recordings) != 1 {
		t.Errorf("Page while another writes = %+v, %v, want one recording", p, err)
	}
	_, err := open(t.Context(), path, Options{Now: time.Now, Random: rand.Reader}, 30*time.Millisecond)
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Open while another writes = %v, want ErrUnavailable", err)
	}
}

// A writer stops waiting for the lock when its context ends.
func TestBusyWriterStopsAtDeadline(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "recordings.db")
	s, other := openWithTimeout(t, path, time.Minute), openWithTimeout(t, path, time.Minute)
	lock(t, other)
	for name, write := range writes {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		start := time.Now()
		err := write(ctx, s)
		cancel()
		if !errors.Is(err, store.ErrUnavailable) || time.Since(start) > 20*time.Second {
			t.Errorf("%s = %v after %v, want ErrUnavailable at the deadline", name, err, time.Since(start))
		}
	}
}

// Several callers may create the same file at once.
func TestConcurrentOpen(t *testing.T) {
	t.Parallel()
	for range 10 {
		path := filepath.Join(t.TempDir(), "recordings.db")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				s, err := Open(t.Context(), path, Options{Now: time.Now, Random: rand.Reader})
				if err != nil {
					t.Errorf("Open = %v", err)
					return
				}
				if err := s.Close(); err != nil {
					t.Errorf("Close = %v", err)
				}
			})
		}
		wg.Wait()
	}
}

// A test cannot cut the power, but it can check that every connection syncs its
// commits to the disk.
func TestEveryCommitIsSynced(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	for name, db := range map[string]*sql.DB{"writer": s.write, "reader": s.read} {
		for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal"} {
			var got string
			if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("PRAGMA %s of the %s = %s, %v, want %s", pragma, name, got, err, want)
			}
		}
	}
}

// A page without a selective filter takes one read, full or not.
func TestPageTakesOneRead(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		if err := s.Put(t.Context(), sample(id)); err != nil {
			t.Fatal(err)
		}
	}
	for limit := 1; limit <= 7; limit++ {
		for name, keep := range map[string]func(*recording.Recording) bool{
			"all": nil, "filtered": func(*recording.Recording) bool { return true },
		} {
			entry := new(requestlog.Entry)
			p, err := s.Page(requestlog.With(t.Context(), entry), store.Query{Account: "a", Limit: limit, Keep: keep})
			if err != nil || len(p.Recordings) != min(limit, 5) || (p.Next != nil) != (limit < 5) || entry.Calls != 1 {
				t.Errorf("%s, Page with limit %d: %d recordings, next %v, %v after %d reads, want 1", name, limit, len(p.Recordings), p.Next, err, entry.Calls)
			}
		}
	}
}

// After Close every write returns an error and does not panic.
func TestWriteAfterClose(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, write := range writes {
		if err := write(t.Context(), s); err == nil {
			t.Errorf("%s after Close = nil, want an error", name)
		}
	}
}
