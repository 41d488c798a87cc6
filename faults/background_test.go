package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/retention/sweep"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
	"github.com/callrecordings/api/shared/store/dynamo/emulator"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// step runs a piece of background work in the process, and starts another process if it
// dies. Errors of the work are left to its retry.
func (w *world) step(ctx context.Context, work func(*application) error) error {
	failed := work(w.app)
	if !w.inject.dead() {
		return failed
	}
	return errors.Join(failed, w.restart(ctx))
}

// pull takes the changes from the table, for those who follow it.
func (w *world) pull(ctx context.Context) error {
	if w.wiring == local {
		return w.pullQueue(ctx)
	}
	for _, c := range w.table.Changes() {
		record := recordOf(c, w.now())
		change, err := dynamo.ChangeOf(record.Change)
		if err != nil {
			return err
		}
		if change.Before != nil || change.After != nil {
			w.history = append(w.history, change)
			w.publishing = append(w.publishing, c)
		}
		if pending, _ := c.After["purge_pending"].(map[string]any); pending["BOOL"] == true { // the filter in template.yaml
			w.purging = append(w.purging, c)
		}
	}
	return nil
}

// pullQueue notes the changes in the queue of the local wiring.
func (w *world) pullQueue(ctx context.Context) error {
	due, err := w.raw.(*sqlite.Store).Due(ctx, sqlite.Changes, 1000)
	if err != nil {
		return err
	}
	for _, m := range due {
		if m.Number <= w.queued {
			continue
		}
		var c store.Change
		if err := json.Unmarshal(m.Body, &c); err != nil {
			return err
		}
		w.queued, w.history = m.Number, append(w.history, c)
	}
	return nil
}

// recordOf returns a change as the stream delivers it.
func recordOf(c emulator.Change, at time.Time) events.DynamoDBEventRecord {
	keys := c.After
	if keys == nil {
		keys = c.Before
	}
	return events.DynamoDBEventRecord{Change: events.DynamoDBStreamRecord{
		ApproximateCreationDateTime: events.SecondsEpochTime{Time: at}, SequenceNumber: strconv.Itoa(c.Sequence),
		Keys: imageOf(map[string]any{"a": keys["a"], "id": keys["id"]}), OldImage: imageOf(c.Before), NewImage: imageOf(c.After),
	}}
}

func imageOf(m map[string]any) map[string]events.DynamoDBAttributeValue {
	var image map[string]events.DynamoDBAttributeValue
	text, err := json.Marshal(m)
	if err == nil && m != nil {
		err = json.Unmarshal(text, &image)
	}
	if err != nil {
		panic(err)
	}
	return image
}

// errAgain means that work failed and is delivered again.
var errAgain = errors.New("the message failed and is delivered again")

// publish handles the changes that wait for their events.
func (w *world) publish(a *application) error {
	if w.wiring == local {
		return a.publishQueued()
	}
	for len(w.publishing) > 0 {
		some := w.publishing[:min(len(w.publishing), 100)]
		var e events.DynamoDBEvent
		for _, c := range some {
			e.Records = append(e.Records, recordOf(c, w.now()))
		}
		answer, err := a.publish(a.ctx, e)
		if err != nil || w.inject.dead() {
			return errAgain // Lambda delivers all of them again
		}
		done := len(some)
		if len(answer.BatchItemFailures) > 0 {
			first := answer.BatchItemFailures[0].ItemIdentifier
			done = slices.IndexFunc(some, func(c emulator.Change) bool { return strconv.Itoa(c.Sequence) == first })
		}
		if w.publishing = w.publishing[done:]; done < len(some) {
			return errAgain
		}
		if !w.inject.busy() { // the stream may deliver twice
			_, _ = a.publish(a.ctx, e)
		}
	}
	return nil
}

// publishQueued is publishChanges of local/.
func (a *application) publishQueued() error {
	due, err := a.local.Due(a.ctx, sqlite.Changes, 100)
	if err != nil || len(due) == 0 {
		return err
	}
	changes := make([]store.Change, len(due))
	for i, m := range due {
		if err := json.Unmarshal(m.Body, &changes[i]); err != nil {
			return err
		}
	}
	done, failed := a.follow(a.ctx, changes)
	numbers := make([]int64, done)
	for i, m := range due[:done] {
		numbers[i] = m.Number
	}
	return errors.Join(failed, a.local.Done(context.WithoutCancel(a.ctx), numbers...))
}

