package sweep

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// A deletion leaves a recording restorable at most until it expires (retention.View). But a
// policy that is saved later, with fewer days, counts for deleted recordings, too. So after a
// change of the policy of an account, the sweep looks at its restorable recordings. It does
// so again when the next of them expires.

// lookEvery is the shortest time between two looks at the restorable recordings of an
// account, in seconds. It leaves enough of the 24 hours that a removal may take.
const lookEvery = 6 * 60 * 60

// deletedLook is how far the sweep has looked at the restorable recordings of an account.
type deletedLook struct {
	// Due is when the next look begins, 0 for never.
	Due recording.Seconds `json:"due"`
	// Place is where the present look continues. Next is when the first of the recordings
	// that it has seen expires; 0 for none.
	Place store.Position    `json:"place"`
	Next  recording.Seconds `json:"next,omitempty"`
}

// lookAtDeleted begins the purges of deleted recordings that have expired before the end of
// their time for a restore.
func (a *accountSweep) lookAtDeleted(ctx context.Context) (done bool, err error) {
	look := &a.marks.Deleted
	if look.Due == 0 || look.Due > a.now {
		return true, nil
	}
	q := store.Query{Account: a.account, Deleted: true, Ascending: true, Limit: pageSize, MaxBytes: pageBytes}
	for {
		if a.over(ctx) {
			return false, nil
		}
		q.Start = look.Place
		page, err := a.Recordings.Page(ctx, q)
		if err != nil {
			return false, fmt.Errorf("read the deleted recordings: %w", err)
		}
		for i := range page.Tombstones {
			t := &page.Tombstones[i]
			if err := a.lookAt(ctx, t); err != nil {
				if err := a.pass(ctx, t.ID, err); err != nil {
					return false, err
				}
				look.Next = a.now // so that there is another look
			}
		}
		if page.Next == nil {
			break
		}
		look.Place = *page.Next
	}
	next := deletedLook{}
	if look.Next != 0 {
		next.Due = max(look.Next, a.now+lookEvery)
	}
	*look = next
	return true, nil
}

// lookAt begins the purge of a deleted recording if it has expired. A recording on hold gets
// another look after a change of the holds.
func (a *accountSweep) lookAt(ctx context.Context, t *store.Tombstone) error {
	if t.Recording == nil {
		return nil
	}
	look := &a.marks.Deleted
	switch at, _ := a.applied.Expires(t.Recording); {
	case at == 0 || at >= t.Until:
		return nil
	case at > a.now:
		if look.Next == 0 || at < look.Next {
			look.Next = at
		}
		return nil
	case len(a.applied.Holds.Covering(t.Recording)) > 0:
		return nil
	}
	err := a.Remove.Condemn(ctx, t.Account, t.ID, a.now)
	var held *hold.HeldError
	switch {
	case err == nil:
		a.removed++
	case errors.As(err, &held):
		a.marks.Holds = "" // they have changed since they were read
	case errors.Is(err, ErrNotDue), errors.Is(err, store.ErrNotFound): // restored meanwhile
	default:
		return fmt.Errorf("end the time for a restore: %w", err)
	}
	return nil
}
