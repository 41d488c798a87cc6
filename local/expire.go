package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/retention/sweep"
)

const (
	// expireEvery is the time between two sweeps of expired recordings, as in the cloud.
	expireEvery = time.Hour
	// observeEvery is how often the sweep looks at the clock, so that it learns how long the
	// server is on, even if that is for less than an hour at a time.
	observeEvery = 10 * time.Minute
)

// view is the store as clients see it: without expired recordings.
func (b *box) view() retention.View { return retention.NewView(b.store, b.rules()) }

// watched is the store for those who write recordings: the sweep of expired ones finds
// what moves behind it.
func (b *box) watched() retention.Watched { return retention.Watch(b.store, b.rules()).Locking() }

// locking is view for those who change recordings: audio that comes on legal hold is locked.
func (b *box) locking() retention.View { return retention.View{Watched: b.watched()} }

// rules returns the cache of policies and holds. All parts of the server share it.
func (b *box) rules() *retention.Rules {
	b.keeping.Do(func() { b.kept = retention.NewRules(b.store, b.now) })
	return b.kept
}

// expire removes expired recordings, and deleted ones after their time for a restore, at the
// start and every hour, until ctx ends. Their audio goes with the other pending purges.
func (b *box) expire(ctx context.Context) {
	s := sweep.New(b.store, b.now, 0)
	if trail := b.trail(); trail != nil {
		s.Record = trail.Record
	}
	n := 0
	every(ctx, observeEvery, func(ctx context.Context) {
		if n++; n%int(expireEvery/observeEvery) == 1 {
			b.sweep(ctx, s)
			return
		}
		if err := s.Observe(ctx); err != nil && ctx.Err() == nil {
			b.log.WarnContext(ctx, "the sweep could not note the time; this is retried", slog.String("cause", err.Error()))
		}
	})
}

// sweep runs the sweep once, and logs the number of removed recordings.
func (b *box) sweep(ctx context.Context, s *sweep.Sweeper) {
	removed, err := s.Run(ctx)
	switch {
	case ctx.Err() != nil:
		return
	case errors.Is(err, sweep.ErrClock):
		b.log.InfoContext(ctx, "not all expired recordings are removed yet", slog.String("cause", err.Error()))
	case err != nil:
		b.log.WarnContext(ctx, "expired recordings could not all be removed; this is retried", slog.String("cause", err.Error()))
	}
	if removed > 0 {
		b.log.InfoContext(ctx, "expired recordings were removed", slog.Int("recordings", removed))
	}
}
