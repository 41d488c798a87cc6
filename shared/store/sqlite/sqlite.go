// Package sqlite is the driver of package store for a laptop or a single
// machine: it keeps all metadata in one SQLite file
// (docs/adr/004-embedded-engine.md).
//
// # Guarantees
//
// A write that returned without an error is on the disk. The file uses WAL mode
// with synchronous=FULL, so neither a killed process nor a power failure loses
// it. Lists read the same tables as Get and never lag.
//
// Deleted content does not stay on the disk: SQLite overwrites it with zeros, also in
// free pages (secure_delete). [Store.Scrub] overwrites the copies that remain in pages
// from which SQLite moved a row before its deletion. Old copies of pages remain in the
// -wal file until [Store.Flush] empties it.
//
// # Layout
//
//	recordings  recordings and tombstones       schema.sql
//	claims      reserved recording IDs, by key  arrivals.sql
//	queue       the durable queues [Changes],
//	            [Arrivals] and [Index]          arrivals.sql
//	secrets     checksums of storage secrets    secrets.sql
//	sweep       progress of [Store.Sweep]       upkeep.sql
//	(indexes of the queues and of a start)      lookups.sql
//	entries     issuers, accounts and the like  entries.sql
//	(deletions that can be reversed)            restorable.sql
//
// PRAGMA user_version counts the migrations that the file has gone through. The
// sqlite3 shell and other SQLite tools can read the file.
//
// # Limits
//
// Several processes may open the same file. Writers take turns; a writer that
// waits longer than [busyTimeout] fails with store.ErrUnavailable, and so does a
// write to a full disk. Reads work on a full disk, even after a restart: the files
// beside the database (-wal, -shm) remain when the database is closed, because
// SQLite needs their space to open it. [Store.Sweep] removes expired tombstones;
// until then they still reserve their IDs.
package sqlite

import (
	"cmp"
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
	"sync"
	"time"

	"modernc.org/sqlite"

	"github.com/callrecordings/api/shared/store"
)

// busyTimeout is how long a writer waits for the writers of other processes.
const busyTimeout = 5 * time.Second

// openInterval is the wait between two attempts to open a file that is busy.
const openInterval = 20 * time.Millisecond

// LogLimit is the size in bytes to which SQLite truncates a longer -wal file.
const LogLimit = 4 << 20

//go:embed schema.sql
var schema string

//go:embed arrivals.sql
var arrivals string

//go:embed secrets.sql
var secretsTable string

//go:embed upkeep.sql
var upkeep string

//go:embed lookups.sql
var lookups string

//go:embed entries.sql
var entriesTable string

//go:embed restorable.sql
var restorable string

// migration upgrades a file by one version.
type migration func(context.Context, *sql.Tx) error

// migrations holds the steps that upgrade a file from version i to i+1. Their number
// is the version of this program. A released migration never changes.
var migrations = []migration{script(schema), script(arrivals), script(secretsTable), script(upkeep), forget, script(lookups), script(entriesTable), script(restorable)}

// script returns a migration that executes SQL.
func script(text string) migration {
	return func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, text)
		return err
	}
}

var (
	// ErrNewer means that a newer version of this program has migrated the file.
	ErrNewer = errors.New("database has a newer version")
	// ErrDamaged means that the file is not a database, or that a part of it is
	// damaged.
	ErrDamaged = errors.New("database is damaged")
)

// Options configure a store.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// Random is the source of the random part of revisions.
	Random io.Reader
	// QueueChanges adds every change to the queue [Changes], and its recording to the queue
	// [Index], in the transaction of the change itself. The queues grow until a reader calls
	// Done.
	QueueChanges bool
	// Driver is the name of the driver in database/sql; "" means that of
	// modernc.org/sqlite. Tests name a driver that makes statements fail.
	Driver string
}

