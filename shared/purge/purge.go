// Package purge finishes deletes: behind a tombstone the audio goes, and only
// when it is confirmed gone is the tombstone told (docs/adr/006-deleting.md).
// Every step may be repeated, and
// whoever finds a tombstone with its purge pending may do it: the request that
// made it, the start of a local server, a function on the table's stream.
package purge

import (
	"context"
	"fmt"

	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// Finish removes the audio behind a tombstone, unless somebody else keeps it,
// and notes that it is gone. Audio that has not arrived may be on its way, so
// the place where it would be is emptied too.
// Errors: those of media.Remover's Remove and of store.Writer's Purged.
func Finish(ctx context.Context, s store.Writer, m media.Remover, t store.Tombstone) error {
	if t.Audio.Place != recording.External {
		r := recording.Recording{Account: t.Account, ID: t.ID, Audio: t.Audio}
		if err := m.Remove(ctx, r.AudioKey()); err != nil {
			return fmt.Errorf("remove the audio of %s/%s: %w", t.Account, t.ID, err)
		}
	}
	if err := s.Purged(ctx, t.Account, t.ID); err != nil {
		return fmt.Errorf("note the purge of %s/%s: %w", t.Account, t.ID, err)
	}
	return nil
}
