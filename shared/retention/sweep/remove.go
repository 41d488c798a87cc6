package sweep

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// guardTries limits how often a removal starts over because of changed policies or holds.
const guardTries = 5

// FromStore removes expired recordings from a store. Every removal reads what applies to
// the account again. It passes the entries that it has read to the store as guards, so a
// hold or a policy that is saved at the same time is never missed.
type FromStore struct {
	// Book reads what applies.
	Book retention.Book
	// Recordings has the recordings.
	Recordings store.Writer
}

// Expire implements [Remover]. The audio is purged as after any other deletion. Errors:
// also store.ErrGuard if policies or holds change all the time.
func (f FromStore) Expire(ctx context.Context, account, id string, now recording.Seconds) error {
	var err error
	for range guardTries {
		if err = f.try(ctx, account, id, now); !errors.Is(err, store.ErrGuard) {
			break
		}
	}
	return err
}

func (f FromStore) try(ctx context.Context, account, id string, now recording.Seconds) error {
	applied, err := f.Book.Applied(ctx, account)
	if err != nil {
		return err
	}
	guards := append(applied.Guards(), applied.HoldsGuard())
	_, err = f.Recordings.Delete(ctx, account, id, store.Deletion{
		Cause: store.CauseExpired, Guards: guards,
		Check: func(r *recording.Recording) error {
			if !applied.Expired(r, now) {
				return ErrNotDue
			}
			return applied.Holds.Check(r)
		},
	})
	if err != nil {
		return fmt.Errorf("expire: %w", err)
	}
	return nil
}
