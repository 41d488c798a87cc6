package deletion

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/turns"
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

// Swept counts deleted recordings that a sweep has handled because they can no longer be restored.
type Swept struct {
	// Purging is the number of purges that have begun.
	Purging int
	// Held is the number of recordings that stay because of a legal hold.
	Held int
}

// pageSize is how many tombstones a sweep reads at once, and handles before the next account
// has its turn. accountsPage is how many accounts it reads at once.
const (
	pageSize     = 100
	accountsPage = 2500
)

// turnKey is the key of the entry with the account that the next sweep begins with.
var turnKey = store.EntryKey{Partition: "restorable-sweep", Key: "turn"}

// Sweep begins the purges of all deleted recordings that can no longer be restored at the time now.
// Accounts take turns, a page each, so a large one does not hold up the others. parallel is
// how many have their turns at the same time; 0 means 1. If an account fails, the others still
// have their turns; a recording that fails does not hold up those behind it. It ends when ctx does;
// the next sweep begins with the account that would have been next. Errors: those of the accounts,
// joined.
func (d *Deleter) Sweep(ctx context.Context, p Pager, now recording.Seconds, parallel int) (Swept, error) {
	accounts, err := d.accounts(ctx)
	if err != nil {
		return Swept{}, err
	}
	sweeps := map[string]*accountSweep{}
	for _, account := range accounts {
		sweeps[account] = &accountSweep{Deleter: d, account: account, now: now}
	}
	rota := turns.Rota{Entries: d.store, Key: turnKey, Parallel: parallel}
	err = rota.Run(ctx, accounts, func(ctx context.Context, account string) (bool, error) { return sweeps[account].turn(ctx, p) })
	var total Swept
	for _, s := range sweeps {
		total.Purging += s.swept.Purging
		total.Held += s.swept.Held
	}
	return total, err
}

// accounts returns the accounts that have or had restorable recordings, sorted.
func (d *Deleter) accounts(ctx context.Context) ([]string, error) {
	var all []string
	q := store.EntryQuery{Partition: partition, Limit: accountsPage}
	for e, err := range store.AllEntries(ctx, d.store, q) {
		if err != nil {
			return nil, fmt.Errorf("list the accounts with deleted recordings: %w", err)
		}
		all = append(all, e.Key)
	}
	return all, nil
}

// accountSweep is the sweep of one account.
type accountSweep struct {
	*Deleter
	account string
	now     recording.Seconds
	start   store.Position // where the next turn begins
	swept   Swept
	failed  []error // those of single recordings, which the next sweep tries again
}

// turn sweeps a page. Errors: those of the recordings that failed, at the end or once there are
// too many.
func (s *accountSweep) turn(ctx context.Context, p Pager) (done bool, err error) {
	q := store.Query{Account: s.account, Deleted: true, Ascending: true, To: s.now, Start: s.start, Limit: pageSize}
	page, err := p.Page(ctx, q)
	if err != nil {
		return false, fmt.Errorf("list the deleted recordings of %s: %w", s.account, err)
	}
	if len(page.Tombstones) > 0 {
		ending, err := s.Ending(ctx, s.account, s.now)
		if err != nil {
			return false, err
		}
		for i := range page.Tombstones {
			if err := ending.sweep(ctx, &page.Tombstones[i], &s.swept); err != nil {
				s.failed = append(s.failed, err)
			}
			if len(s.failed) > turns.MaxAlone || ctx.Err() != nil {
				return false, errors.Join(s.failed...)
			}
		}
	}
	if page.Next == nil {
		return true, errors.Join(s.failed...)
	}
	s.start = *page.Next
	return false, nil
}

// Ending ends the time for a restore of deleted recordings of one account. It reads the legal
// holds of the account once for all of them: those on hold come again in every sweep, and holds
// may be large. It is for one short piece of work: a hold that is released meanwhile still counts.
type Ending struct {
	deleter *Deleter
	account string
	now     recording.Seconds
	holds   hold.Set // as they were read last
}

// Ending reads the legal holds of an account, to end the time for a restore of its recordings
// where that time is over at now. Error: store.ErrUnavailable.
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
	return t.Recording != nil && e.holds.Check(t.Recording) != nil
}

// errNotDue ends the decision about a tombstone that is not due after all: the recording was
// restored and deleted again.
var errNotDue = errors.New("the time for a restore is not over")

// End begins the purge of a deleted recording, unless it is on hold when the purge begins.
// ended is false, without an error, if nothing was to be done: it was restored, or its purge
// has begun before. Errors: *hold.HeldError, store.ErrConflict, store.ErrUnavailable.
func (e *Ending) End(ctx context.Context, id string) (ended bool, err error) {
	err = e.deleter.condemn(ctx, e.account, id, &e.holds, func(t *store.Tombstone, holds hold.Set) error {
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
