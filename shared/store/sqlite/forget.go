package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"
)

// secureVersion is the first version of the file in which deleted content is overwritten.
// A file of an earlier version is rewritten once (VACUUM), without its free pages.
const secureVersion = 5

// forget is the migration to secureVersion. It removes what earlier versions kept of
// deleted recordings: the keys of their audio, and file names in claims.
func forget(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "UPDATE recordings SET "+forgetAudio+" WHERE deleted > 0 AND purge_pending = 0"); err != nil {
		return err
	}
	keys := map[int64]string{}
	rows, err := tx.QueryContext(ctx, "SELECT rowid, key FROM claims")
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	for rows.Next() {
		var row int64
		var key string
		if err := rows.Scan(&row, &key); err != nil {
			return err
		}
		keys[row] = claimKey(key)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for row, key := range keys {
		if _, err := tx.ExecContext(ctx, "UPDATE claims SET key = ? WHERE rowid = ?", key, row); err != nil {
			return err
		}
	}
	return nil
}

// flushWait is how long Flush waits for readers. Writers wait as long.
const flushWait = 200 * time.Millisecond

// Flush moves everything in the -wal file to the database, and empties the file,
// which may hold old copies of pages with deleted content. If other connections are
// reading for longer than flushWait, it does nothing; the caller retries later.
// Errors: ErrUnavailable.
func (s *Store) Flush(ctx context.Context) error {
	const action = "empty the write-ahead log"
	c, err := s.write.Conn(ctx)
	if err != nil {
		return fail(action, "", "", err)
	}
	defer c.Close() //nolint:errcheck // back into the pool
	var normal int64
	if err := c.QueryRowContext(ctx, "PRAGMA busy_timeout").Scan(&normal); err != nil {
		return fail(action, "", "", err)
	}
	set := func(ms int64) error {
		_, err := c.ExecContext(context.WithoutCancel(ctx), "PRAGMA busy_timeout = "+strconv.FormatInt(ms, 10))
		return err
	}
	if err := set(flushWait.Milliseconds()); err != nil {
		return fail(action, "", "", err)
	}
	_, err = c.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	if isBusy(err) {
		err = nil // a reader in the way is no error either: the caller retries
	}
	if err = errors.Join(err, set(normal)); err != nil {
		return fail(action, "", "", err)
	}
	return nil
}
