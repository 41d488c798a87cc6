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
	return s.put(ctx, "store", r, func(*row) bool { return false })
}

// put stores r as a new row, in place of a tombstone if that may go.
func (s *Store) put(ctx context.Context, doing string, r *recording.Recording, mayGo func(*row) bool) error {
	if err := fits(r); err != nil {
		return err
	}
	requestlog.From(ctx).Calls++
	stored := *r
	stored.Audio.Key = ownKey(r)
	err := s.change(ctx, func(tx *sql.Tx) error {
		before, revision, err := makeWay(ctx, tx, r.Account, r.ID, mayGo)
		if err != nil {
			return err
		}
		if stored.Revision, err = s.revision(revision); err != nil {
			return err
		}
		places := placesOf(&stored)
		if _, err = tx.ExecContext(ctx, insertRecording, places...); err != nil {
			return err
		}
		return s.noted(ctx, tx, before, &store.Image{Recording: stored})
	})
	if err != nil {
		return fail(doing, r.Account, r.ID, err)
	}
	r.Revision = stored.Revision
	return nil
}

// makeWay removes a tombstone that may go, and returns what it was and its
// revision; nothing where nothing lies. Errors: ErrExists, ErrDeleted.
func makeWay(ctx context.Context, tx *sql.Tx, account, id string, mayGo func(*row) bool) (*store.Image, string, error) {
	var was row
	err := was.scan(tx.QueryRowContext(ctx, "SELECT "+rowColumns+" FROM recordings WHERE account = ? AND id = ?", account, id))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, "", nil
	case err != nil:
		return nil, "", err
	case was.deleted == 0:
		return nil, "", store.ErrExists
	case !mayGo(&was):
		return nil, "", store.ErrDeleted
	}
	_, err = tx.ExecContext(ctx, "DELETE FROM recordings WHERE account = ? AND id = ?", account, id)
	return buried(&was.r, was.r.Revision), was.r.Revision, err
}

// buried is the image of the tombstone of r.
func buried(r *recording.Recording, revision string) *store.Image {
	return &store.Image{Deleted: true, Recording: recording.Recording{
		Account: r.Account, ID: r.ID, Revision: revision, Created: r.Created, Audio: r.Audio,
	}}
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
		return s.noted(ctx, tx, &store.Image{Recording: *was}, buried(was, revision))
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
