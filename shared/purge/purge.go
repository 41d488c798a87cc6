// Package purge finishes deletes. A delete first leaves a tombstone; the purge
// then removes the audio, and marks the tombstone as purged only once the audio
// is confirmed gone (docs/adr/006-deleting.md).
//
// Every step can be repeated, so any process that finds a tombstone with a
// pending purge may finish it: the request that deleted the recording, a local
// server at its start and once a minute, and the function on the table's stream. If
// a purge stops partway, the next one finishes it.
package purge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Store is the part of a driver that a purge needs.
type Store interface {
	// Tombstone returns the tombstone of a deleted recording, strongly
	// consistent. Errors: store.ErrNotFound if the ID is not in use or belongs
	// to an existing recording, store.ErrUnavailable.
	Tombstone(ctx context.Context, account, id string) (store.Tombstone, error)
	// Purged marks the purge as finished; see [store.Writer].
	Purged(ctx context.Context, account, id, revision string) error
}

// Pending finishes the purge of one recording if the purge is still pending. It
// does nothing if the recording exists, is unknown, can still be restored, or has been
// purged, because an event about the tombstone may arrive late.
// Errors: those of Finish, and store.ErrUnavailable.
func Pending(ctx context.Context, s Store, m media.Purger, account, id string) error {
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

// errOver ends a purge that has nothing left to do.
var errOver = errors.New("the purge is over")

// Finish removes all versions of the managed audio of a deleted recording, and marks the
// tombstone as purged. External audio is not touched. If no audio had arrived before the
// delete, an upload may have arrived since, so Finish removes the object at its key anyway.
// It also removes the audio that was set aside under that key, because it was rejected, or
// because it would have replaced audio on hold, or audio that could still be restored. The
// sidecar of audio in an inbox is removed before the audio.
//
// The keys are handled one after the other. A slow ingest may copy the object at the first
// one to the second one meanwhile, so the second one is listed when the first one is empty.
// After Finish has listed what to remove, it reads the tombstone again, and does nothing
// unless the purge of the same deletion is still pending: another process may have finished
// it, and the recording may have come back (docs/adr/023-restorable-deletes.md). A t without
// a revision stands for any deletion with the same audio.
// Errors: those of media.Purger and of Store.
func Finish(ctx context.Context, s Store, m media.Purger, t store.Tombstone) error {
	keys := keysOf(t)
	still := func(ctx context.Context) error {
		now, err := s.Tombstone(ctx, t.Account, t.ID)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return errOver
		case err != nil:
			return fmt.Errorf("read the tombstone of %s/%s: %w", t.Account, t.ID, err)
		case !now.PurgePending, t.Revision != "" && t.Revision != now.Revision, !slices.Equal(keysOf(now), keys):
			return errOver
		}
		t.Revision = now.Revision
		return nil
	}
	steps := slices.Collect(slices.Chunk(keys, 1))
	if len(steps) == 0 {
		steps = [][]string{nil} // only to read the tombstone again
	}
	for _, step := range steps {
		switch err := m.Purge(ctx, step, still); {
		case errors.Is(err, errOver):
			return nil
		case err != nil:
			return fmt.Errorf("remove the audio of %s/%s: %w", t.Account, t.ID, err)
		}
	}
	err := s.Purged(ctx, t.Account, t.ID, t.Revision)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("mark %s/%s as purged: %w", t.Account, t.ID, err)
	}
	return nil
}

// keysOf returns the keys of the objects that a purge removes.
func keysOf(t store.Tombstone) []string {
	if t.Audio.Place == recording.External {
		return nil
	}
	r := recording.Recording{Account: t.Account, ID: t.ID, Audio: t.Audio}
	var keys []string
	if _, _, inbox := recording.ParseInboxKey(r.AudioKey()); inbox {
		keys = append(keys, recording.SidecarKeys(r.AudioKey())...)
	}
	keys = append(keys, r.AudioKey())
	if !strings.HasPrefix(r.AudioKey(), recording.ImportedPrefix) { // nothing arrives under such a key
		keys = append(keys, recording.SetAsideKey(r.AudioKey()))
	}
	return keys
}
