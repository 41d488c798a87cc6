package sweep

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/turns"
)

// Trees of accounts take turns, and no tree has two at the same time. Each removal checks the
// settings of the accounts above, and DynamoDB cancels a transaction that meets another one on the
// same entry. So the removals of a tree are one after the other. If accounts took turns, those of a
// large tree would have all turns, and wait for each other in them, while other trees wait too.

// accountTurns is how many accounts have a turn in one turn of their tree, if all have much to do.
// The more, the sooner an account with little to do follows. But each begins with some reads.
const accountTurns = 12

// tree is a tree of accounts that is swept. An account without others above or below it is a
// tree of its own.
type tree struct {
	*Sweeper
	// top is the account at the top. It may have no policy, and then it is not in accounts.
	top string
	// accounts are those that are not done yet in this run, sorted. single is true if there was
	// only one.
	accounts []string
	single   bool
	now      func() recording.Seconds
	removed  int
	failed   error
	// alone has the failures of single recordings and notes, which do not end an account's turns.
	alone map[string]error
}

// trees returns the trees with the accounts that have a policy or bounds, or inherit them, by the
// accounts at the top.
func (s *Sweeper) trees(ctx context.Context, now func() recording.Seconds) (map[string]*tree, error) {
	book := retention.Book{Entries: s.Entries}
	roots, err := book.Listed(ctx)
	if err != nil {
		return nil, err
	}
	listed := func(id string) bool { _, ok := slices.BinarySearch(roots, id); return ok }
	tops := map[string]string{} // an account that moves meanwhile is found twice, in two trees
	walk := access.NewTree(s.Entries)
	for _, root := range roots {
		if err := book.Below(ctx, walk, root, listed, func(a access.Listed) error { tops[a.ID] = a.Top(); return nil }); err != nil {
			return nil, err
		}
	}
	all := map[string]*tree{}
	for _, account := range slices.Sorted(maps.Keys(tops)) {
		top := tops[account]
		if all[top] == nil {
			all[top] = &tree{Sweeper: s, top: top, now: now, alone: map[string]error{}}
		}
		all[top].accounts = append(all[top].accounts, account)
	}
	for _, t := range all {
		t.single = len(t.accounts) == 1
	}
	return all, nil
}

// turns gives trees their turns until all are done or ctx ends.
func (s *Sweeper) turns(ctx context.Context, all map[string]*tree) (removed int, err error) {
	tops := slices.Sorted(maps.Keys(all))
	rota := turns.Rota{Entries: s.Entries, Key: turnKey, Parallel: s.Parallel}
	err = rota.Run(ctx, tops, func(ctx context.Context, top string) (bool, error) { return all[top].turn(ctx) })
	for _, top := range tops {
		removed += all[top].removed
		err = errors.Join(err, all[top].failed, errors.Join(slices.Collect(maps.Values(all[top].alone))...))
	}
	return removed, err
}

// turn sweeps a tree until it is done or its turn is over. An account that fails is in t.failed, and
// has no more turns in this run. Errors: those of an account that is alone, and store.ErrUnavailable.
func (t *tree) turn(ctx context.Context) (done bool, err error) {
	limit := cmp.Or(t.Turn, DefaultTurn)
	if t.single {
		return t.sweepAccount(ctx, t.accounts[0], limit)
	}
	began := t.Now()
	rota := turns.Rota{
		Entries: t.Entries, Key: store.EntryKey{Partition: partition, Key: "turn/" + t.top},
		Over: func() bool { return t.Now().Sub(began) >= limit },
	}
	err = rota.Run(ctx, slices.Clone(t.accounts), func(ctx context.Context, account string) (bool, error) {
		done, err := t.sweepAccount(ctx, account, limit/accountTurns)
		if err != nil && ctx.Err() == nil {
			t.failed, done = errors.Join(t.failed, err), true
		}
		if done {
			t.accounts = slices.DeleteFunc(t.accounts, func(one string) bool { return one == account })
		}
		return done, nil
	})
	return len(t.accounts) == 0, err
}

// sweepAccount sweeps an account until it is done or its turn is over.
func (t *tree) sweepAccount(ctx context.Context, account string, limit time.Duration) (done bool, err error) {
	a := &accountSweep{Sweeper: t.Sweeper, account: account, now: t.now(), began: t.Now(), limit: limit, failed: t.alone}
	done, err = a.run(ctx)
	t.removed += a.removed
	if errors.Is(err, store.ErrConflict) {
		return true, nil // another sweeper has this account
	}
	return done, err
}
