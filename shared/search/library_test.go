package search_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search/searchtest"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// sizeOf returns the number in a variable of the environment, or few.
func sizeOf(b *testing.B, variable string, few int) searchtest.Library {
	b.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(variable), strconv.Itoa(few)))
	if err != nil {
		b.Fatal(err)
	}
	return searchtest.Library(n)
}

// kept is the least number of recordings of a library that remains on the disk for the next run.
const kept = 50_000

// openLibrary returns a file of SQLite with an indexed library.
func openLibrary(b *testing.B, l searchtest.Library) *sqlite.Store {
	b.Helper()
	dir := b.TempDir()
	path := filepath.Join(dir, "recordings.db")
	if l >= kept {
		path = filepath.Join(os.TempDir(), fmt.Sprintf("recordings-bench-%d.db", l))
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		begun := time.Now()
		build(b, path+".new", l)
		if err := os.Rename(path+".new", path); err != nil {
			b.Fatal(err)
		}
		b.Logf("%s has %d recordings and their index after %v", path, l, time.Since(begun).Round(time.Second))
	}
	return openFile(b, path)
}

func openFile(b *testing.B, path string) *sqlite.Store {
	b.Helper()
	s, err := sqlite.Open(b.Context(), path, sqlite.Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// build makes a file with a library. It writes rows by SQL, thousands in a transaction and
// without waiting for the disk.
func build(b *testing.B, path string, l searchtest.Library) {
	b.Helper()
	for _, old := range []string{path, path + "-wal", path + "-shm"} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			b.Fatal(err)
		}
	}
	if err := openFile(b, path).Close(); err != nil {
		b.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(b.Context(), "PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY; PRAGMA cache_size=-1000000")
	if err == nil {
		err = searchtest.Load(b.Context(), l, func(recordings []recording.Recording, entries []store.EntryWrite) error {
			return insert(b.Context(), db, recordings, entries)
		})
	}
	if err = errors.Join(err, db.Close()); err != nil {
		b.Fatal(err)
	}
}

// insert writes rows in one transaction.
func insert(ctx context.Context, db *sql.DB, recordings []recording.Recording, entries []store.EntryWrite) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after an error
	add, err := tx.PrepareContext(ctx, `INSERT INTO recordings (account, id, owner, created, modified, revision, audio_place, audio_key, audio_type, audio_size, doc)
		VALUES (?,?,?,?,?,?,?,'',?,?,?)`)
	if err != nil {
		return err
	}
	for i := range recordings {
		r := &recordings[i]
		if _, err := add.ExecContext(ctx, r.Account, r.ID, r.Owner, r.Created, r.Modified, r.Revision, "managed",
			r.Audio.ContentType, r.Audio.Size, string(r.Document)); err != nil {
			return err
		}
	}
	if add, err = tx.PrepareContext(ctx, "INSERT INTO entries (partition, key, value, revision, expires) VALUES (?,?,?,'1-00000000',0)"); err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		value := e.Value
		if e.Counts() {
			numbers := maps.Clone(e.Add)
			maps.Copy(numbers, e.Set)
			if value, err = json.Marshal(numbers); err != nil {
				return err
			}
		}
		if _, err := add.ExecContext(ctx, e.Partition, e.Key, value); err != nil {
			return err
		}
	}
	return tx.Commit()
}
