package incoming

import (
	"context"
	"errors"
	"fmt"

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
