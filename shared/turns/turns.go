// Package turns gives accounts their turns in work that may take longer than one run, such as a
// sweep. An account with much to do holds up no other: after a turn it waits for all others. If
// the time is up, the next run begins with the account whose turn it is. Trees of accounts have
// turns in the same way, by the account at the top.
package turns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// MaxAlone is how many single things of an account, such as recordings, may fail in a turn without
// holding up the others. More look like an outage, after which the work continues at the same place.
const MaxAlone = 10

// saveTime bounds the write at the end of a run.
const saveTime = 10 * time.Second

// Rota gives accounts their turns.
type Rota struct {
	// Entries has the entry Key with the account that the next run begins with.
	Entries store.Entries
	Key     store.EntryKey
	// Parallel is how many accounts have a turn at the same time; 0 means 1. An account never
	// has two turns at the same time.
	Parallel int
	// Over, if not nil, is called after each turn. Once it returns true, no more turns begin. The
	// next run begins with the account whose turn it is, as at the end of ctx.
	Over func() bool
}

// result is the end of a turn.
type result struct {
	account string
	done    bool
	err     error
	log     requestlog.Entry
}

// Run calls turn for one account after the other until each is done, ctx ends or Over. accounts are
// sorted. An account that is not done has another turn after all others have had theirs. One
// that fails has no more turns in this run. When Run returns, no turn is in progress.
//
// If Parallel is more than 1, turn is called by several goroutines. Errors: those of turns,
// except after the end of ctx, joined; store.ErrUnavailable.
func (r Rota) Run(ctx context.Context, accounts []string, turn func(ctx context.Context, account string) (done bool, err error)) error {
	first, err := r.first(ctx)
	if err != nil {
		return err
	}
	i, _ := slices.BinarySearch(accounts, first)
	left, failed := r.work(ctx, slices.Concat(accounts[i:], accounts[:i]), turn)
	next := ""
	if len(left) > 0 {
		next = left[0]
	}
	return errors.Join(failed, r.save(context.WithoutCancel(ctx), first, next))
}

// work gives the accounts that wait their turns. left are those that wait when the time is up.
func (r Rota) work(ctx context.Context, waiting []string, turn func(context.Context, string) (bool, error)) (left []string, failed error) {
	parallel := max(1, r.Parallel)
	results := make(chan result, parallel)
	give := func(account string) {
		end := result{account: account}
		end.done, end.err = turn(requestlog.With(ctx, &end.log), account)
		results <- end
	}
	over := false
	for running := 0; ; {
		for ; running < parallel && len(waiting) > 0 && ctx.Err() == nil && !over; running++ {
			account := waiting[0]
			if waiting = waiting[1:]; parallel == 1 {
				give(account) // in the goroutine of the caller, which a panic in turn reaches then
			} else {
				go give(account)
			}
		}
		if running == 0 {
			return waiting, failed
		}
		end := <-results
		running--
		addUsage(requestlog.From(ctx), &end.log)
		over = over || r.Over != nil && r.Over()
		switch {
		case end.err != nil && ctx.Err() == nil:
			failed = errors.Join(failed, end.err)
		case !end.done:
			waiting = append(waiting, end.account)
		}
	}
}

// addUsage adds the usage of a turn to the log line of the run: an entry belongs to one goroutine.
func addUsage(run, turn *requestlog.Entry) {
	run.Calls += turn.Calls
	run.ReadUnits += turn.ReadUnits
	run.WriteUnits += turn.WriteUnits
	run.MediaCalls += turn.MediaCalls
}

// first returns the account that a run begins with, "" for the first one.
func (r Rota) first(ctx context.Context) (account string, err error) {
	found, err := r.Entries.Entries(ctx, r.Key)
	if err != nil {
		return "", fmt.Errorf("read whose turn it is: %w", err)
	}
	if len(found) > 0 {
		if err := json.Unmarshal(found[0].Value, &account); err != nil {
			return "", fmt.Errorf("read whose turn it is: %w", err)
		}
	}
	return account, nil
}

// save stores the account that the next run begins with, if it is another one than stored.
func (r Rota) save(ctx context.Context, stored, account string) error {
	if account == stored {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, saveTime)
	defer cancel()
	value, err := json.Marshal(account)
	if err == nil {
		err = r.Entries.WriteEntries(ctx, store.EntryWrite{Entry: store.Entry{EntryKey: r.Key, Value: value}})
	}
	if err != nil {
		return fmt.Errorf("store whose turn it is: %w", err)
	}
	return nil
}
