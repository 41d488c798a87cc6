package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"callrecordings/shared/auth"
	"callrecordings/shared/media"
	"callrecordings/shared/purge"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// Bounds of the purge that follows a delete: it takes purgeTime at most, and
// leaves answerTime of the request's time for the answer.
const (
	purgeTime  = 5 * time.Second
	answerTime = time.Second
)

// Delete answers DELETE of one recording: first the tombstone, which hides
// the recording, then the audio, then the note that the audio is gone
// (docs/adr/006-deleting.md). From the tombstone on the delete is a success: should the rest
// fail, the purge stays pending, and whatever finishes pending purges does
// the rest again.
func Delete(env Env, s store.Writer, m media.Remover) http.Handler {
	return env.handle(OpDelete, func(w http.ResponseWriter, r *request) error {
		id, err := r.changing(auth.Delete)
		if err != nil {
			return err
		}
		rec, err := s.Delete(r.Context(), r.account, id, r.mayChange)
		if err != nil {
			return err
		}
		if err := finish(r.Context(), s, m, rec); err != nil {
			r.entry.Cause = fmt.Errorf("the purge stays pending: %w", err)
		}
		return r.writeDocument(w, rec, true)
	})
}

// finish purges what is behind rec's tombstone, as far as time allows.
func finish(ctx context.Context, s store.Writer, m media.Remover, rec *recording.Recording) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	ctx, cancel := context.WithTimeout(ctx, purgeTime)
	defer cancel()
	return purge.Finish(ctx, s, m, store.Tombstone{Account: rec.Account, ID: rec.ID, Audio: rec.Audio})
}