// purge removes the audio of deleted recordings: as the function on the stream does, or as
// finishPurges of local/.
func (w *world) purge(a *application) error {
	if w.wiring == local {
		pending, err := a.local.PendingPurges(a.ctx, 100)
		for _, t := range pending {
			err = errors.Join(err, purge.Finish(a.ctx, a.store, a.bucket, t))
		}
		return err
	}
	waiting := w.purging
	if len(waiting) == 0 {
		return nil
	}
	var e events.DynamoDBEvent
	for _, c := range waiting {
		e.Records = append(e.Records, recordOf(c, w.now()))
	}
	answer, err := a.purge(a.ctx, e)
	if err != nil || w.inject.dead() {
		return errAgain
	}
	w.purging = nil
	for _, c := range waiting {
		if slices.ContainsFunc(answer.BatchItemFailures, func(f events.DynamoDBBatchItemFailure) bool {
			return f.ItemIdentifier == strconv.Itoa(c.Sequence)
		}) {
			w.purging = append(w.purging, c)
		}
	}
	if len(w.purging) > 0 {
		return errAgain
	}
	if !w.inject.busy() {
		_, _ = a.purge(a.ctx, e)
	}
	return nil
}

// deliver gives the messages of a queue to their handler. What fails stays.
func (w *world) deliver(a *application, q *queue, handle func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)) error {
	var again error
	for _, m := range q.take(w.now()) {
		if w.inject.dead() {
			q.putBack(m)
			again = errAgain
			continue
		}
		e := events.SQSEvent{Records: []events.SQSMessage{m}}
		answer, err := handle(a.ctx, e)
		if err != nil || len(answer.BatchItemFailures) > 0 || w.inject.dead() {
			q.putBack(m)
			again = errAgain
			continue
		}
		if !w.inject.busy() { // SQS may deliver twice
			_, _ = handle(a.ctx, e)
		}
	}
	return again
}

// arrive ingests new objects of the bucket.
func (w *world) arrive(a *application) error {
	if w.wiring == cloud {
		return w.deliver(a, &w.arrivals, a.ingest)
	}
	for len(a.unqueued) > 0 {
		if err := a.local.Enqueue(a.ctx, sqlite.Arrivals, a.unqueued[0]); err != nil {
			return err
		}
		a.unqueued = a.unqueued[1:]
	}
	due, err := a.local.Due(a.ctx, sqlite.Arrivals, 100)
	for _, m := range due {
		message := events.SQSMessage{MessageId: strconv.FormatInt(m.Number, 10), Body: string(m.Body)}
		answer, failed := a.ingest(a.ctx, events.SQSEvent{Records: []events.SQSMessage{message}})
		switch {
		case failed != nil || len(answer.BatchItemFailures) > 0 || w.inject.dead():
			err = errors.Join(err, errAgain, a.local.PutOff(context.WithoutCancel(a.ctx), m.Number, time.Second, "failed"))
		default:
			err = errors.Join(err, a.local.Done(context.WithoutCancel(a.ctx), m.Number))
		}
	}
	return err
}

// indexAll indexes the recordings of the events, or of the queue of the local wiring.
func (w *world) indexAll(a *application) error {
	if w.wiring == cloud {
		return w.deliver(a, &w.index, a.index)
	}
	due, err := a.local.DueOf(a.ctx, sqlite.Index, account, 100)
	for _, m := range due {
		if failed := a.indexer.Index(a.ctx, account, string(m.Body)); failed != nil {
			err = errors.Join(err, failed, a.local.PutOff(a.ctx, m.Number, time.Second, "failed"))
			continue
		}
		err = errors.Join(err, a.local.Done(context.WithoutCancel(a.ctx), m.Number))
	}
	return err
}

// work works on jobs.
func (w *world) work(a *application) error {
	return w.deliver(a, &w.jobs, func(ctx context.Context, e events.SQSEvent) (r events.SQSEventResponse, err error) {
		m := e.Records[0]
		ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64)
		if err == nil {
			_, err = a.engine.Slice(ctx, job.Message{Account: account, ID: m.MessageId, Sent: time.UnixMilli(ms)})
		}
		return r, err
	})
}

