package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// A purge within a request takes at most purgeTime, and ends at least answerTime before
// the request's deadline.
const (
	purgeTime  = 5 * time.Second
	answerTime = time.Second
)

// DeleteStore is the store of the function delete.
type DeleteStore interface {
	store.Reader
	store.Writer
	store.Restorer
	store.Entries
	purge.Store
}

// deleter deletes and restores recordings.
type deleter struct {
	store   DeleteStore
	audio   media.Purger
	decides *deletion.Deleter
}

// Delete answers DELETE of one recording, and the requests that restore it
// (docs/adr/006-deleting.md, docs/adr/023-restorable-deletes.md). It writes the tombstone,
// which hides the recording. With restoreDays, the audio stays for so many days. Otherwise
// Delete removes the audio, and then records that the audio is gone. Once the tombstone is
// written, the request succeeds. If a later step fails, the purge stays pending and the
// function purge finishes it.
func Delete(env Env, s DeleteStore, m media.Purger, restoreDays int) http.Handler {
	d := &deleter{store: s, audio: m, decides: deletion.New(s, restoreDays, env.Now)}
	return env.handle(OpDelete, func(w http.ResponseWriter, r *request) error {
		if r.Method == http.MethodPost {
			return d.restore(w, r)
		}
		return d.delete(w, r)
	})
}

func (d *deleter) delete(w http.ResponseWriter, r *request) error {
	id, err := r.authorizeChange(access.Delete)
	if err != nil {
		return err
	}
	rec, err := audited(r, access.Delete, id, func(record func() error) (*recording.Recording, error) {
		return d.decides.Delete(r.Context(), r.account, id, deletion.Request{
			By: r.bearer.Owner, Last: record,
			Check: func(rec *recording.Recording) error { return r.mayChange(rec, access.Delete) },
		})
	})
	if err != nil {
		return err
	}
	if rec.Removal == nil {
		if err := d.finishPurge(r.Context(), rec); err != nil {
			r.entry.Cause = fmt.Errorf("the purge stays pending: %w", err)
		}
	}
	return r.writeDocument(w, rec, true)
}

// finishPurge purges the audio of the deleted recording rec, if time allows.
func (d *deleter) finishPurge(ctx context.Context, rec *recording.Recording) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	ctx, cancel := context.WithTimeout(ctx, purgeTime)
	defer cancel()
	return purge.Finish(ctx, d.store, d.audio, store.Tombstone{Account: rec.Account, ID: rec.ID, Audio: rec.Audio})
}

func (d *deleter) restore(w http.ResponseWriter, r *request) error {
	id, err := r.authorizeChange(access.Restore)
	if err != nil {
		return err
	}
	reached := false
	check := func(rec *recording.Recording) error {
		err := r.reaches(rec, access.Restore)
		reached = err == nil
		return err
	}
	rec, err := d.bringBack(r, id, check)
	if errors.Is(err, store.ErrPurging) && !reached && (r.user != "" || r.grant.Scope(access.Restore) != access.All) {
		// The tombstone does not have the owner any more.
		err = fmt.Errorf("%w: %w", store.ErrNotFound, errOtherOwner)
	}
	if err != nil {
		return err
	}
	w.Header().Set("ETag", revisionTag(rec))
	return r.writeDocument(w, rec, false)
}

// restoreTries is how often a restore starts over while others delete and restore the same
// recording.
const restoreTries = 5

// bringBack restores a recording. A recording that exists is returned as it is: perhaps the
// answer to the first attempt was lost. If it was deleted right after the look, the restore
// starts over, so that 404 always means that there was nothing to restore.
func (d *deleter) bringBack(r *request, id string, check func(*recording.Recording) error) (*recording.Recording, error) {
	for try := 1; ; try++ {
		rec, err := audited(r, access.Restore, id, func(record func() error) (*recording.Recording, error) {
			return d.decides.Restore(r.Context(), r.account, id, deletion.Request{Check: check, Last: record})
		})
		if !errors.Is(err, store.ErrExists) {
			return rec, err
		}
		rec, err = d.store.Get(r.Context(), r.account, id)
		if errors.Is(err, store.ErrNotFound) && try < restoreTries { // after that, it has expired
			continue
		}
		if err == nil {
			err = check(rec)
		}
		return rec, err
	}
}
