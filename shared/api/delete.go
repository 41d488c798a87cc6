package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/callrecordings/api/shared/access"
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

// Delete answers DELETE of one recording (docs/adr/006-deleting.md). It writes
// the tombstone, which hides the recording, then removes the audio, then records
// that the audio is gone. Once the tombstone is written, the request succeeds.
// If a later step fails, the purge stays pending and the function purge finishes it.
func Delete(env Env, s DeleteStore, m media.Purger) http.Handler {
	return env.handle(OpDelete, func(w http.ResponseWriter, r *request) error {
		id, err := r.authorizeChange(access.Delete)
		if err != nil {
			return err
		}
		rec, err := audited(r, access.Delete, id, func(record func() error) (*recording.Recording, error) {
			return s.Delete(r.Context(), r.account, id, store.Deletion{Check: func(rec *recording.Recording) error {
				if err := r.mayChange(rec, access.Delete); err != nil {
					return err
				}
				return record()
			}})
		})
		if err != nil {
			return err
		}
		if err := finishPurge(r.Context(), s, m, rec); err != nil {
			r.entry.Cause = fmt.Errorf("the purge stays pending: %w", err)
		}
		return r.writeDocument(w, rec, true)
	})
}

// DeleteStore is the store of the function delete.
type DeleteStore interface {
	store.Writer
	purge.Store
}

// finishPurge purges the audio of the deleted recording rec, if time allows.
func finishPurge(ctx context.Context, s purge.Store, m media.Purger, rec *recording.Recording) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	ctx, cancel := context.WithTimeout(ctx, purgeTime)
	defer cancel()
	return purge.Finish(ctx, s, m, store.Tombstone{Account: rec.Account, ID: rec.ID, Audio: rec.Audio})
}
