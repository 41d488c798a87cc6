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
	"slices"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// busyTimeout is how long a writer waits for another.
const busyTimeout = 5 * time.Second

// openInterval is the time between two tries to open a file that is busy.
const openInterval = 20 * time.Millisecond

//go:embed schema.sql
var schema string

//go:embed arrivals.sql
var arrivals string

//go:embed secrets.sql
var secretsTable string

// migrations take the file from version i to i+1; the last one is what this
// program knows. A step is never changed once released.
var migrations = []string{schema, arrivals, secretsTable}

// ErrNewer is the error of a file that a newer version of this program made.
var ErrNewer = errors.New("database is of a newer version")

// Options of a store.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// Random makes revisions unguessable and unique.
	Random io.Reader
	// Notes puts every change into the queue [Changes], in the transaction of
	// the change itself. Somebody has to follow it.
	Notes bool
}

// Store is a driver of package store.
type Store struct {
	// One connection for writers, so that they queue here and not in SQLite.
	read, write *sql.DB
	now         func() time.Time
	random      io.Reader
	notes       bool
}

var (
	_ store.Store   = (*Store)(nil)
	_ store.Claimer = (*Store)(nil)
	_ store.Finder  = (*Store)(nil)
	_ store.Reviver = (*Store)(nil)
)

// Open opens the file at path, made if it is not there, and brings it up to
// date. Tombstones and claims that have expired are removed. The caller closes the store.
// Errors: ErrNewer, store.ErrUnavailable if others keep the file busy, what the
// file system says.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	return open(ctx, path, o, busyTimeout)
}

// open is Open for writers that wait for busy.
func open(ctx context.Context, path string, o Options, busy time.Duration) (*Store, error) {
	s := &Store{now: o.Now, random: o.Random, notes: o.Notes}
	for _, db := range []struct {
		pool **sql.DB
		most int
	}{{&s.write, 1}, {&s.read, 4}} {
		pool, err := sql.Open("sqlite", source(path, busy))
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		pool.SetMaxOpenConns(db.most)
		*db.pool = pool
	}
	if err := s.prepared(ctx, busy); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), s.Close())
	}
	return s, nil
}

// prepared prepares the file, again and again for as long as busy if another
// process is just making it: the turn to WAL takes the whole file, and SQLite
// does not let two that both want it wait for each other.
func (s *Store) prepared(ctx context.Context, busy time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, busy)
	defer cancel()
	again := time.NewTicker(openInterval)
	defer again.Stop()
	for {
		err := s.prepare(ctx)
		if err == nil || !isBusy(err) {
			return err
		}
		select {
		case <-waiting.Done():
			return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
		case <-again.C:
		}
	}
}

// source is the driver's address of the file.
func source(path string, busy time.Duration) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")",
		"journal_mode(WAL)", "synchronous(FULL)",
	}}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// What removes the tombstones and the claims whose time is over.
const (
	deleteExpired       = "DELETE FROM recordings WHERE expires > 0 AND expires <= ?"
	deleteExpiredClaims = "DELETE FROM claims WHERE expires <= ?"
)

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
		for _, expired := range []string{deleteExpired, deleteExpiredClaims} {
			if _, err := tx.ExecContext(ctx, expired, recording.SecondsOf(s.now())); err != nil {
				return err
			}
		}
		return nil
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
// beginning. A do that fails, or panics, changes nothing and gives the lock back.
func (s *Store) change(ctx context.Context, do func(*sql.Tx) error) (err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		// Of no effect after a commit, or where a cancelled context came first.
		if e := tx.Rollback(); e != nil && !errors.Is(e, sql.ErrTxDone) {
			err = errors.Join(err, e)
		}
	}()
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
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
const (
	codeBusy      = 5
	codeLocked    = 6
	codeInterrupt = 9 // a context that ended
	codeIO        = 10
	codeFull      = 13
	codeCantOpen  = 14
	codeProtocol  = 15 // too many openers at once
)

var passing = []int{codeBusy, codeLocked, codeInterrupt, codeIO, codeFull, codeCantOpen, codeProtocol}

// code is SQLite's primary result code in err, 0 if there is none.
func code(err error) int {
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return e.Code() & 0xff // the rest is detail
	}
	return 0
}

func isBusy(err error) bool { return code(err) == codeBusy || code(err) == codeProtocol }

// fail wraps err with what was being done, as store.ErrUnavailable if it is
// the store's trouble and not the caller's.
func fail(doing, account, id string, err error) error {
	if slices.Contains(passing, code(err)) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %s %s/%s: %w", store.ErrUnavailable, doing, account, id, err)
	}
	return fmt.Errorf("%s %s/%s: %w", doing, account, id, err)
}
