package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"callrecordings/local/datadir"
	"callrecordings/shared/config"
	"callrecordings/shared/incoming/bucket"
	"callrecordings/shared/notify"
	"callrecordings/shared/store"
	"callrecordings/shared/store/sqlite"
)

// What follows events here, from queues of the data folder as in the cloud from
// those of AWS: arrivals of audio, and changes of recordings.
const (
	// interval is the time between two looks at a queue. Another process may
	// have put something in.
	interval = 200 * time.Millisecond
	// batch is the most messages that are taken at once.
	batch = 25
	// invocation is how long one batch may take, as the function's time-out in
	// template.yaml.
	invocation = time.Minute
	// maxTries is how often a message is tried before it is set aside for
	// `recordings replay`, and firstRetry how long after the first failure; the
	// next waits are twice as long each.
	maxTries   = 8
	firstRetry = time.Second
)

// grace is that of the local desk. Here nobody adds audio without its document
// for longer than a moment.
const grace = 5 * time.Second

// ingester takes the audio that arrives.
func (b *box) ingester() bucket.Ingester {
	return bucket.Ingester{Store: b.store, Audio: b.bucket, Names: b.names, MaxBytes: b.settings.MaxAudioBytes, Grace: grace, Now: b.now}
}

// arrived keeps the event of a new object until somebody has taken it. Samples
// come with their documents and need nobody.
func (b *box) arrived(ctx context.Context, event []byte) {
	if b.seeding.Load() {
		return
	}
	if err := b.store.Enqueue(context.WithoutCancel(ctx), sqlite.Arrivals, event); err != nil {
		b.log.ErrorContext(ctx, "an event of the S3 server is lost until the next start", slog.String("cause", err.Error()))
	}
}

// follow begins to work off the queues. It ends when ctx does; wait waits for
// that.
func (b *box) follow(ctx context.Context) (wait func()) {
	ingest := bucket.Handler(bucket.Queue{
		Route: string(config.Ingest), Bucket: datadir.Bucket, Ingest: b.ingester().Ingest, Log: b.log, Now: b.now,
	})
	var running sync.WaitGroup
	for _, work := range []func(context.Context) (bool, error){
		func(ctx context.Context) (bool, error) { return b.takeArrivals(ctx, ingest) },
		b.tellChanges,
	} {
		running.Go(func() { b.repeat(ctx, work) })
	}
	return running.Wait
}

// repeat does work again and again until ctx ends, at once while it says that
// there is more.
func (b *box) repeat(ctx context.Context, work func(context.Context) (more bool, err error)) {
	again := time.NewTicker(interval)
	defer again.Stop()
	for {
		more, err := work(ctx)
		if err != nil && ctx.Err() == nil {
			b.log.ErrorContext(ctx, "a queue waits", slog.String("cause", err.Error()))
		}
		if more && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// takeArrivals hands what is due to the function ingest, as SQS and Lambda do.
func (b *box) takeArrivals(ctx context.Context, ingest func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)) (more bool, err error) {
	due, err := b.store.Due(ctx, sqlite.Arrivals, batch)
	if err != nil || len(due) == 0 {
		return false, err
	}
	var e events.SQSEvent
	for _, m := range due {
		e.Records = append(e.Records, events.SQSMessage{MessageId: strconv.FormatInt(m.Number, 10), Body: string(m.Body)})
	}
	invoked, cancel := outliving(ctx)
	defer cancel()
	answer, err := ingest(invoked, e)
	if err != nil {
		return false, fmt.Errorf("ingest: %w", err)
	}
	failed := map[string]bool{}
	for _, f := range answer.BatchItemFailures {
		failed[f.ItemIdentifier] = true
	}
	var errs []error
	for _, m := range due {
		if !failed[strconv.FormatInt(m.Number, 10)] {
			errs = append(errs, b.store.Done(invoked, m.Number))
			continue
		}
		errs = append(errs, b.store.PutOff(invoked, m.Number, pause(m.Tries), "see the log"))
	}
	return len(due) == batch, errors.Join(errs...)
}

// outliving is a context for one invocation, which may end in peace when the
// server stops.
func outliving(ctx context.Context) (context.Context, context.CancelFunc) {
	invoked, cancel := context.WithTimeout(context.WithoutCancel(ctx), invocation)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(shutdownTime, cancel) })
	return invoked, func() {
		stop()
		cancel()
	}
}

// pause is the wait before a message is tried again; negative when it was tried
// often enough.
func pause(tries int) time.Duration {
	if tries+1 >= maxTries {
		return -1
	}
	return firstRetry << tries
}

// tellChanges hands what is due to the function publish, in order: what fails
// holds up what is behind it.
func (b *box) tellChanges(ctx context.Context) (more bool, err error) {
	due, err := b.store.Due(ctx, sqlite.Changes, batch)
	if err != nil || len(due) == 0 {
		return false, err
	}
	changes := make([]store.Change, len(due))
	for i, m := range due {
		if err := json.Unmarshal(m.Body, &changes[i]); err != nil {
			return false, fmt.Errorf("change %d of the queue: %w", m.Number, err)
		}
	}
	done, failed := notify.Publish(ctx, b.events, changes)
	for _, m := range due[:done] { // what was told is not told again at the next start
		if err := b.store.Done(context.WithoutCancel(ctx), m.Number); err != nil {
			return false, err
		}
	}
	if failed != nil {
		return false, fmt.Errorf("publish: %w", failed)
	}
	return len(due) == batch, nil
}
