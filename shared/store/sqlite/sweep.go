package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// If the clock were far ahead, every tombstone would look expired, and deleted
// recordings could return. So a sweep does not trust the clock alone. It keeps its
// own time in the file, which follows the clock in small steps. If a wrong clock is
// corrected within weeks, nothing is removed too early. After a long downtime, the
// sweep is some weeks late, which does no harm.
const (
	// sweepStep is the most by which the time of the sweeps advances in one step.
	sweepStep = recording.Seconds(7 * 24 * time.Hour / time.Second)
	// sweepPause is the time on the clock between two steps. Restarts in quick
	// succession therefore do not add up.
	sweepPause = recording.Seconds(20 * time.Hour / time.Second)
)

// sweepBatch is how many rows of a table one transaction of a sweep removes. A week's
// rows in one transaction would hold up writers for seconds, and make the -wal file long.
const sweepBatch = 200

// The statements that remove expired tombstones, claims and entries. The second
// parameter is the maximum number.
const (
	deleteExpired = "DELETE FROM recordings WHERE rowid IN" +
		" (SELECT rowid FROM recordings WHERE expires > 0 AND expires <= ? LIMIT ?)"
	deleteExpiredClaims  = "DELETE FROM claims WHERE rowid IN (SELECT rowid FROM claims WHERE expires <= ? LIMIT ?)"
	deleteExpiredEntries = "DELETE FROM entries WHERE (partition, key) IN" +
		" (SELECT partition, key FROM entries WHERE expires > 0 AND expires <= ? LIMIT ?)"
)

// Sweep removes expired tombstones, claims and entries, in short transactions. A
// long-running server calls it once a day. Errors: ErrUnavailable.
func (s *Store) Sweep(ctx context.Context) error {
	for more := true; more; {
		err := s.change(ctx, func(tx *sql.Tx) (err error) {
			more, err = s.sweep(ctx, tx)
			return err
		})
		if err != nil {
			return fail("remove expired tombstones and claims", "", "", err)
		}
	}
	return nil
}

// sweep removes up to sweepBatch rows of each table. It reports whether there may be more.
func (s *Store) sweep(ctx context.Context, tx *sql.Tx) (more bool, err error) {
	until, err := advanceSweep(ctx, tx, recording.SecondsOf(s.now()))
	if err != nil {
		return false, err
	}
	for _, expired := range []string{deleteExpired, deleteExpiredClaims, deleteExpiredEntries} {
		done, err := tx.ExecContext(ctx, expired, until, sweepBatch)
		if err != nil {
			return false, err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return false, err
		}
		more = more || n == sweepBatch
	}
	return more, nil
}

// advanceSweep moves the time of the sweeps towards now and returns it. It never
// returns a time after now.
func advanceSweep(ctx context.Context, tx *sql.Tx, now recording.Seconds) (recording.Seconds, error) {
	var at, until recording.Seconds
	err := tx.QueryRowContext(ctx, "SELECT at, until FROM sweep").Scan(&at, &until)
	switch {
	case errors.Is(err, sql.ErrNoRows): // the first sweep: begin at the last write
		err = tx.QueryRowContext(ctx, "SELECT coalesce(nullif(max(modified, deleted), 0), ?) FROM"+
			" (SELECT max(modified) AS modified, max(deleted) AS deleted FROM recordings)", now).Scan(&until)
		if err != nil {
			return 0, err
		}
	case err != nil:
		return 0, err
	case at <= now && now < at+sweepPause:
		return min(now, until), nil
	}
	until = min(now, until+sweepStep)
	_, err = tx.ExecContext(ctx, "INSERT INTO sweep (only, at, until) VALUES (1, ?, ?)"+
		" ON CONFLICT DO UPDATE SET at = excluded.at, until = excluded.until", now, until)
	return until, err
}
