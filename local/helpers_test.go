package main

import (
	"bytes"
	"database/sql"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to lock the database as another process would

	"github.com/callrecordings/api/local/datadir"
)

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// newBox returns an open box on a new data folder, with a clock and a log.
func newBox(t *testing.T) (*box, *clock, *buffer) {
	t.Helper()
	dir, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c, log := &clock{now: time.Now()}, &buffer{}
	b := &box{dir: dir, now: c.Now, log: slog.New(slog.NewJSONHandler(log, nil))}
	b.settings.Host, b.settings.Port, b.settings.DataDir = "127.0.0.1", "0", dir.Path
	b.settings.MaxAudioBytes = 1 << 30
	if err := b.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	return b, c, log
}

// drain processes all arrivals that are due.
func drain(t *testing.T, b *box) {
	t.Helper()
	a := b.newArrivals(b.ingestQueue())
	for range 20 {
		if err := a.dispatch(t.Context()); err != nil {
			t.Fatal(err)
		}
		a.running.Wait()
	}
}

// storeObject stores an object in the bucket without an event, as if the process had
// been killed before it could queue one.
func storeObject(t *testing.T, b *box, key string, data []byte) {
	t.Helper()
	b.seeding.Store(true)
	defer b.seeding.Store(false)
	if err := b.bucket.Put(t.Context(), key, "audio/mpeg", bytes.NewReader(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
}

// exists reports whether an object exists.
func exists(t *testing.T, b *box, key string) bool {
	t.Helper()
	_, err := b.bucket.Stat(t.Context(), key)
	return err == nil
}

// objectPath returns the path of an object's file.
func objectPath(b *box, key string) string {
	return filepath.Join(b.dir.File("audio"), "objects", datadir.Bucket, filepath.FromSlash(key))
}

// lockDatabase takes the database's write lock. unlock releases it.
func lockDatabase(t *testing.T, b *box) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", b.dir.File("recordings.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = tx.Rollback()
		_ = db.Close()
	}
}
