// Package sweep removes the recordings that have expired (docs/adr/025-retention.md).
//
// [Sweeper.Run] is called every hour. It gives every tree of accounts its turns, and in each
// tree every account with a policy, see trees.go. In each account it reads the oldest end of
// the index, up to the age at which recordings begin to expire, and only from where it stopped
// the last time. So its cost depends on the expired recordings, not on all of them. For each
// different number of days in a policy, a bookmark marks the end of the examined part of the
// index. A new policy starts the bookmarks again. Recordings that move behind them leave notes
// ([retention.Watched]), as do those whose removal fails, so that they do not hold up the others.
// Those on hold are examined again when the holds have changed.
// Deleted recordings that can still be restored are in another part of the index, see deleted.go.
//
// A clock that jumps forward must not remove anything too early. The first run after a jump removes
// nothing. While the clock is in doubt, later runs remove only recordings that were due at a time
// that has certainly come, see clock.go.
package sweep

import (
	"context"
	"errors"
	"time"

	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// partition has the state of the sweep as a whole.
const partition = "retention-sweep"

// DefaultTurn is how long a tree of accounts is swept before the next one has its turn.
const DefaultTurn = time.Minute

// Sweeper removes expired recordings. It is safe to run several at the same time: of two
// that sweep the same account, one gives up.
type Sweeper struct {
	// Entries has the policies, the holds and the state of the sweep.
	Entries store.Entries
	// Recordings has the recordings. It must not hide expired ones.
	Recordings store.Reader
	// Remove removes a recording if it has expired and is not on hold, as strongly
	// consistent reads show.
	Remove Remover
	// Restorable, if not nil, begins the purges of deleted recordings that can no longer be
	// restored at the time now. It returns their number. It may take up to half of Time, before
	// the turns begin.
	Restorable func(ctx context.Context, now recording.Seconds) (int, error)
	// Record, if not nil, adds entries about removals to the audit trail.
	Record func(ctx context.Context, e audit.Entry) error
	// Now is the clock.
	Now func() time.Time
	// Time bounds one run; 0 means no limit. The next run continues. Turn bounds the turn
	// of one tree of accounts; 0 means DefaultTurn.
	Time, Turn time.Duration
	// Parallel is how many trees of accounts are swept at the same time; 0 means 1. With more,
	// Remove and Record are called by several goroutines, but never for two accounts of the same
	// tree.
	Parallel int
}

// Remover removes expired recordings.
type Remover interface {
	// Expire removes a recording that has expired at the time now and is not on hold, and
	// begins the purge of its audio. Errors: store.ErrNotFound if it is gone, ErrNotDue,
	// *hold.HeldError, store.ErrUnavailable.
	Expire(ctx context.Context, account, id string, now recording.Seconds) error
	// Condemn is like Expire for a deleted recording that can still be restored.
	Condemn(ctx context.Context, account, id string, now recording.Seconds) error
}

// ErrNotDue means that a recording has not expired after all: it has changed, or its
// policy has.
var ErrNotDue = errors.New("the recording has not expired")

// ErrClock means that the clock is in doubt. In the first run after a jump nothing is removed;
// later runs remove only what was due at a time that has certainly come. [WhenTrusted] calls nothing
// meanwhile.
var ErrClock = errors.New("the clock has jumped forward or the sweep has not run for a while: removals wait")

// Run sweeps all accounts once, and those with more to do again until the time is up. It
// returns the number of expired recordings that it has removed, plus that of Restorable. If
// an account fails, the others still have their turns. Errors: those of the accounts, joined,
// else ErrClock.
func (s *Sweeper) Run(ctx context.Context) (removed int, err error) {
	start := s.Now()
	clock, err := s.checkClock(ctx, start)
	switch {
	case err != nil:
		return 0, err
	case clock.fresh:
		return 0, ErrClock
	}
	if removed, err = s.sweep(ctx, start, clock.at); err == nil && clock.doubtful {
		err = ErrClock
	}
	return removed, err
}

// sweep removes recordings that are due at the time at. The clock shows start.
func (s *Sweeper) sweep(ctx context.Context, start time.Time, at recording.Seconds) (removed int, err error) {
	if s.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.Time)
		defer cancel()
	}
	purged, failed := s.endRestores(ctx, at)
	// The wall clock may jump in the middle of a run; Sub uses the monotonic clock.
	all, err := s.trees(ctx, func() recording.Seconds { return at + recording.SecondsIn(s.Now().Sub(start)) })
	if err == nil {
		removed, err = s.turns(ctx, all)
	}
	return purged + removed, errors.Join(failed, err)
}

// endRestores calls Restorable, for up to half of the time of the run.
func (s *Sweeper) endRestores(ctx context.Context, now recording.Seconds) (int, error) {
	if s.Restorable == nil {
		return 0, nil
	}
	if s.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.Time/2)
		defer cancel()
	}
	return s.Restorable(ctx, now)
}

// turnKey is the key of the entry with the tree that the next run begins with.
var turnKey = store.EntryKey{Partition: partition, Key: "turn"}
