// Package sqlite keeps the metadata of recordings in one SQLite file, for a
// laptop or a single box (docs/adr/004-embedded-engine.md).
//
// What it acknowledged is on the disk: WAL with synchronous=FULL, so that
// neither a kill nor a power cut loses it. Several processes may open the same
// file; writers take turns, and one that waits longer than [busyTimeout] gets
// store.ErrUnavailable. Lists read the same table and have no lag.
//
// The layout is in schema.sql; PRAGMA user_version counts its changes. The
// sqlite3 shell and every other tool for SQLite can read the file.
package sqlite

import (
	"context"
	"database/sql"
	_ "embed" // schema.sql
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// busyTimeout is how long a writer waits for another.
const busyTimeout = 5 * time.Second

//go:embed schema.sql
var schema string

// migrations take the file from version i to i+1; the last one is what this
// program knows. A step is never changed once released.
var migrations = []string{schema}

// ErrNewer is the error of a file that a newer version of this program made.
var ErrNewer = errors.New("database is of a newer version")

// Options of a store.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// Random makes revisions unguessable and unique.
	Random io.Reader
}

// Store is a driver of package store.
type Store struct {
	// One connection for writers, so that they queue here and not in SQLite.
	read, write *sql.DB
	now         func() time.Time
	random      io.Reader
}

var _ store.Store = (*Store)(nil)

// Open opens the file at path, made if it is not there, and brings it up to
// date. Tombstones that have expired are removed. The caller closes the store.
// Errors: ErrNewer, what the file system says.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	s := &Store{now: o.Now, random: o.Random}
	for _, db := range []struct {
		pool **sql.DB
		most int
	}{{&s.write, 1}, {&s.read, 4}} {
		pool, err := sql.Open("sqlite", source(path))
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		pool.SetMaxOpenConns(db.most)
		*db.pool = pool
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), s.Close())
	}
	return s, nil
}

// source is the driver's address of the file.
func source(path string) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(" + strconv.FormatInt(busyTimeout.Milliseconds(), 10) + ")",
		"journal_mode(WAL)", "synchronous(FULL)",
	}}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// prepare migrates the schema and drops expired tombstones.
func (s *Store) prepare(ctx context.Context) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		if version > len(migrations) {
			return fmt.Errorf("%w: %d, this program knows %d", ErrNewer, version, len(migrations))
		}
		for _, step := range migrations[version:] {
			if _, err := tx.ExecContext(ctx, step); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, "PRAGMA user_version = "+strconv.Itoa(len(migrations))); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM recordings WHERE expires > 0 AND expires <= ?", recording.SecondsOf(s.now()))
		return err
	})
}

// Close closes the file.
func (s *Store) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{s.read, s.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// change runs do in one transaction, which holds the write lock from its
// beginning.
func (s *Store) change(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

// ignoreDone drops the error of a roll-back that a cancelled context forestalled.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// revision follows the one before: a counter and a random part, so that no
// revision ever comes again, also not after a delete.
func (s *Store) revision(before string) (string, error) {
	count, _, _ := strings.Cut(before, "-")
	n, _ := strconv.Atoi(count) // "" counts as 0
	var b [4]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return "", fmt.Errorf("make revision: %w", err)
	}
	return strconv.Itoa(n+1) + "-" + hex.EncodeToString(b[:]), nil
}

// SQLite's primary result codes that a later try may not meet again
// (https://www.sqlite.org/rescode.html).
var passing = map[int]bool{5: true /* BUSY */, 6: true /* LOCKED */, 10: true /* IOERR */, 13: true /* FULL */, 14: true /* CANTOPEN */}

// fail wraps err with what was being done, as store.ErrUnavailable if it is
// the store's trouble and not the caller's.
func fail(doing, account, id string, err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && passing[e.Code()&0xff] || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %s %s/%s: %w", store.ErrUnavailable, doing, account, id, err)
	}
	return fmt.Errorf("%s %s/%s: %w", doing, account, id, err)
}
