// Package deletion decides to remove recordings, and to bring deleted ones back. It is the
// one place that does: the API, the command line and the scheduled functions call it, and
// it makes the conditional writes of package store (docs/adr/023-restorable-deletes.md).
// The sweep of expired recordings has its own decision by the same rules
// (shared/retention/sweep).
//
// Every removal reads the legal holds of the account right before the write, and passes their state
// to the store as a guard. If a hold is placed or released meanwhile, the store refuses the write,
// and the decision is made again. So once a hold is stored, no recording that it covers is removed.
package deletion

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Store is the part of a driver that a Deleter needs.
type Store interface {
	store.Entries
	store.Restorer
	// Delete makes a tombstone; see [store.Writer]. It may shorten the time for a restore,
	// and then states its end in the Removal of the result.
	Delete(ctx context.Context, account, id string, d store.Deletion) (*recording.Recording, error)
}

// Deleter deletes and restores recordings. It is safe for concurrent use.
type Deleter struct {
	store Store
	days  int
	now   func() time.Time

	mu sync.Mutex
	// listed are accounts that this process has entered in the list of accounts with
	// restorable recordings.
	listed map[string]bool
}

// maxListed bounds the memory for listed.
const maxListed = 10_000

// New returns a Deleter. A deleted recording can be restored for so many days; 0 means that
// its audio goes at once.
func New(s Store, days int, now func() time.Time) *Deleter {
	return &Deleter{store: s, days: days, now: now, listed: map[string]bool{}}
}

// Request is what a client asks for.
type Request struct {
	// By is the ID of the user who asks; "" if it is unknown.
	By string
	// Check may veto the request; nil permits it. Last is called after all other checks,
	// right before the write. Both may run several times, and their errors are returned
	// unwrapped.
	Check func(*recording.Recording) error
	Last  func() error
}

// permits runs the checks of the request.
func (q Request) permits(r *recording.Recording, holds hold.Set) error {
	if q.Check != nil {
		if err := q.Check(r); err != nil {
			return err
		}
	}
	if err := holds.Check(r); err != nil {
		return err
	}
	if q.Last == nil {
		return nil
	}
	return q.Last()
}

// Delete deletes a recording for a client, and returns it as it was. If the recording can be
// restored, its Removal has the end of that time; otherwise Removal is nil, and the caller purges
// the audio.
// Errors: store.ErrNotFound, *hold.HeldError, store.ErrConflict, store.ErrUnavailable, and
// those of the request.
func (d *Deleter) Delete(ctx context.Context, account, id string, q Request) (*recording.Recording, error) {
	deletion, now := store.Deletion{By: q.By, Cause: store.CauseDeleted}, recording.SecondsOf(d.now())
	if d.days > 0 {
		if err := d.list(ctx, account); err != nil {
			return nil, err
		}
		deletion.Until = now + recording.Seconds(d.days)*recording.Day
	}
	r, err := d.delete(ctx, account, id, q, deletion)
	if err == nil && d.days > 0 {
		until := deletion.Until
		if r.Removal != nil { // it expires before
			until = r.Removal.Until
		}
		r.Removal = &recording.Removal{At: now, By: q.By, Until: until}
	}
	return r, err
}

// Erase deletes a recording for good, even if it was deleted before and can still be
// restored. r is the recording as it was.
// Errors: store.ErrNotFound if there is nothing to erase, *hold.HeldError,
// store.ErrConflict, store.ErrUnavailable, and those of the request.
func (d *Deleter) Erase(ctx context.Context, account, id string, q Request) (r *recording.Recording, err error) {
	r, err = d.delete(ctx, account, id, q, store.Deletion{By: q.By, Cause: store.CauseErased})
	if !errors.Is(err, store.ErrNotFound) {
		return r, err
	}
	notFound := err
	err = d.condemn(ctx, account, id, nil, func(t *store.Tombstone, holds hold.Set) error {
		r = t.Recording
		return q.permits(r, holds)
	})
	switch {
	case err != nil:
		return nil, err
	case r == nil: // its purge has begun before
		return nil, notFound
	}
	return r, nil
}

// delete deletes a recording unless a hold covers it.
func (d *Deleter) delete(ctx context.Context, account, id string, q Request, deletion store.Deletion) (r *recording.Recording, err error) {
	err = d.decide(ctx, account, nil, func(holds hold.Set) error {
		deletion.Guards = []store.Guard{holds.Guard()}
		deletion.Check = func(r *recording.Recording) error { return q.permits(r, holds) }
		r, err = d.store.Delete(ctx, account, id, deletion)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// condemn ends the time for a restore. known is that of decide.
func (d *Deleter) condemn(ctx context.Context, account, id string, known *hold.Set, check func(*store.Tombstone, hold.Set) error) error {
	return d.decide(ctx, account, known, func(holds hold.Set) error {
		return d.store.Condemn(ctx, account, id, func(t *store.Tombstone) error { return check(t, holds) }, holds.Guard())
	})
}

// maxTries is how often a decision starts over because holds change at the same time.
const maxTries = 10

// decide calls do with the holds of an account until they stay the same in the meantime. known,
// if not nil, are the holds as they were read before: they are tried first, and are replaced if
// they have changed.
func (d *Deleter) decide(ctx context.Context, account string, known *hold.Set, do func(hold.Set) error) error {
	for try := range maxTries {
		if known == nil || try > 0 {
			holds, err := hold.Read(ctx, d.store, account)
			if err != nil {
				return err
			}
			if known == nil {
				known = new(hold.Set)
			}
			*known = holds
		}
		if err := do(*known); !errors.Is(err, store.ErrGuard) {
			return err
		}
	}
	return fmt.Errorf("%w: the legal holds of the account change all the time", store.ErrConflict)
}

// Restore brings a deleted recording back, with its document and audio as they were.
// Holds do not matter: they protect what exists.
// Errors: store.ErrNotFound if the ID is not in use, store.ErrExists if the recording is not
// deleted, store.ErrPurging if the time for a restore is over, store.ErrConflict,
// store.ErrUnavailable, and those of the request.
func (d *Deleter) Restore(ctx context.Context, account, id string, q Request) (*recording.Recording, error) {
	return d.store.Restore(ctx, account, id, func(t *store.Tombstone) error {
		if q.Check != nil {
			if err := q.Check(t.Recording); err != nil {
				return err
			}
		}
		if t.Until <= recording.SecondsOf(d.now()) {
			return fmt.Errorf("%w: the time for a restore is over", store.ErrPurging)
		}
		if q.Last == nil {
			return nil
		}
		return q.Last()
	})
}
