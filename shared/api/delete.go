package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"callrecordings/shared/auth"
	"callrecordings/shared/media"
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
// (design, 6). From the tombstone on the delete is a success: should the rest
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
		if err := purge(r.Context(), s, m, rec); err != nil {
			r.entry.Cause = fmt.Errorf("the purge stays pending: %w", err)
		}
		return r.writeDocument(w, rec, true)
	})
}

// purge removes the audio behind rec's tombstone and notes it. Audio that has
// not arrived may be on its way, so it is removed, too, at the place where it
// would be; external audio stays where it is.
func purge(ctx context.Context, s store.Writer, m media.Remover, rec *recording.Recording) error {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-answerTime))
		defer cancel()
	}
	ctx, cancel := context.WithTimeout(ctx, purgeTime)
	defer cancel()
	if rec.Audio.Place != recording.External {
		if err := m.Remove(ctx, rec.AudioKey()); err != nil {
			return fmt.Errorf("remove audio: %w", err)
		}
	}
	if err := s.Purged(ctx, rec.Account, rec.ID); err != nil {
		return fmt.Errorf("note the purge: %w", err)
	}
	return nil
}