// Store is an open file. It is safe for concurrent use.
type Store struct {
	// write has one connection, so that the writers of this process wait for each
	// other here instead of in SQLite.
	read, write *sql.DB
	// reads and writes keep the statements of these connections.
	reads, writes statements

	// scrubbing is locked during a pass of Scrub. scrubbed holds the writes before the
	// last pass that found the unused space of all pages clear; nil if none did.
	scrubbing sync.Mutex
	scrubbed  *written

	now          func() time.Time
	random       io.Reader
	queueChanges bool
}

var (
	_ store.Store       = (*Store)(nil)
	_ store.Claimer     = (*Store)(nil)
	_ store.ClaimReader = (*Store)(nil)
	_ store.Finder      = (*Store)(nil)
	_ store.Reviver     = (*Store)(nil)
	_ store.Corrector   = (*Store)(nil)
	_ store.Restorer    = (*Store)(nil)
	_ store.Entries     = (*Store)(nil)
	_ store.BulkWriter  = (*Store)(nil)
)

// Open opens the file at path, or creates it in an existing folder, and migrates
// it to the version of this program. It removes some expired tombstones and claims, so
// that a file which only commands open does not keep them forever.
// It can open a file of this version even on a full disk.
// The caller closes the store. Errors: ErrNewer, ErrDamaged, store.ErrUnavailable
// if other processes keep the file busy, and those of the file system.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	return open(ctx, path, o, busyTimeout)
}

// open is Open with a given busyTimeout.
func open(ctx context.Context, path string, o Options, busy time.Duration) (*Store, error) {
	s := &Store{now: o.Now, random: o.Random, queueChanges: o.QueueChanges}
	for _, db := range []struct {
		pool     **sql.DB
		maxConns int
	}{{&s.write, 1}, {&s.read, 4}} {
		pool, err := sql.Open(cmp.Or(o.Driver, "sqlite"), dataSource(path, busy))
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		pool.SetMaxOpenConns(db.maxConns)
		pool.SetMaxIdleConns(db.maxConns) // an open connection has its statements and its cache
		*db.pool = pool
	}
	if err := s.prepareWithRetry(ctx, busy); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), s.Close())
	}
	return s, nil
}

// prepareWithRetry calls prepare and, while the file is busy, retries for up to
// busy. Another process may be creating the file: switching to WAL needs an
// exclusive lock, and SQLite's busy timeout does not cover two processes that both
// want this lock.
func (s *Store) prepareWithRetry(ctx context.Context, busy time.Duration) error {
	waiting, cancel := context.WithTimeout(ctx, busy)
	defer cancel()
	retry := time.NewTicker(openInterval)
	defer retry.Stop()
	for {
		err := s.prepare(ctx)
		if err == nil || !isBusy(err) {
			return err
		}
		select {
		case <-waiting.Done():
			return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
		case <-retry.C:
		}
	}
}

// dataSource returns the data source name of the file for [sql.Open].
func dataSource(path string, busy time.Duration) string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")",
		"journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(" + strconv.Itoa(LogLimit) + ")", "secure_delete(ON)",
	}}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// prepare migrates the schema and removes some expired tombstones and claims.
func (s *Store) prepare(ctx context.Context) error {
	var version int
	if err := s.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return classify(err)
	}
	if version > 0 && version < secureVersion {
		if _, err := s.write.ExecContext(ctx, "VACUUM"); err != nil {
			return classify(err)
		}
	}
	if version != len(migrations) { // otherwise nothing is written, so a full disk does not matter
		if err := s.change(ctx, func(tx *sql.Tx) error { return migrate(ctx, tx) }); err != nil {
			return classify(err)
		}
	}
	err := s.change(ctx, func(tx *sql.Tx) error {
		_, err := s.sweep(ctx, tx) // the server removes the rest
		return err
	})
	if err != nil && !isFull(err) {
		return classify(err)
	}
	return nil
}

// migrate upgrades the file to the version of this program. Errors: ErrNewer.
func migrate(ctx context.Context, tx *sql.Tx) error {
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(migrations) {
		return fmt.Errorf("%w: %d, but this program supports %d", ErrNewer, version, len(migrations))
	}
	for _, step := range migrations[version:] {
		if err := step(ctx, tx); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "PRAGMA user_version = "+strconv.Itoa(len(migrations)))
	return err
}

