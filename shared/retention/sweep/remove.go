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

// FromStore removes expired recordings from a store. Every removal reads the policy and
// the holds of the account again. It passes the entries that it has read to the store as guards, so a
// hold or a policy that is saved at the same time is never missed.
type FromStore struct {
	// Book reads policies and holds.
	Book retention.Book
	// Recordings has the recordings.
	Recordings Removable
}

// Removable are the methods of a driver that FromStore needs.
type Removable interface {
	store.Writer
	store.Restorer
}

// Expire implements [Remover]. The audio is purged as after any other deletion. Errors:
// also store.ErrGuard if policies or holds change all the time.
func (f FromStore) Expire(ctx context.Context, account, id string, now recording.Seconds) error {
	return f.try(ctx, account, now, func(check func(*recording.Recording) error, guards []store.Guard) error {
		_, err := f.Recordings.Delete(ctx, account, id, store.Deletion{Cause: store.CauseExpired, Guards: guards, Check: check})
		return err
	})
}

// Condemn implements [Remover]. Errors: also store.ErrGuard if policies or holds change all
// the time.
func (f FromStore) Condemn(ctx context.Context, account, id string, now recording.Seconds) error {
	return f.try(ctx, account, now, func(check func(*recording.Recording) error, guards []store.Guard) error {
		return f.Recordings.Condemn(ctx, account, id, func(t *store.Tombstone) error { return check(t.Recording) }, guards...)
	})
}

// try calls remove with the check that a recording has expired and is not on hold, and with
// the guards of that decision, until they stay the same in the meantime.
func (f FromStore) try(ctx context.Context, account string, now recording.Seconds,
	remove func(check func(*recording.Recording) error, guards []store.Guard) error,
) error {
	var err error
	for range guardTries {
		applied, failed := f.Book.Applied(ctx, account)
		if failed != nil {
			return failed
		}
		err = remove(func(r *recording.Recording) error {
			if !applied.Expired(r, now) {
				return ErrNotDue
			}
			return applied.Holds.Check(r)
		}, append(applied.Guards(), applied.HoldsGuard()))
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrGuard) {
			break
		}
	}
	return fmt.Errorf("expire: %w", err)
}
