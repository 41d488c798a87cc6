package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/incoming/bucket"
	"github.com/callrecordings/api/shared/store/sqlite"
)

const (
	// invocation is how long one arrival may take, like the timeout of the
	// function in template.yaml.
	invocation = time.Minute
	// maxTries is how often an arrival is tried before it is parked.
	// firstRetry is the wait after the first failure; each further wait is twice
	// as long. A parked arrival gets one try an hour (see upkeep), and
	// `recordings replay` retries it at once.
	maxTries   = 8
	firstRetry = time.Second
	// parkedTries is how many tries a parked arrival gets: two weeks of them. In the
	// cloud, the dead-letter queue drops it after two weeks.
	parkedTries = 14 * 24
	// accountsAtOnce is how many accounts have an arrival in progress at once.
	accountsAtOnce = 4
	// turn is how many arrivals of an account are processed before the next
	// account has its turn.
	turn = 10
)

// grace is the age at which audio without a document becomes a recording of its
// own. It is short, because local uploads store the document right after the audio.
const grace = 5 * time.Second

// ingester returns the handler of arrivals.
func (b *box) ingester() bucket.Ingester {
	return bucket.Ingester{
		Store: b.watched(), Holds: hold.Keeper{Store: b.store, Locked: true}, Audio: b.bucket, Names: b.names,
		MaxBytes: b.settings.MaxAudioBytes, Grace: grace, Now: b.now,
	}
}

// ingestQueue returns the handler of messages from the queue of arrivals.
func (b *box) ingestQueue() ingest {
	return bucket.Handler(bucket.Queue{
		Route: string(config.Ingest), Bucket: datadir.Bucket, Ingest: b.ingester().Ingest, Log: b.log, Now: b.now,
	})
}

// ingest handles messages from the queue of arrivals, as the function of that
// name does.
type ingest func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

// unqueued holds the S3 events that could not be queued, for a retry. The events are
// lost if the process ends; the next start then finds their objects.
type unqueued struct {
	mu     sync.Mutex
	events [][]byte
}

// maxUnqueued limits the memory for unqueued events. Events beyond the limit are
// dropped; the search for orphans finds their objects.
const maxUnqueued = 10_000

func (u *unqueued) add(events ...[]byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.events = append(u.events, events...)
	if len(u.events) > maxUnqueued {
		u.events = u.events[:maxUnqueued]
	}
}

// take returns the events and clears the list.
func (u *unqueued) take() [][]byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.events
	u.events = nil
	return taken
}

// enqueueArrival puts the S3 event of a new object into the queue of arrivals
// before it returns, and thus before the upload is answered. An event that cannot be
// queued is kept for retryUnqueued. Demo recordings need no ingest, because they are
// stored with their documents.
func (b *box) enqueueArrival(ctx context.Context, event []byte) {
	if b.seeding.Load() {
		return
	}
	if err := b.store.Enqueue(context.WithoutCancel(ctx), sqlite.Arrivals, event); err != nil {
		b.unqueued.add(event)
		b.log.ErrorContext(ctx, "an S3 event could not be queued and will be retried", slog.String("cause", err.Error()))
	}
}

// retryUnqueued queues the events that could not be queued before.
func (b *box) retryUnqueued(ctx context.Context) error {
	waiting := b.unqueued.take()
	for i, event := range waiting {
		if err := b.store.Enqueue(ctx, sqlite.Arrivals, event); err != nil {
			b.unqueued.add(waiting[i:]...)
			return fmt.Errorf("queue %d S3 events: %w", len(waiting)-i, err)
		}
	}
	return nil
}

// arrivals processes the queue of arrivals. Accounts take turns, and a slow
// arrival delays only its own account. The arrivals of one account are processed
// one after the other, each with the time of a whole invocation.
type arrivals struct {
	*box
	ingest ingest

	mu      sync.Mutex
	busy    map[string]bool // accounts with an arrival in progress
	served  map[string]int  // the turn that an account had last
	turns   int
	running sync.WaitGroup
	wake    chan struct{} // receives when an account's turn ends
}

