package deletion

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Eraser erases recordings and their audio.
type Eraser struct {
	// Deleter decides.
	Deleter *Deleter
	// Store has the tombstones.
	Store purge.Store
	// Audio has the audio.
	Audio media.Purger
}

// Erase erases a recording as [Deleter.Erase] does, and removes its audio. It finishes a
// purge that is pending. by is the ID of the user. check, if not nil, may veto the erasure of a recording
// that is not being purged yet, and may run several times. It is not called for a recording
// on hold: it may note the erasure in the audit trail.
// Errors: store.ErrNotFound if there is neither a recording nor audio to remove,
// *hold.HeldError, store.ErrConflict, store.ErrUnavailable, media.ErrUnavailable, and those
// of check.
func (e Eraser) Erase(ctx context.Context, account, id, by string, check func(*recording.Recording) error) error {
	q := Request{By: by}
	if check != nil {
		var seen *recording.Recording
		q.Check = func(r *recording.Recording) error { seen = r; return nil }
		q.Last = func() error { return check(seen) }
	}
	_, err := e.Deleter.Erase(ctx, account, id, q)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err != nil {
		t, unread := e.Store.Tombstone(ctx, account, id)
		switch {
		case unread != nil && !errors.Is(unread, store.ErrNotFound):
			return fmt.Errorf("read the tombstone of %s/%s: %w", account, id, unread)
		case unread != nil, !t.PurgePending:
			return err
		}
	}
	return purge.Pending(ctx, e.Store, e.Audio, account, id)
}
