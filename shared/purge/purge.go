// Package purge finishes deletes: behind a tombstone the audio goes, and only
// when it is confirmed gone is the tombstone told (docs/adr/006-deleting.md).
// Every step may be repeated, and
// whoever finds a tombstone with its purge pending may do it: the request that
// made it, the start of a local server, a function on the table's stream.
package purge

import (
	"context"
	"errors"
	"fmt"

	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// Store is what a purge needs of a driver.
type Store interface {
	// Tombstone returns what remains of a deleted recording, strongly
	// consistent. Errors: store.ErrNotFound where there is none, or a living
	// recording in its place; store.ErrUnavailable.
	Tombstone(ctx context.Context, account, id string) (store.Tombstone, error)
	// Purged is that of store.Writer.
	Purged(ctx context.Context, account, id string) error
}

// Pending finishes the purge of one recording, if it is pending now. A
// recording that lives, is unknown, or was purged already is left alone: who
// heard of a tombstone may have heard late.
// Errors: those of Finish, and store.ErrUnavailable.
func Pending(ctx context.Context, s Store, m media.Remover, account, id string) error {
	t, err := s.Tombstone(ctx, account, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read the tombstone of %s/%s: %w", account, id, err)
	case !t.PurgePending:
		return nil
	}
	return Finish(ctx, s, m, t)
}

// Noter notes finished purges; it is the part of store.Writer that Finish needs.
type Noter interface {
	Purged(ctx context.Context, account, id string) error
}

// Finish removes the audio behind a tombstone, unless somebody else keeps it,
// and notes that it is gone. Audio that has not arrived may be on its way, so
// the place where it would be is emptied too, and so is the one where audio that
// cannot be served is set aside. Metadata beside audio in an inbox go first.
// Errors: those of media.Remover's Remove and of store.Writer's Purged.
func Finish(ctx context.Context, s Noter, m media.Remover, t store.Tombstone) error {
	if t.Audio.Place != recording.External {
		r := recording.Recording{Account: t.Account, ID: t.ID, Audio: t.Audio}
		var keys []string
		if _, _, inbox := recording.ParseInboxKey(r.AudioKey()); inbox {
			keys = append(keys, recording.BesideKey(r.AudioKey()))
		}
		keys = append(keys, r.AudioKey())
		if t.Audio.Place == recording.Nowhere { // what has arrived may have been set aside
			keys = append(keys, recording.AsideKey(r.AudioKey()))
		}
		for _, key := range keys {
			if err := m.Remove(ctx, key); err != nil {
				return fmt.Errorf("remove the audio of %s/%s: %w", t.Account, t.ID, err)
			}
		}
	}
	if err := s.Purged(ctx, t.Account, t.ID); err != nil {
		return fmt.Errorf("note the purge of %s/%s: %w", t.Account, t.ID, err)
	}
	return nil
}
