package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// The data folder has three queues in place of those of AWS: for arrivals, for changes of
// recordings, and for recordings to index.
const (
	// interval is the time between two polls of a queue. Polling is necessary
	// because other processes also add messages.
	interval = 200 * time.Millisecond
	// batch is the largest number of changes published at once. Each batch takes one
	// sync of the event log and one of the database. If the process is killed between
	// the two, the next start publishes the batch again.
	batch = 100
)

// work processes the queues and maintains the data folder in the background until ctx
// ends. wait blocks until the processing has stopped.
func (b *box) work(ctx context.Context) (wait func()) {
	var running sync.WaitGroup
	running.Go(func() { b.newArrivals(b.ingestQueue()).follow(ctx) })
	running.Go(func() { b.poll(ctx, b.publishChanges) })
	running.Go(func() { b.poll(ctx, b.indexChanges) })
	running.Go(func() { b.catchUp(ctx) })
	running.Go(func() { b.upkeep(ctx) })
	running.Go(func() { b.scrub(ctx) })
	running.Go(func() { b.refreshKeys(ctx) })
	running.Go(func() { b.deliverWebhooks(ctx) })
	running.Go(func() { b.expire(ctx) })
	running.Go(func() { b.workOnJobs(ctx, wakeJobsTime) })
	running.Go(func() { b.lockHeld(ctx) })
	running.Go(func() { trimMemory(ctx) })
	return running.Wait
}

// every calls run at once, and then again and again until ctx ends. pause is the time between
// the starts of two runs.
func every(ctx context.Context, pause time.Duration, run func(context.Context)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		run(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// logAgain is how many times a poll fails in the same way before the failure is logged
// again, about once a minute. Otherwise a disk that is full for a night would get half a
// million lines of log.
const logAgain = int(time.Minute / interval)

// failure remembers how the last polls failed.
type failure struct {
	text  string
	times int
}

// news reports whether err, the result of one more poll, is to be logged: if it differs from
// the previous one, or after logAgain polls.
func (f *failure) news(err error) bool {
	if err == nil {
		*f = failure{}
		return false
	}
	if f.text != err.Error() || f.times == logAgain {
		*f = failure{text: err.Error()}
	}
	f.times++
	return f.times == 1
}

// poll calls processBatch until ctx ends: again at once if there is more, and
// otherwise after interval.
func (b *box) poll(ctx context.Context, processBatch func(context.Context) (more bool, err error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var failed failure
	for {
		more, err := processBatch(ctx)
		if failed.news(err) && ctx.Err() == nil {
			b.log.ErrorContext(ctx, "processing a queue failed and will be retried", slog.String("cause", err.Error()))
		}
		if more && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// publishChanges adds a batch of due changes to the feed and publishes their events, in
// order. A change that fails blocks those after it. A change leaves the queue only when its
// event is on the disk.
func (b *box) publishChanges(ctx context.Context) (more bool, err error) {
	due, err := b.store.Due(ctx, sqlite.Changes, batch)
	if err != nil || len(due) == 0 {
		return false, err
	}
	more = len(due) == batch
	due, changes, err := b.decodeChanges(ctx, due)
	if err != nil {
		return false, err
	}
	done, failed := feed.New(b.store, b.now).Follow(b.settings.Feed, b.events)(ctx, changes)
	numbers := make([]int64, done)
	for i, m := range due[:done] {
		numbers[i] = m.Number
	}
	// Even while stopping, so that the next start does not publish them again.
	if err := b.store.Done(context.WithoutCancel(ctx), numbers...); err != nil {
		return false, err
	}
	if failed != nil {
		return false, fmt.Errorf("publish: %w", failed)
	}
	return more, nil
}

// decodeChanges returns the messages that hold a change, and the changes. It parks the others,
// so that a damaged row of the database does not hold up all events. The account of such a change
// is unknown, so the feeds of all accounts are restarted.
func (b *box) decodeChanges(ctx context.Context, due []sqlite.Message) ([]sqlite.Message, []store.Change, error) {
	var good []sqlite.Message
	var changes []store.Change
	for _, m := range due {
		var c store.Change
		if err := json.Unmarshal(m.Body, &c); err != nil {
			b.log.ErrorContext(ctx, "a change is damaged, so it is parked; its event is missing, and the feed is restarted",
				slog.Int64("message", m.Number), slog.String("cause", err.Error()))
			if err := feed.New(b.store, b.now).Restart(ctx, ""); err != nil {
				return nil, nil, err
			}
			if err := b.store.PutOff(ctx, m.Number, -1, err.Error()); err != nil {
				return nil, nil, err
			}
			continue
		}
		good, changes = append(good, m), append(changes, c)
	}
	return good, changes, nil
}