func (b *box) newArrivals(i ingest) *arrivals {
	return &arrivals{box: b, ingest: i, busy: map[string]bool{}, served: map[string]int{}, wake: make(chan struct{}, 1)}
}

// follow processes arrivals until ctx ends, and then waits for those in progress.
func (a *arrivals) follow(ctx context.Context) {
	defer a.running.Wait()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var failed failure
	for ctx.Err() == nil {
		if err := a.dispatch(ctx); failed.news(err) && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "reading the queue of arrivals failed and will be retried", slog.String("cause", err.Error()))
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-a.wake:
		}
	}
}

// dispatch gives a turn to accounts with due arrivals, as long as there is room.
func (a *arrivals) dispatch(ctx context.Context) error {
	due, err := a.store.DueAccounts(ctx, sqlite.Arrivals)
	if err != nil {
		return err
	}
	for _, account := range a.choose(due) {
		a.running.Go(func() {
			if err := a.takeTurn(ctx, account); err != nil && ctx.Err() == nil {
				a.log.ErrorContext(ctx, "processing arrivals failed and will be retried", slog.String("cause", err.Error()))
			}
			a.release(account)
		})
	}
	return nil
}

// choose returns the accounts that have their turn now and marks them as busy.
// The account that has waited longest since its last turn comes first.
func (a *arrivals) choose(due []string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	slices.SortStableFunc(due, func(x, y string) int { return a.served[x] - a.served[y] })
	var chosen []string
	for _, account := range due {
		if !a.busy[account] && len(a.busy) < accountsAtOnce {
			a.busy[account] = true
			a.turns++
			a.served[account] = a.turns
			chosen = append(chosen, account)
		}
	}
	return chosen
}

// release ends the turn of an account.
func (a *arrivals) release(account string) {
	a.mu.Lock()
	delete(a.busy, account)
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// takeTurn processes the next arrivals of an account.
func (a *arrivals) takeTurn(ctx context.Context, account string) error {
	due, err := a.store.DueOf(ctx, sqlite.Arrivals, account, turn)
	for _, m := range due {
		if ctx.Err() != nil {
			break
		}
		err = errors.Join(err, a.process(ctx, account, m))
	}
	return err
}

// process passes one message to ingest, as SQS and Lambda do. The message is removed
// from the queue only after ingest has succeeded.
func (a *arrivals) process(ctx context.Context, account string, m sqlite.Message) error {
	invoked, cancel := invocationContext(ctx)
	defer cancel()
	message := events.SQSMessage{MessageId: strconv.FormatInt(m.Number, 10), Body: string(m.Body)}
	answer, err := a.ingest(invoked, events.SQSEvent{Records: []events.SQSMessage{message}})
	// Storing the result must not fail because ingest used up the time limit.
	stored := context.WithoutCancel(ctx)
	switch {
	case err == nil && len(answer.BatchItemFailures) == 0:
		return a.store.Done(stored, m.Number)
	case ctx.Err() != nil && invoked.Err() != nil: // a server shutdown does not count as a try
		return nil
	}
	if m.Tries+1 >= maxTries+parkedTries {
		a.log.ErrorContext(ctx, "an arrival is given up after two weeks; its object stays in the bucket",
			slog.String("account", account), slog.String("object", objectOf(m.Body)), slog.Int64("message", m.Number))
		return a.store.Done(stored, m.Number)
	}
	wait := pause(m.Tries)
	if wait < 0 && m.Tries+1 == maxTries {
		a.log.ErrorContext(ctx, "an arrival is parked; it gets one try an hour, and `recordings replay` retries it at once",
			slog.String("account", account), slog.String("object", objectOf(m.Body)), slog.Int64("message", m.Number))
	}
	return a.store.PutOff(stored, m.Number, wait, "ingest failed; see the log")
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

// pause returns the wait before the next try of a message that had already failed
// tries times before this failure. It is negative if the message must be parked.
func pause(tries int) time.Duration {
	if tries+1 >= maxTries {
		return -1
	}
	return firstRetry << tries
}