// wakeOnce wakes the workers of jobs, as the schedule of the function work and wakeJobs of local/ do.
func (w *world) wakeOnce(a *application) error {
	_, err := (&job.Book{Entries: a.store, Queue: a, Now: w.now}).WakeWaiting(a.ctx)
	return err
}

// hooksOnce delivers to webhooks.
func (w *world) hooksOnce(a *application) error {
	_, err := a.deliverer.Run(a.ctx)
	return err
}

// sweepOnce removes expired recordings. In the local wiring it also locks held audio.
func (w *world) sweepOnce(a *application) error {
	_, err := a.sweeper.Run(a.ctx)
	if errors.Is(err, sweep.ErrClock) {
		err = nil
	}
	if w.wiring == local {
		_, failed := a.locker.Run(a.ctx)
		err = errors.Join(err, failed)
	}
	return err
}

// reconcileOnce compares the table with the bucket.
func (w *world) reconcileOnce(a *application) error {
	_, err := a.reconciler.Run(a.ctx)
	return err
}

// settled reports whether all queues are empty.
func (w *world) settled(ctx context.Context) (bool, error) {
	if w.arrivals.len()+w.index.len()+w.jobs.len()+len(w.publishing)+len(w.purging) > 0 {
		return false, nil
	}
	s, ok := w.raw.(*sqlite.Store)
	if !ok {
		return true, nil
	}
	pending, err := s.PendingPurges(ctx, 1)
	sum := len(pending)
	for _, q := range []sqlite.Queue{sqlite.Arrivals, sqlite.Changes, sqlite.Index} {
		waiting, parked, failed := s.Counts(ctx, q)
		sum, err = sum+waiting+parked, errors.Join(err, failed)
	}
	return sum == 0, err
}

// maxRounds is how often drain lets everything try again.
const maxRounds = 30

// drain lets the queues and streams deliver until nothing is left.
func (w *world) drain(ctx context.Context) error {
	var last error
	for range maxRounds {
		last = nil
		for _, work := range []func(*application) error{w.arrive, w.publish, w.purge, w.indexAll, w.work, w.hooksOnce} {
			if err := w.pull(ctx); err != nil {
				return err
			}
			if err := w.step(ctx, work); err != nil {
				last = err
			}
		}
		if err := w.pull(ctx); err != nil {
			return err
		}
		done, err := w.settled(ctx)
		if err != nil {
			return err
		}
		if done && last == nil {
			return nil
		}
		w.advance(100 * time.Second)
	}
	return fmt.Errorf("the queues do not run empty: %w", errors.Join(last, errors.New(w.waiting())))
}

// waiting describes what waits.
func (w *world) waiting() string {
	return fmt.Sprintf("%d arrivals, %d events, %d jobs, %d changes, %d purges",
		w.arrivals.len(), w.index.len(), w.jobs.len(), len(w.publishing), len(w.purging))
}

// The time that converge lets pass: sweeps run hourly, and believe a clock that moves by up to
// three hours. After the reconciliations everything that they look for is old enough.
const (
	sweepEvery = 150 * time.Minute
	sweeps     = 24
	reconciles = 12 // every so many sweeps
)

// converge leaves the service to itself for two and a half days. With restart true, another
// process starts first.
func (w *world) converge(ctx context.Context, restart bool) error {
	w.inject.arm(false)
	w.inject.settle()
	if restart {
		if err := w.restart(ctx); err != nil {
			return fmt.Errorf("start: %w", err)
		}
	}
	for i := range sweeps + 1 {
		if err := w.drain(ctx); err != nil {
			return err
		}
		if err := w.silent(ctx); err != nil {
			return err
		}
		w.advance(sweepEvery)
		if err := w.step(ctx, w.sweepOnce); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		if w.mistake == nil || !w.mistake.asleep {
			if err := w.step(ctx, w.wakeOnce); err != nil {
				return fmt.Errorf("wake: %w", err)
			}
		}
		if i%reconciles == reconciles-1 {
			if err := w.step(ctx, w.reconcileOnce); err != nil {
				return fmt.Errorf("reconcile: %w", err)
			}
		}
	}
	return w.drain(ctx)
}
