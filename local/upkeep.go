package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// How often the running server retries what failed, and removes leftovers.
const (
	// retryEvery is the time between two tries of purges and of events that could
	// not be queued.
	retryEvery = time.Minute
	// retryParkedEvery is the time between two tries of parked arrivals.
	retryParkedEvery = time.Hour
	// tidyEvery is the time between two removals of leftovers. The first removal runs
	// at startup. The second one runs after tidyAgain, when the leftovers of a crash
	// are old enough to be removed. A failed removal is also retried after tidyAgain.
	tidyEvery = 24 * time.Hour
	tidyAgain = 70 * time.Minute
	// scrubEvery is the time between two passes over the pages of the database. A pass
	// over 4 GB takes a few minutes.
	scrubEvery = time.Hour
)

// longLog is a size of the database's log in bytes. The server warns about a longer log. It
// empties the log every minute, so only a process that reads for longer makes it so long.
const longLog = 64 << 20

// purgesAtStart is how long a start may spend on pending purges before it serves.
const purgesAtStart = 500 * time.Millisecond

// catchUp finishes the work that the previous run left undone: purges, audio without an
// event, and the check of recent audio. It runs while the server answers requests, because it
// takes longer the more recordings there are. It retries the search for audio until
// that succeeds or ctx ends.
func (b *box) catchUp(ctx context.Context) {
	retry := time.NewTicker(retryEvery)
	defer retry.Stop()
	b.finishPurges(ctx)
	if err := b.recheck(ctx, b.written); err != nil && ctx.Err() == nil {
		b.log.WarnContext(ctx, "recent audio could not be checked", slog.String("cause", err.Error()))
	}
	if ctx.Err() == nil {
		b.forgetUnchecked(ctx)
	}
	for {
		err := b.enqueueMissed(ctx)
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			b.log.WarnContext(ctx, "the search for missed audio failed and will be retried", slog.String("cause", err.Error()))
		}
		select {
		case <-ctx.Done():
			return
		case <-retry.C:
		}
	}
}

// upkeep retries what failed, and removes leftovers, until ctx ends.
func (b *box) upkeep(ctx context.Context) {
	_ = b.tidy(ctx)
	b.retryParked(ctx)
	nextTidy := time.NewTimer(tidyAgain)
	defer nextTidy.Stop()
	retry, parked := time.NewTicker(retryEvery), time.NewTicker(retryParkedEvery)
	defer retry.Stop()
	defer parked.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-retry.C:
			b.retryFailed(ctx)
		case <-parked.C:
			b.retryParked(ctx)
		case <-nextTidy.C:
			next := tidyEvery
			if err := b.tidy(ctx); err != nil {
				next = tidyAgain
			}
			nextTidy.Reset(next)
		}
	}
}

// retryFailed retries the work that failed during an outage of the database or of
// the S3 server. It also empties the log of the database, so that deleted content
// stays there for a minute at most, unless others read all the time.
func (b *box) retryFailed(ctx context.Context) {
	b.finishPurges(ctx)
	if err := access.NewTree(b.store).Resume(ctx); err != nil && ctx.Err() == nil { // of a command that died
		b.log.WarnContext(ctx, "an interrupted change of the account tree could not be finished", slog.String("cause", err.Error()))
	}
	if err := b.store.Flush(ctx); err != nil && ctx.Err() == nil {
		b.log.WarnContext(ctx, "the log of the database could not be emptied; this is retried", slog.String("cause", err.Error()))
	}
	b.checkLog(ctx, longLog)
	if err := b.retryUnqueued(ctx); err != nil && ctx.Err() == nil {
		b.log.ErrorContext(ctx, "S3 events could not be queued and will be retried", slog.String("cause", err.Error()))
	}
}

// checkLog warns if the log of the database is longer than limit. SQLite cannot empty it
// while a program still reads the database as it was before the writes in the log. The server's
// own reads are short, so only another program can do that.
func (b *box) checkLog(ctx context.Context, limit int64) {
	if info, err := os.Stat(b.dir.File("recordings.db-wal")); err == nil && info.Size() > limit {
		b.log.WarnContext(ctx, "the log of the database grows, because another program has been reading the database for more than a minute",
			slog.String("file", info.Name()), slog.Int64("bytes", info.Size()))
	}
}

// retryParked retries the parked arrivals. It logs their number separately from
// the number of waiting arrivals, and the number of parked changes, which only an operator
// can repair.
func (b *box) retryParked(ctx context.Context) {
	waiting, parked, err := b.store.Counts(ctx, sqlite.Arrivals)
	if err == nil && parked > 0 {
		b.log.WarnContext(ctx, "parked arrivals get another try",
			slog.Int("parked", parked), slog.Int("waiting", waiting))
		_, err = b.store.Retry(ctx, sqlite.Arrivals)
	}
	if err != nil && ctx.Err() == nil {
		b.log.ErrorContext(ctx, "parked arrivals could not be retried", slog.String("cause", err.Error()))
	}
	if _, parked, err := b.store.Counts(ctx, sqlite.Changes); err == nil && parked > 0 {
		b.log.ErrorContext(ctx, "changes are parked, because they are damaged; their events are missing", slog.Int("parked", parked))
	}
}

// pendingAtOnce is how many pending purges are read at a time.
const pendingAtOnce = 100

// finishPurges deletes the audio of partly deleted recordings. If a purge fails,
// the others still run, and the failed one is retried after retryEvery.
func (b *box) finishPurges(ctx context.Context) {
	tried := map[string]bool{}
	var failures []error
	for limit := pendingAtOnce; ctx.Err() == nil; limit = len(failures) + pendingAtOnce {
		pending, err := b.store.PendingPurges(ctx, limit) // failed purges come first
		if err != nil {
			failures = append(failures, err)
			break
		}
		before := len(tried)
		for _, t := range pending {
			name := t.Account + "/" + t.ID
			if tried[name] {
				continue
			}
			tried[name] = true
			if err := purge.Finish(ctx, b.store, b.bucket, t); err != nil {
				failures = append(failures, err)
			}
		}
		if len(tried) == before || len(pending) < limit {
			break
		}
	}
	if len(failures) > 0 && ctx.Err() == nil {
		b.log.WarnContext(ctx, "pending purges failed and will be retried",
			slog.Int("failed", len(failures)), slog.String("cause", failures[0].Error()))
	}
}
