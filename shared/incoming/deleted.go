package incoming

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Putter stores new recordings.
type Putter interface {
	// Put is the method of [store.Writer].
	Put(ctx context.Context, r *recording.Recording) error
	store.Renewer
}

// Put stores a new recording. If its ID belongs to a deleted recording, Put renews the
// tombstone; see [StayDeleted]. Errors: those of [store.Writer]'s Put.
func Put(ctx context.Context, s Putter, r *recording.Recording) error {
	err := s.Put(ctx, r)
	if !errors.Is(err, store.ErrDeleted) {
		return err
	}
	if renewed := StayDeleted(ctx, s, r.Account, r.ID); renewed != nil {
		return renewed
	}
	return err
}

// StayDeleted renews the tombstone of a deleted recording that a client, a file or an
// import tried to bring back. Every way in does so. Otherwise a PBX that goes on
// sending the recording, or a sync that runs every night, would restore it once the
// tombstone expires. Error: store.ErrUnavailable.
func StayDeleted(ctx context.Context, s store.Renewer, account, id string) error {
	if err := s.Renew(ctx, account, id); err != nil {
		return fmt.Errorf("renew the tombstone of a deleted recording: %w", err)
	}
	return nil
}

// Tombstones reads and renews tombstones.
type Tombstones interface {
	// Tombstone is the method of [Store].
	Tombstone(ctx context.Context, account, id string) (store.Tombstone, error)
	store.Renewer
}

// RemoveDeleted removes every version of objects that arrived for a deleted recording, and
// renews its tombstone; see [StayDeleted]. Like every purge, it lists what to remove, and then
// reads the tombstone again (docs/adr/023-restorable-deletes.md): the recording may have come back
// since the caller read it, and then nothing is removed. Errors: store.ErrNotFound if the recording
// is no longer deleted, store.ErrConflict if it can be restored now, store.ErrUnavailable,
// media.ErrUnavailable.
func RemoveDeleted(ctx context.Context, s Tombstones, audio media.Purger, account, id string, keys ...string) (Outcome, error) {
	if err := StayDeleted(ctx, s, account, id); err != nil {
		return "", err
	}
	still := func(ctx context.Context) error { // deleted
		t, err := s.Tombstone(ctx, account, id)
		if err == nil && t.Until != 0 {
			err = store.ErrConflict
		}
		return err
	}
	if err := audio.Purge(ctx, keys, still); err != nil {
		return "", fmt.Errorf("remove what arrived for a deleted recording: %w", err)
	}
	return Removed, nil
}
