package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// Put stores a new recording; see [store.Writer].
func (s *Store) Put(ctx context.Context, r *recording.Recording) error {
	return s.put(ctx, "store", r, func(*row) bool { return false })
}

// put stores r as a new row. It replaces a tombstone if mayReplace permits that.
func (s *Store) put(ctx context.Context, action string, r *recording.Recording, mayReplace func(*row) bool) error {
	if err := checkSize(r); err != nil {
		return err
	}
	requestlog.From(ctx).Calls++
	stored := *r
	stored.Audio.Key = storedKey(r)
	err := s.change(ctx, func(tx *sql.Tx) error {
		before, revision, err := removeTombstone(ctx, tx, r.Account, r.ID, mayReplace)
		if err != nil {
			return err
		}
		if stored.Revision, err = s.revision(revision); err != nil {
			return err
		}
		if _, err = tx.ExecContext(ctx, insertRecording, fieldsOf(&stored)...); err != nil {
			return err
		}
		return s.queueChange(ctx, tx, before, &store.Image{Recording: stored})
	})
	if err != nil {
		return fail(action, r.Account, r.ID, err)
	}
	r.Revision = stored.Revision
	return nil
}

// removeTombstone deletes the tombstone with this ID if mayReplace permits that,
// and returns its image and revision. Without a tombstone it returns nil and "".
// Errors: ErrExists, ErrDeleted.
func removeTombstone(ctx context.Context, tx *sql.Tx, account, id string, mayReplace func(*row) bool) (*store.Image, string, error) {
	var old row
	err := old.scan(tx.QueryRowContext(ctx, selectRow, account, id))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, "", nil
	case err != nil:
		return nil, "", err
	case old.deleted == 0:
		return nil, "", store.ErrExists
	case !mayReplace(&old):
		return nil, "", store.ErrDeleted
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM recordings WHERE account = ? AND id = ?", account, id)
	return tombstoneImage(&old.r, old.r.Revision, 0), old.r.Revision, err
}

// The arguments of both statements are the fields that fieldsOf returns.
// updateRecording takes the account and the ID after them.
const (
	insertRecording = "INSERT INTO recordings (" + columns + ") VALUES (" + marks + ")"
	updateRecording = "UPDATE recordings SET (" + columns + ") = (" + marks + ") WHERE account = ? AND id = ?"
)

// storedKey returns the value of audio_key: "" if the key of r's audio is
// recording.AudioKey, else the key.
func storedKey(r *recording.Recording) string {
	if r.Audio.Key == recording.AudioKey(r.Account, r.ID) {
		return ""
	}
	return r.Audio.Key
}

// Update changes a recording; see [store.Writer]. It holds the write lock while
// change runs, so it never returns ErrConflict.
func (s *Store) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	return s.update(ctx, account, id, store.KeepCreated(change), nil)
}

// Correct changes a recording and perhaps its creation time; see [store.Corrector].
func (s *Store) Correct(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	return s.update(ctx, account, id, change, nil)
}

// CorrectGuarded is Correct under guards; see [store.GuardedCorrector].
func (s *Store) CorrectGuarded(ctx context.Context, account, id string, change func(*recording.Recording) error, guards ...store.Guard) (*recording.Recording, error) {
	return s.update(ctx, account, id, change, guards)
}

func (s *Store) update(ctx context.Context, account, id string, change func(*recording.Recording) error, guards []store.Guard) (*recording.Recording, error) {
	var stored *recording.Recording
	err := s.rewrite(ctx, account, id, func(tx *sql.Tx, old *recording.Recording) error {
		if err := s.checkGuards(ctx, tx, guards); err != nil {
			return err
		}
		r := *old
		if err := change(&r); err != nil {
			return callerError{err}
		}
		r.Account, r.ID = old.Account, old.ID
		if err := checkSize(&r); err != nil {
			return callerError{err}
		}
		var err error
		if r.Revision, err = s.revision(old.Revision); err != nil {
			return err
		}
		stored = &r
		values := r
		values.Audio.Key = storedKey(&r)
		_, err = tx.ExecContext(ctx, updateRecording, append(fieldsOf(&values), account, id)...)
		if err != nil {
			return err
		}
		return s.queueChange(ctx, tx, &store.Image{Recording: *old}, &store.Image{Recording: r})
	})
	if err != nil {
		return nil, wrap("change", account, id, err)
	}
	return stored, nil
}

// rewrite reads a recording and calls do to change its row, in one transaction.
// Errors: ErrNotFound, and those of do.
func (s *Store) rewrite(ctx context.Context, account, id string, do func(*sql.Tx, *recording.Recording) error) error {
	requestlog.From(ctx).Calls++
	return s.change(ctx, func(tx *sql.Tx) error {
		old, err := scanRecording(tx.QueryRowContext(ctx, selectOne, account, id))
		if err != nil {
			return err
		}
		return do(tx, old)
	})
}

// callerError marks an error that the caller's function returned, or an error in
// the caller's arguments. The store returns such errors unwrapped.
type callerError struct{ error }

// wrap unwraps a callerError and passes any other error to fail.
func wrap(action, account, id string, err error) error {
	var c callerError
	if errors.As(err, &c) {
		return c.error
	}
	return fail(action, account, id, err)
}

// Renew extends a tombstone; see [store.Renewer].
func (s *Store) Renew(ctx context.Context, account, id string) error {
	requestlog.From(ctx).Calls++
	until := s.now().AddDate(0, 0, store.TombstoneDays)
	_, err := s.write.ExecContext(ctx, "UPDATE recordings SET expires = ? WHERE account = ? AND id = ? AND deleted > 0"+
		" AND purge_pending = 0 AND restore_until = 0 AND expires <= ?", recording.SecondsOf(until), account, id, recording.SecondsOf(until.Add(-store.RenewAfter)))
	if err != nil {
		return fail("renew the tombstone of", account, id, err)
	}
	return nil
}
