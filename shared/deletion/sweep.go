package deletion

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// partition has one entry for each account that has or had restorable recordings. The key
// is the account. Entries stay: to remove one, a process would have to be sure that no other
// is about to delete a recording.
const partition = "restorable"

// list enters an account in the list of accounts, once for each process. It is called
// before the deletion, so a crash in between leaves no tombstone that no sweep finds.
func (d *Deleter) list(ctx context.Context, account string) error {
	d.mu.Lock()
	listed := d.listed[account]
	d.mu.Unlock()
	if listed {
		return nil
	}
	err := d.store.WriteEntries(ctx, store.EntryWrite{
		Entry: store.Entry{EntryKey: store.EntryKey{Partition: partition, Key: account}, Value: []byte("{}")}, If: store.IfAbsent,
	})
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("list the account: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.listed) >= maxListed {
		clear(d.listed)
	}
	d.listed[account] = true
	return nil
}

// Pager lists recordings; see [store.Reader].
type Pager interface {
	// Page returns a page of a list.
	Page(ctx context.Context, q store.Query) (store.Page, error)
}

// Swept counts what a sweep did with recordings whose time for a restore is over.
type Swept struct {
	// Purging is the number of recordings whose purge has begun.
	Purging int
	// Held is the number of those that stay because of a legal hold.
	Held int
}

// pageSize is how many tombstones a sweep reads at once. accountTurn is how many it handles
// before the next account has its turn.
const (
	pageSize    = 100
	accountTurn = 500
)

// turn is the next turn of an account in a sweep.
type turn struct {
	account string
	start   store.Position
}

// Sweep begins the purges of all recordings whose time for a restore is over at the time
// now. Accounts take turns, so a large one does not hold up the others. If an account
// fails, the others still have their turns. It ends when ctx does; the next sweep continues,
// because what is done is no longer due. Errors: those of the accounts, joined.
func (d *Deleter) Sweep(ctx context.Context, p Pager, now recording.Seconds) (Swept, error) {
	var total Swept
	var failures []error
	q := store.EntryQuery{Partition: partition, Limit: store.MaxEntries}
	for {
		page, err := d.store.PageEntries(ctx, q)
		if err != nil {
			return total, errors.Join(append(failures, fmt.Errorf("list the accounts with deleted recordings: %w", err))...)
		}
		turns := make([]turn, len(page.Entries))
		for i := range page.Entries {
			turns[i].account = page.Entries[i].Key
		}
		for len(turns) > 0 {
			rest := turns[:0]
			for _, t := range turns {
				next, err := d.SweepRestorable(ctx, p, t.account, now, t.start, &total)
				switch {
				case ctx.Err() != nil:
					return total, errors.Join(append(failures, ctx.Err())...)
				case err != nil:
					failures = append(failures, err)
				case !next.IsZero():
					rest = append(rest, turn{t.account, next})
				}
			}
			turns = rest
		}
		if q.After = page.Next; q.After == "" {
			return total, errors.Join(failures...)
		}
	}
}

// SweepRestorable is one turn of an account in a sweep. It begins at start and adds to
// swept. next is where the next turn begins, zero if the account has no more.
func (d *Deleter) SweepRestorable(ctx context.Context, p Pager, account string, now recording.Seconds, start store.Position, swept *Swept) (
	next store.Position, err error,
) {
	ending, err := d.Ending(ctx, account, now)
	if err != nil {
		return next, err
	}
	q := store.Query{Account: account, Deleted: true, Ascending: true, To: now, Start: start, Limit: pageSize}
	for range accountTurn / pageSize {
		page, err := p.Page(ctx, q)
		if err != nil {
			return next, fmt.Errorf("list the deleted recordings of %s: %w", account, err)
		}
		for i := range page.Tombstones {
			if err := ending.sweep(ctx, &page.Tombstones[i], swept); err != nil {
				return next, err
			}
		}
		if page.Next == nil {
			return store.Position{}, nil
		}
		q.Start = *page.Next
	}
	return q.Start, nil
}

// Ending ends the time for a restore of deleted recordings of one account. It has read the
// legal holds of the account once, so that recordings that stay on hold cost nothing. It is
// for one short piece of work: a hold that is released meanwhile still counts.
type Ending struct {
	deleter *Deleter
	account string
	now     recording.Seconds
	holds   hold.Set
}

// Ending reads the legal holds of an account, to end the time for a restore of recordings
// for which it is over at the time now. Error: store.ErrUnavailable.
func (d *Deleter) Ending(ctx context.Context, account string, now recording.Seconds) (*Ending, error) {
	holds, err := hold.Read(ctx, d.store, account)
	if err != nil {
		return nil, fmt.Errorf("read the holds of %s: %w", account, err)
	}
	return &Ending{deleter: d, account: account, now: now, holds: holds}, nil
}

// Held reports whether a hold covers the deleted recording, without a request. t is as it
// was listed.
func (e *Ending) Held(t *store.Tombstone) bool {
	return t.Recording != nil && len(e.holds.Covering(t.Recording)) > 0
}

// errNotDue ends the decision about a tombstone that is not due after all: the recording was
// restored and deleted again.
var errNotDue = errors.New("the time for a restore is not over")

// End begins the purge of a deleted recording, unless it is on hold, as strongly consistent
// reads show. ended is false, without an error, if nothing was to be done: it was restored,
// or its purge has begun before. Errors: *hold.HeldError, store.ErrConflict,
// store.ErrUnavailable.
func (e *Ending) End(ctx context.Context, id string) (ended bool, err error) {
	err = e.deleter.condemn(ctx, e.account, id, func(t *store.Tombstone, holds hold.Set) error {
		if t.Until > e.now {
			return errNotDue
		}
		ended = true
		return holds.Check(t.Recording)
	})
	switch {
	case err == nil:
		return ended, nil
	case errors.Is(err, store.ErrNotFound), errors.Is(err, errNotDue): // restored meanwhile
		return false, nil
	}
	return false, fmt.Errorf("end the time for a restore of %s/%s: %w", e.account, id, err)
}

// sweep begins the purge of one recording, unless it is on hold.
func (e *Ending) sweep(ctx context.Context, t *store.Tombstone, swept *Swept) error {
	if e.Held(t) {
		swept.Held++
		return nil
	}
	ended, err := e.End(ctx, t.ID)
	var held *hold.HeldError
	switch {
	case errors.As(err, &held):
		swept.Held++
	case err != nil:
		return err
	case ended:
		swept.Purging++
	}
	return nil
}
