package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"callrecordings/shared/recording"
	"callrecordings/shared/requestlog"
	"callrecordings/shared/store"
)

// Put stores a new recording; see [store.Writer].
func (s *Store) Put(ctx context.Context, r *recording.Recording) error {
	if err := fits(r); err != nil {
		return err
	}
	requestlog.From(ctx).Calls++
	revision, err := s.revision("")
	if err != nil {
		return err
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		var deleted recording.Seconds
		err := tx.QueryRowContext(ctx, "SELECT deleted FROM recordings WHERE account = ? AND id = ?", r.Account, r.ID).Scan(&deleted)
		switch {
		case err == nil && deleted > 0:
			return store.ErrDeleted
		case err == nil:
			return store.ErrExists
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		stored := *r
		stored.Revision, stored.Audio.Key = revision, ownKey(r)
		places := placesOf(&stored)
		_, err = tx.ExecContext(ctx, insertRecording, places...)
		if err != nil {
			return err
		}
		return s.noted(ctx, tx, nil, &store.Image{Recording: stored})
	})
	if err != nil {
		return fail("store", r.Account, r.ID, err)
	}
	r.Revision = revision
	return nil
}

// Both take the columns of a recording, the latter its account and id behind
// them.
const (
	insertRecording = "INSERT INTO recordings (" + columns + ") VALUES (" + marks + ")"
	updateRecording = "UPDATE recordings SET (" + columns + ") = (" + marks + ") WHERE account = ? AND id = ?"
)

// ownKey is the key of r's audio if it is not the usual one.
func ownKey(r *recording.Recording) string {
	if r.Audio.Key == recording.AudioKey(r.Account, r.ID) {
		return ""
	}
	return r.Audio.Key
}

// Update changes a recording; see [store.Writer]. It holds the write lock
// while change runs, so there is never a conflict.
func (s *Store) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	var stored *recording.Recording
	err := s.rewrite(ctx, account, id, func(tx *sql.Tx, was *recording.Recording) error {
		r := *was
		if err := change(&r); err != nil {
			return refusal{err}
		}
		r.Account, r.ID, r.Created = was.Account, was.ID, was.Created
		if err := fits(&r); err != nil {
			return refusal{err}
		}
		var err error
		if r.Revision, err = s.revision(was.Revision); err != nil {
			return err
		}
		stored = &r
		kept := r
		kept.Audio.Key = ownKey(&r)
		places := placesOf(&kept)
		_, err = tx.ExecContext(ctx, updateRecording, append(places, account, id)...)
		if err != nil {
			return err
		}
		return s.noted(ctx, tx, &store.Image{Recording: *was}, &store.Image{Recording: r})
	})
	if err != nil {
		return nil, wrap("change", account, id, err)
	}
	return stored, nil
}

// Delete makes a tombstone of a recording; see [store.Writer].
func (s *Store) Delete(ctx context.Context, account, id string, check func(*recording.Recording) error) (*recording.Recording, error) {
	var deleted *recording.Recording
	err := s.rewrite(ctx, account, id, func(tx *sql.Tx, was *recording.Recording) error {
		seen := *was
		if err := check(&seen); err != nil {
			return refusal{err}
		}
		deleted = was
		revision, err := s.revision(was.Revision)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE recordings SET deleted = ?, purge_pending = 1, owner = '', doc = '{}',"+
			" revision = ?, made = '', upload_type = '', upload_size = 0, upload_sha256 = ''"+
			" WHERE account = ? AND id = ?", max(1, recording.SecondsOf(s.now())), revision, account, id)
		if err != nil {
			return err
		}
		return s.noted(ctx, tx, &store.Image{Recording: *was}, &store.Image{Deleted: true, Recording: recording.Recording{
			Account: account, ID: id, Revision: revision, Created: was.Created, Audio: was.Audio,
		}})
	})
	if err != nil {
		return nil, wrap("delete", account, id, err)
	}
	return deleted, nil
}

// rewrite reads a living recording and lets do change its row, in one
// transaction.
func (s *Store) rewrite(ctx context.Context, account, id string, do func(*sql.Tx, *recording.Recording) error) error {
	requestlog.From(ctx).Calls++
	return s.change(ctx, func(tx *sql.Tx) error {
		was, err := living(tx.QueryRowContext(ctx,
			"SELECT "+columns+" FROM recordings WHERE account = ? AND id = ? AND deleted = 0", account, id))
		if err != nil {
			return err
		}
		return do(tx, was)
	})
}

// refusal marks an error of the caller's, which goes back as it is.
type refusal struct{ error }

func wrap(doing, account, id string, err error) error {
	var r refusal
	if errors.As(err, &r) {
		return r.error
	}
	return fail(doing, account, id, err)
}

// Purged notes that the audio behind a tombstone is gone; see [store.Writer].
// The first note decides when the tombstone expires.
func (s *Store) Purged(ctx context.Context, account, id string) error {
	requestlog.From(ctx).Calls++
	expires := recording.SecondsOf(s.now().AddDate(0, 0, store.TombstoneDays))
	done, err := s.write.ExecContext(ctx, "UPDATE recordings SET purge_pending = 0,"+
		" expires = CASE expires WHEN 0 THEN ? ELSE expires END WHERE account = ? AND id = ? AND deleted > 0", expires, account, id)
	if err != nil {
		return fail("note the purge of", account, id, err)
	}
	if n, err := done.RowsAffected(); err == nil && n == 0 {
		return fail("note the purge of", account, id, store.ErrNotFound)
	}
	return nil
}
