package hold

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/turns"
)

// lockTurnKey is the key of the entry with the account that the next run begins with.
var lockTurnKey = store.EntryKey{Partition: "hold-locks-turn", Key: "turn"}

// maxNoted is how many recordings of an account one step handles that are noted one by one.
const maxNoted = 25

// Run locks and unlocks what changes of holds have left to do. Accounts take turns, so that one with
// much work does not hold up others. If ctx ends first, the next run begins with the account whose
// turn it is. In one turn an account locks some recordings that came under a hold, unlocks one page
// after a release, locks one page under a new hold, and tries some objects again that have failed. So
// none of the four waits for the others.
//
// Run returns the number of objects that it has locked or unlocked. Work that fails stays, and
// does not keep the rest from being done. Errors: those of the store and of the bucket, joined;
// none because ctx has ended during a turn.
func (l *Locker) Run(ctx context.Context) (changed int, err error) {
	if l.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.Time)
		defer cancel()
	}
	accounts, err := l.accounts(ctx)
	if err != nil || len(accounts) == 0 {
		return 0, err
	}
	works := make(map[string]*accountLocks, len(accounts))
	for _, account := range accounts {
		works[account] = &accountLocks{Locker: l, account: account, skip: map[string]bool{}}
	}
	rota := turns.Rota{Entries: l.Entries, Key: lockTurnKey, Parallel: l.Parallel}
	err = rota.Run(ctx, accounts, func(ctx context.Context, account string) (bool, error) { return works[account].turn(ctx) })
	for _, account := range accounts {
		changed += works[account].changed
		err = errors.Join(err, works[account].failed)
	}
	return changed, err
}

// accounts returns the accounts that have work, sorted. It reads only one page of the work of
// each, because an account may have very much.
func (l *Locker) accounts(ctx context.Context) ([]string, error) {
	var all []string
	q := store.EntryQuery{Partition: workPartition, Limit: pageSize}
	for {
		page, err := l.Entries.PageEntries(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list the work on holds: %w", err)
		}
		last := ""
		for i := range page.Entries {
			last, _, _ = strings.Cut(page.Entries[i].Key, "/")
			all = append(all, last)
		}
		if page.Next == "" {
			slices.Sort(all)
			return slices.Compact(all), nil
		}
		q.After = page.Next
		if last != "" { // "0" is the byte after "/": the next page begins after all work of this account
			q.After = max(q.After, last+"0")
		}
	}
}

// accountLocks is the work on one account in one run.
type accountLocks struct {
	*Locker
	account string
	// lists are how far the lists of work were read, in the order of tasks.
	lists [len(tasks)]workList
	// skip has the keys of work that has failed.
	skip    map[string]bool
	changed int
	failed  error
}

// workList is how far the work of one task was read. The list is read from its start to its
// end, and again until nothing in it is due.
type workList struct {
	// after is the key of the entry that was read last.
	after string
	// busy is true if something was due since the start of the list.
	busy bool
	// done is true if nothing is due any more.
	done bool
}

// turn does one step of each task. done is true if nothing is due any more. Errors: those of
// reading the work; work that fails is in a.failed.
func (a *accountLocks) turn(ctx context.Context) (done bool, err error) {
	done = true
	for i, t := range tasks {
		if a.UnlockOnly && (t == placed || t == joined) {
			continue
		}
		list := &a.lists[i]
		works, err := a.due(ctx, t, list)
		if err != nil {
			return false, err
		}
		if len(works) > 0 {
			a.do(ctx, works)
		}
		done = done && list.done
	}
	return done, nil
}

// due returns the work of a task that is due and comes next in the list: one hold, or up to
// maxNoted recordings. It returns nothing once the list is done.
func (a *accountLocks) due(ctx context.Context, t task, list *workList) ([]lockWork, error) {
	most := 1
	if t == joined || t == alone {
		most = maxNoted
	}
	for !list.done {
		prefix := (&lockWork{Account: a.account, Task: t}).key()
		page, err := a.Entries.PageEntries(ctx, store.EntryQuery{
			Partition: prefix.Partition, Prefix: prefix.Key, After: list.after, Limit: store.MaxEntries,
		})
		if err != nil {
			return nil, fmt.Errorf("list the work on holds: %w", err)
		}
		works, err := a.dueOf(page.Entries, most)
		if err != nil {
			return nil, err
		}
		if n := len(works); n > 0 {
			list.after, list.busy = works[n-1].key().Key, true
			return works, nil
		}
		if list.after = page.Next; page.Next == "" {
			list.done, list.busy = !list.busy, false
		}
	}
	return nil, nil
}

// dueOf returns the first entries that are due, at most that many, without those to skip.
func (a *accountLocks) dueOf(entries []store.Entry, most int) ([]lockWork, error) {
	var works []lockWork
	for i := 0; i < len(entries) && len(works) < most; i++ {
		var w lockWork
		if err := json.Unmarshal(entries[i].Value, &w); err != nil {
			return nil, fmt.Errorf("decode the work on a hold: %w", err)
		}
		w.revision = entries[i].Revision
		if w.Again <= recording.SecondsOf(a.Now()) && !a.skip[entries[i].Key] {
			works = append(works, w)
		}
	}
	return works, nil
}

// do does a step. If it fails for several recordings, each is tried alone, because one of them
// may be the cause.
func (a *accountLocks) do(ctx context.Context, works []lockWork) {
	changed, err := a.step(ctx, works)
	a.changed += changed
	switch {
	case err == nil, ctx.Err() != nil:
	case len(works) > 1:
		for i := range works {
			a.do(ctx, works[i:i+1])
		}
	case errors.Is(err, store.ErrConflict): // it was left again, or another Locker has done it
	default:
		a.failed = errors.Join(a.failed, fmt.Errorf("lock what is on hold: %w", err))
		a.skip[works[0].key().Key] = true
	}
}