// Close closes the file.
func (s *Store) Close() error {
	s.keepLogs()
	var errs []error
	for _, pool := range []*sql.DB{s.read, s.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// keepLogs makes SQLite keep the files -wal and -shm when the last connection
// closes. Without these files, the next process could not open the database on a
// full disk. The -wal file is truncated first, so the database alone is complete.
func (s *Store) keepLogs() {
	if s.write == nil {
		return
	}
	// Opening a new connection here could wait, and this one is not essential.
	ctx, cancel := context.WithTimeout(context.Background(), openInterval)
	defer cancel()
	c, err := s.write.Conn(ctx)
	if err != nil {
		return // closed already, or a writer is still at work
	}
	_ = c.Raw(func(driver any) error {
		if control, ok := driver.(sqlite.FileControl); ok {
			_, err := control.FileControlPersistWAL("main", 1)
			return err
		}
		return nil
	})
	_ = c.Close() // back into the pool
}

// change runs do in one transaction, which holds the write lock from the start.
// If do fails or panics, change rolls the transaction back, which releases the
// lock.
func (s *Store) change(ctx context.Context, do func(*sql.Tx) error) (err error) {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		// After a commit, or a rollback by a canceled context, this has no effect.
		if e := tx.Rollback(); e != nil && !errors.Is(e, sql.ErrTxDone) {
			err = errors.Join(err, e)
		}
	}()
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// revision returns the revision that follows previous ("" for a new recording):
// a counter and a random part. The random part keeps a recording that is created
// again after a delete from reusing a revision.
func (s *Store) revision(previous string) (string, error) {
	count, _, _ := strings.Cut(previous, "-")
	n, _ := strconv.Atoi(count) // "" counts as 0
	var b [4]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return "", fmt.Errorf("make revision: %w", err)
	}
	return strconv.Itoa(n+1) + "-" + hex.EncodeToString(b[:]), nil
}

// SQLite's primary result codes (https://www.sqlite.org/rescode.html).
const (
	codeBusy      = 5
	codeLocked    = 6
	codeInterrupt = 9 // the context ended
	codeIO        = 10
	codeCorrupt   = 11
	codeFull      = 13
	codeCantOpen  = 14
	codeNotADB    = 26
	codeProtocol  = 15 // too many processes opened the file at once
)

var transientCodes = []int{codeBusy, codeLocked, codeInterrupt, codeIO, codeFull, codeCantOpen, codeProtocol}

// resultCode returns SQLite's primary result code in err; 0 if err is not an
// error of SQLite.
func resultCode(err error) int {
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return e.Code() & 0xff // the other bits make it an extended code
	}
	return 0
}

// isBusy reports whether other processes keep the file busy.
func isBusy(err error) bool { return resultCode(err) == codeBusy || resultCode(err) == codeProtocol }

// isFull reports whether a write failed because the disk is full or broken.
func isFull(err error) bool { return resultCode(err) == codeFull || resultCode(err) == codeIO }

// classify wraps an error of a damaged file in ErrDamaged. It adds an explanation
// to the error code that SQLite returns if the disk is too full for its shared
// memory.
func classify(err error) error {
	switch code := resultCode(err); {
	case code == codeCorrupt, code == codeNotADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case isFull(err):
		return fmt.Errorf("is the disk full? %w", err)
	}
	return err
}

// fail wraps err with the action that failed and its subject, account/id. Either
// of account and id may be "". fail also wraps a transient error in
// store.ErrUnavailable, and an error of a damaged file in ErrDamaged.
func fail(action, account, id string, err error) error {
	operation := strings.TrimRight(action+" "+account+"/"+id, " /")
	if slices.Contains(transientCodes, resultCode(err)) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %s: %w", store.ErrUnavailable, operation, err)
	}
	if code := resultCode(err); code == codeCorrupt || code == codeNotADB {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, operation, err)
	}
	return fmt.Errorf("%s: %w", operation, err)
}
