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

// The data folder has two queues in place of those of AWS: one for arrivals and
// one for changes of recordings.
const (
	// interval is the time between two polls of a queue. It must be polled
	// because other processes add messages, too.
	interval = 200 * time.Millisecond
	// batch is the largest number of messages processed at once.
	batch = 25
	// invocation is how long one batch may take, like the timeout of the
	// function in template.yaml.
	invocation = time.Minute
	// maxTries is how often a message is tried before it is set aside for
	// `recordings replay`. firstRetry is the wait after the first failure; each
	// further wait is twice as long.
	maxTries   = 8
	firstRetry = time.Second
)

// grace is the age at which audio without a document becomes a recording of its
// own. It is short, because local uploads store the document right after the audio.
const grace = 5 * time.Second

// ingester returns the handler of arrivals.
func (b *box) ingester() bucket.Ingester {
	return bucket.Ingester{Store: b.store, Audio: b.bucket, Names: b.names, MaxBytes: b.settings.MaxAudioBytes, Grace: grace, Now: b.now}
}

// enqueueArrival puts the S3 event of a new object into the queue of arrivals.
// Demo recordings need no ingest, because they are stored with their documents.
func (b *box) enqueueArrival(ctx context.Context, event []byte) {
	if b.seeding.Load() {
		return
	}
	if err := b.store.Enqueue(context.WithoutCancel(ctx), sqlite.Arrivals, event); err != nil {
		b.log.ErrorContext(ctx, "an S3 event could not be queued; the next start finds the object", slog.String("cause", err.Error()))
	}
}

// work processes the queues in the background until ctx ends. wait blocks until
// the processing has stopped.
func (b *box) work(ctx context.Context) (wait func()) {
	ingest := bucket.Queue{
		Route: string(config.Ingest), Bucket: datadir.Bucket, Ingest: b.ingester().Ingest, Log: b.log, Now: b.now,
	}
	var running sync.WaitGroup
	for _, processBatch := range []func(context.Context) (bool, error){
		func(ctx context.Context) (bool, error) { return b.ingestArrivals(ctx, ingest) },
		b.publishChanges,
	} {
		running.Go(func() { b.poll(ctx, processBatch) })
	}
	return running.Wait
}

// poll calls processBatch until ctx ends: again at once if there is more, and
// otherwise after interval.
func (b *box) poll(ctx context.Context, processBatch func(context.Context) (more bool, err error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		more, err := processBatch(ctx)
		if err != nil && ctx.Err() == nil {
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

// ingestArrivals passes a batch of due messages to ingest, as SQS and Lambda do. A
// message that was not begun stays due, and costs no try.
func (b *box) ingestArrivals(ctx context.Context, ingest bucket.Queue) (more bool, err error) {
	due, err := b.store.Due(ctx, sqlite.Arrivals, batch)
	if err != nil || len(due) == 0 {
		return false, err
	}
	var messages []events.SQSMessage
	for _, m := range due {
		messages = append(messages, events.SQSMessage{MessageId: strconv.FormatInt(m.Number, 10), Body: string(m.Body)})
	}
	invoked, cancel := invocationContext(ctx)
	defer cancel()
	var errs []error
	for i, result := range ingest.Handle(invoked, messages) {
		switch m := due[i]; result {
		case bucket.Done:
			errs = append(errs, b.store.Done(invoked, m.Number))
		case bucket.Failed:
			errs = append(errs, b.store.PutOff(invoked, m.Number, pause(m.Tries), "ingest failed; see the log"))
		case bucket.Unbegun:
		}
	}
	return len(due) == batch, errors.Join(errs...)
}

// invocationContext returns a context for one invocation. After ctx ends, the
// invocation gets shutdownTime to finish.
func invocationContext(ctx context.Context) (context.Context, context.CancelFunc) {
	invoked, cancel := context.WithTimeout(context.WithoutCancel(ctx), invocation)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(shutdownTime, cancel) })
	return invoked, func() {
		stop()
		cancel()
	}
}

// pause returns the wait before the next try of a message that failed tries
// times before this one. It is negative after the last try.
func pause(tries int) time.Duration {
	if tries+1 >= maxTries {
		return -1
	}
	return firstRetry << tries
}

// publishChanges publishes the events of a batch of due changes, in order. A
// change that fails blocks those after it.
func (b *box) publishChanges(ctx context.Context) (more bool, err error) {
	due, err := b.store.Due(ctx, sqlite.Changes, batch)
	if err != nil || len(due) == 0 {
		return false, err
	}
	changes := make([]store.Change, len(due))
	for i, m := range due {
		if err := json.Unmarshal(m.Body, &changes[i]); err != nil {
			return false, fmt.Errorf("decode change %d of the queue: %w", m.Number, err)
		}
	}
	done, failed := notify.Publish(ctx, b.events, changes)
	for _, m := range due[:done] { // even while stopping, so that the next start does not publish them again
		if err := b.store.Done(context.WithoutCancel(ctx), m.Number); err != nil {
			return false, err
		}
	}
	if failed != nil {
		return false, fmt.Errorf("publish: %w", failed)
	}
	return len(due) == batch, nil
}
