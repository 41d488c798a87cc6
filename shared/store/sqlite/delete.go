package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// The statements of a deletion. Each begins one of the stages of a tombstone.
const (
	beginRestorable = "UPDATE recordings SET revision = ?, deleted = ?, restore_until = ?, deleted_by = ?, cause = ? WHERE account = ? AND id = ?"
	beginPurge      = "UPDATE recordings SET revision = ?, purge_pending = 1, restore_until = 0, owner = '', doc = '{}'," +
		" made = '', upload_type = '', upload_size = 0, upload_sha256 = '' WHERE account = ? AND id = ?"
	endDeletion = "UPDATE recordings SET revision = ?, deleted = 0, restore_until = 0, deleted_by = '', cause = '' WHERE account = ? AND id = ?"
)

// errUntil means that Deletion.Until is out of range.
var errUntil = errors.New("the end of the time for a restore is out of range")

// Delete turns a recording into a tombstone; see [store.Writer].
func (s *Store) Delete(ctx context.Context, account, id string, d store.Deletion) (*recording.Recording, error) {
	if d.Until < 0 || d.Until > store.MaxTime {
		return nil, fail("delete", account, id, errUntil)
	}
	var deleted *recording.Recording
	err := s.rewrite(ctx, account, id, func(tx *sql.Tx, old *recording.Recording) error {
		if err := s.checkGuards(ctx, tx, d.Guards); err != nil {
			return err
		}
		seen := *old
		if err := d.Allows(&seen); err != nil {
			return callerError{err}
		}
		deleted = old
		revision, err := s.revision(old.Revision)
		if err != nil {
			return err
		}
		cause := d.Cause
		if cause == store.CauseDeleted {
			cause = ""
		}
		_, err = tx.ExecContext(ctx, beginRestorable, revision, max(1, recording.SecondsOf(s.now())), d.Until, d.By, cause, account, id)
		if err == nil && d.Until == 0 {
			_, err = tx.ExecContext(ctx, beginPurge, revision, account, id)
		}
		if err != nil {
			return err
		}
		return s.queueChange(ctx, tx, &store.Image{Recording: *old}, tombstoneImage(old, revision, d.Until))
	})
	if err != nil {
		return nil, wrap("delete", account, id, err)
	}
	return deleted, nil
}

// checkGuards returns ErrGuard unless all guards hold.
func (s *Store) checkGuards(ctx context.Context, tx *sql.Tx, guards []store.Guard) error {
	for _, g := range guards {
		var revision string
		err := tx.QueryRowContext(ctx, revisionOf, recording.SecondsOf(s.now()), g.Partition, g.Key).Scan(&revision)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if revision != g.Revision {
			return store.ErrGuard
		}
	}
	return nil
}

// Restore makes a deleted recording live again; see [store.Restorer].
func (s *Store) Restore(ctx context.Context, account, id string, check func(*store.Tombstone) error) (*recording.Recording, error) {
	var restored *recording.Recording
	err := s.changeTombstone(ctx, account, id, func(tx *sql.Tx, old *row) error {
		if old.until == 0 {
			return store.ErrPurging
		}
		t := old.tombstone()
		if err := check(&t); err != nil {
			return callerError{err}
		}
		r := old.r
		var err error
		if r.Revision, err = s.revision(old.r.Revision); err != nil {
			return err
		}
		restored = &r
		if _, err := tx.ExecContext(ctx, endDeletion, r.Revision, account, id); err != nil {
			return err
		}
		return s.queueChange(ctx, tx, tombstoneImage(&old.r, old.r.Revision, old.until), &store.Image{Recording: r})
	})
	if err != nil {
		return nil, wrap("restore", account, id, err)
	}
	return restored, nil
}

// Condemn starts the purge of a restorable tombstone; see [store.Restorer].
func (s *Store) Condemn(ctx context.Context, account, id string, check func(*store.Tombstone) error, guards ...store.Guard) error {
	err := s.changeTombstone(ctx, account, id, func(tx *sql.Tx, old *row) error {
		if old.until == 0 {
			return nil
		}
		if err := s.checkGuards(ctx, tx, guards); err != nil {
			return err
		}
		t := old.tombstone()
		if err := check(&t); err != nil {
			return callerError{err}
		}
		revision, err := s.revision(old.r.Revision)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, beginPurge, revision, account, id); err != nil {
			return err
		}
		return s.queueChange(ctx, tx, tombstoneImage(&old.r, old.r.Revision, old.until), tombstoneImage(&old.r, revision, 0))
	})
	switch {
	case errors.Is(err, store.ErrExists): // a recording, not a tombstone
		return fail("start the purge of", account, id, store.ErrNotFound)
	case err != nil:
		return wrap("start the purge of", account, id, err)
	}
	return nil
}

// changeTombstone reads a tombstone and calls do to change its row, in one transaction.
// Errors: ErrNotFound, ErrExists if the recording is not deleted, and those of do.
func (s *Store) changeTombstone(ctx context.Context, account, id string, do func(*sql.Tx, *row) error) error {
	requestlog.From(ctx).Calls++
	return s.change(ctx, func(tx *sql.Tx) error {
		var old row
		err := old.scan(tx.QueryRowContext(ctx, selectRow, account, id))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return store.ErrNotFound
		case err != nil:
			return err
		case old.deleted == 0:
			return store.ErrExists
		}
		return do(tx, &old)
	})
}

// tombstoneImage returns the image of the tombstone of r.
func tombstoneImage(r *recording.Recording, revision string, until recording.Seconds) *store.Image {
	return &store.Image{Deleted: true, Restorable: until != 0, Recording: recording.Recording{
		Account: r.Account, ID: r.ID, Revision: revision, Created: r.Created, Audio: r.Audio,
	}}
}

// forgetAudio clears the columns that describe audio. The key of a file in an inbox
// holds numbers of the call.
const forgetAudio = "audio_place = '', audio_key = '', audio_type = '', audio_size = 0, audio_state = ''," +
	" audio_reason = '', audio_sha256 = '', audio_sequencer = ''"

// Purged marks the purge of a deleted recording as finished; see [store.Writer].
func (s *Store) Purged(ctx context.Context, account, id, revision string) error {
	requestlog.From(ctx).Calls++
	expires := recording.SecondsOf(s.now().AddDate(0, 0, store.TombstoneDays))
	done, err := s.write.ExecContext(ctx, "UPDATE recordings SET purge_pending = 0, deleted_by = '', "+forgetAudio+","+
		" expires = CASE expires WHEN 0 THEN ? ELSE expires END"+
		" WHERE account = ? AND id = ? AND deleted > 0 AND restore_until = 0 AND ? IN ('', revision)", expires, account, id, revision)
	if err != nil {
		return fail("mark as purged", account, id, err)
	}
	if n, err := done.RowsAffected(); err == nil && n == 0 {
		return fail("mark as purged", account, id, store.ErrNotFound)
	}
	return nil
}
