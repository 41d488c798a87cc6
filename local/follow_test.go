package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/local/eventlog"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// due returns the number of messages that are due.
func due(t *testing.T, b *box, q sqlite.Queue) int {
	t.Helper()
	all, err := b.store.Due(t.Context(), q, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// A change stays in the queue until its event is delivered.
func TestAChangeStaysQueuedUntilItIsDelivered(t *testing.T) {
	t.Parallel()
	b, _, _ := newBox(t)
	if err := b.store.Put(t.Context(), &recording.Recording{Account: "a", ID: "202601-a", Created: 1, Document: "{}"}); err != nil {
		t.Fatal(err)
	}
	if err := b.events.Close(); err != nil { // every delivery fails
		t.Fatal(err)
	}
	if _, err := b.publishChanges(t.Context()); err == nil {
		t.Error("publishChanges without a log = nil, want an error")
	}
	if n := due(t, b, sqlite.Changes); n != 1 {
		t.Fatalf("%d changes are queued after a failed delivery, want 1", n)
	}
	var err error
	if b.events, err = eventlog.Open(b.dir.File("events.jsonl"), eventlog.Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.publishChanges(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := eventsOf(t, b.dir.Path); due(t, b, sqlite.Changes) != 0 || len(got) != 1 {
		t.Errorf("%d changes are queued and the events are %+v, want none and one", due(t, b, sqlite.Changes), got)
	}
}

// A damaged change does not hold up those after it. It is parked and reported every hour, and
// cursors from before it are too old.
func TestADamagedChangeIsParked(t *testing.T) {
	t.Parallel()
	b, _, log := newBox(t)
	changes := feed.New(b.store, b.now)
	before, err := changes.Now(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Enqueue(t.Context(), sqlite.Changes, []byte(`{"After":`)); err != nil {
		t.Fatal(err)
	}
	if err := b.store.Put(t.Context(), &recording.Recording{Account: "a", ID: "202601-a", Created: 1, Document: "{}"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.publishChanges(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := eventsOf(t, b.dir.Path); len(got) != 1 {
		t.Errorf("the events are %+v, want that of the recording", got)
	}
	waiting, parked, err := b.store.Counts(t.Context(), sqlite.Changes)
	if waiting != 0 || parked != 1 || err != nil {
		t.Errorf("%d changes wait and %d are parked, %v, want 0 and 1", waiting, parked, err)
	}
	if _, err := changes.Page(t.Context(), "a", before, 10); !errors.Is(err, feed.ErrTooOld) {
		t.Errorf("a cursor from before: %v, want %v", err, feed.ErrTooOld)
	}
	b.retryParked(t.Context())
	for _, want := range []string{"a change is damaged", `changes are parked, because they are damaged; their events are missing","parked":1`} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("the log is %s, want one line with %q", log, want)
		}
	}
}

// respond returns an ingest function that fails for the messages that failing selects.
func respond(failing func(body string) bool) ingest {
	return func(_ context.Context, e events.SQSEvent) (r events.SQSEventResponse, err error) {
		for _, m := range e.Records {
			if failing(m.Body) {
				r.BatchItemFailures = append(r.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			}
		}
		return r, nil
	}
}

// A failed arrival stays in the queue and is retried. After maxTries it is parked,
// logged without a phone number, and counted separately. It is then retried once an
// hour.
func TestAFailedArrivalIsTriedAgain(t *testing.T) {
	t.Parallel()
	b, now, log := newBox(t)
	for _, key := range []string{"inbox/acc/+15550100.mp3", "recordings/acc/202601/202601-good"} {
		b.enqueueArrival(t.Context(), datadir.RecheckEvent(key))
	}
	failing := true
	a := b.newArrivals(respond(func(body string) bool { return failing && strings.Contains(body, "inbox") }))
	counts := func(waiting, parked int) {
		t.Helper()
		if w, s, err := b.store.Counts(t.Context(), sqlite.Arrivals); w != waiting || s != parked || err != nil {
			t.Fatalf("%d arrivals wait and %d are parked, %v, want %d and %d", w, s, err, waiting, parked)
		}
	}
	for try := range maxTries {
		counts(map[bool]int{true: 2, false: 1}[try == 0], 0)
		if err := a.takeTurn(t.Context(), "acc"); err != nil {
			t.Fatal(err)
		}
		now.add(firstRetry << try)
	}
	counts(0, 1)
	if n := strings.Count(log.String(), `"msg":"an arrival is parked`); n != 1 || strings.Contains(log.String(), "15550100") ||
		!strings.Contains(log.String(), `"object":"inbox/acc/#`) {
		t.Errorf("the log is %s, want one line that names the arrival without its number", log)
	}
	b.retryParked(t.Context())
	if !strings.Contains(log.String(), `"parked":1,"waiting":0`) {
		t.Errorf("the log is %s, want the number of parked arrivals", log)
	}
	counts(1, 0)
	if err := a.takeTurn(t.Context(), "acc"); err != nil {
		t.Fatal(err)
	}
	counts(0, 1)
	if n := strings.Count(log.String(), `"msg":"an arrival is parked`); n != 1 {
		t.Errorf("%d lines name the arrival, want 1", n)
	}
	failing = false
	b.retryParked(t.Context())
	if err := a.takeTurn(t.Context(), "acc"); err != nil {
		t.Fatal(err)
	}
	counts(0, 0)
}

// A parked arrival is given up after two weeks of tries, and not before.
func TestAParkedArrivalIsGivenUp(t *testing.T) {
	t.Parallel()
	b, now, log := newBox(t)
	b.enqueueArrival(t.Context(), datadir.RecheckEvent("inbox/acc/+15550100.mp3"))
	a := b.newArrivals(respond(func(string) bool { return true }))
	begun := b.now()
	left := 1
	for try := 0; left > 0; try++ {
		if try >= maxTries {
			now.add(retryParkedEvery)
			b.retryParked(t.Context())
		} else {
			now.add(firstRetry << try)
		}
		if err := a.takeTurn(t.Context(), "acc"); err != nil {
			t.Fatal(err)
		}
		waiting, parked, err := b.store.Counts(t.Context(), sqlite.Arrivals)
		if left = waiting + parked; err != nil || try > 1000 {
			t.Fatalf("%d arrivals are left after %d tries, %v", left, try+1, err)
		}
	}
	if took := b.now().Sub(begun).Round(time.Hour); took != 14*24*time.Hour {
		t.Errorf("the arrival is given up after %v, want two weeks", took)
	}
	if text := log.String(); strings.Count(text, "an arrival is given up") != 1 || strings.Contains(text, "15550100") {
		t.Errorf("the log is %s, want one line that names the arrival without its number", text)
	}
}

// A failure that lasts is logged at once, when it changes, and then once a minute.
func TestALastingFailureIsLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &buffer{}
		b := &box{log: slog.New(slog.NewJSONHandler(log, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		cause := errors.New("the disk is full")
		var mu sync.Mutex
		go b.poll(ctx, func(context.Context) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			return false, cause
		})
		lines := func(want int) {
			t.Helper()
			synctest.Wait()
			if n := strings.Count(log.String(), "\n"); n != want {
				t.Errorf("after %v: %d lines, want %d", time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), n, want)
			}
		}
		set := func(err error) {
			mu.Lock()
			defer mu.Unlock()
			cause = err
		}
		time.Sleep(30 * time.Second)
		lines(1)
		time.Sleep(9*time.Minute + 45*time.Second)
		lines(11)
		set(errors.New("no such file"))
		time.Sleep(2 * interval)
		lines(12)
		set(nil)
		time.Sleep(2 * interval)
		set(errors.New("no such file"))
		time.Sleep(2 * interval)
		lines(13)
		cancel()
	})
}

// An arrival also stays in the queue if its whole invocation fails.
func TestAnArrivalOfAFailedInvocationIsTriedAgain(t *testing.T) {
	t.Parallel()
	b, now, _ := newBox(t)
	b.enqueueArrival(t.Context(), datadir.RecheckEvent("recordings/acc/202601/202601-a"))
	failure := errors.New("no memory")
	a := b.newArrivals(func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
		return events.SQSEventResponse{}, failure
	})
	if err := a.takeTurn(t.Context(), "acc"); err != nil {
		t.Fatal(err)
	}
	now.add(firstRetry)
	if all, err := b.store.Due(t.Context(), sqlite.Arrivals, 10); err != nil || len(all) != 1 || all[0].Tries != 1 {
		t.Fatalf("due = %+v, %v, want the arrival with one try", all, err)
	}
	failure = nil
	if err := a.takeTurn(t.Context(), "acc"); err != nil || due(t, b, sqlite.Arrivals) != 0 {
		t.Errorf("takeTurn = %v with %d arrivals left, want none", err, due(t, b, sqlite.Arrivals))
	}
}

// An arrival is in the queue when enqueueArrival returns, even if another process
// holds the database for a while.
func TestAnArrivalIsQueuedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	b, _, _ := newBox(t)
	unlock := lockDatabase(t, b)
	time.AfterFunc(300*time.Millisecond, unlock)
	b.enqueueArrival(t.Context(), datadir.RecheckEvent("recordings/a/202601/202601-a"))
	if n := due(t, b, sqlite.Arrivals); n != 1 {
		t.Errorf("%d arrivals are queued when enqueueArrival returns, want 1", n)
	}
}

// An event that could not be queued is queued once the database answers again.
func TestAnEventThatCouldNotBeQueuedIsRetried(t *testing.T) {
	t.Parallel()
	b, _, log := newBox(t)
	good := b.store
	broken, err := b.dir.OpenStore(t.Context(), b.now)
	if err != nil {
		t.Fatal(err)
	}
	if err := broken.Close(); err != nil { // every write fails
		t.Fatal(err)
	}
	b.store = broken
	for n := range 3 {
		b.enqueueArrival(t.Context(), datadir.RecheckEvent("recordings/a/202601/202601-"+strconv.Itoa(n)))
	}
	if err := b.retryUnqueued(t.Context()); err == nil {
		t.Error("retryUnqueued without a database = nil, want an error")
	}
	b.store = good
	b.retryFailed(t.Context())
	if n := due(t, b, sqlite.Arrivals); n != 3 {
		t.Errorf("%d arrivals are queued, want 3: %s", n, log)
	}
	b.retryFailed(t.Context())
	if n := due(t, b, sqlite.Arrivals); n != 3 {
		t.Errorf("%d arrivals are queued after another retry, want 3", n)
	}
}

// A slow arrival delays only its own account and uses up no tries of other accounts.
// A new account does not wait for the backlog of the others.
func TestASlowArrivalDelaysOnlyItsAccount(t *testing.T) {
	t.Parallel()
	b, _, _ := newBox(t)
	for n := range 200 {
		for _, account := range []string{"slow", "big1", "big2", "big3", "big4", "big5"} {
			b.enqueueArrival(t.Context(), datadir.RecheckEvent(fmt.Sprintf("inbox/%s/%d.mp3", account, n)))
		}
	}
	b.enqueueArrival(t.Context(), datadir.RecheckEvent("inbox/new/0.mp3"))
	release := make(chan struct{})
	var mu sync.Mutex
	var order []string
	a := b.newArrivals(func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		body := e.Records[0].Body
		_, account, _ := strings.Cut(body, `"key":"inbox/`)
		account, _, _ = strings.Cut(account, "/")
		if account == "slow" {
			<-release
		}
		mu.Lock()
		defer mu.Unlock()
		order = append(order, account)
		return events.SQSEventResponse{}, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); a.follow(ctx) }()
	at := -1
	for end := time.Now().Add(20 * time.Second); at < 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		mu.Lock()
		for i, account := range order {
			if account == "new" {
				at = i
			}
		}
		mu.Unlock()
	}
	if most := 6 * turn; at < 0 || at > most { // one turn of each of the others
		t.Errorf("the arrival of the new account was number %d, want it among the first %d", at, most)
	}
	mu.Lock()
	for _, account := range order {
		if account == "slow" {
			t.Error("a slow arrival is done, want it still in progress")
		}
	}
	mu.Unlock()
	cancel()
	close(release)
	<-done
}

// An arrival that is interrupted by a shutdown does not use up a try.
func TestAStopCostsNoTry(t *testing.T) {
	t.Parallel()
	b, _, _ := newBox(t)
	b.enqueueArrival(t.Context(), datadir.RecheckEvent("inbox/a/0.mp3"))
	started := make(chan struct{})
	a := b.newArrivals(func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		close(started)
		<-ctx.Done()
		return events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{{ItemIdentifier: e.Records[0].MessageId}}}, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); a.follow(ctx) }()
	<-started
	cancel()
	<-done
	all, err := b.store.Due(t.Context(), sqlite.Arrivals, 10)
	if err != nil || len(all) != 1 || all[0].Tries != 0 {
		t.Errorf("due = %+v, %v, want the arrival without a try", all, err)
	}
}

// Polling of a queue continues after an error.
func TestPollingGoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &box{log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		calls := 0
		go b.poll(ctx, func(context.Context) (bool, error) {
			calls++
			return false, fmt.Errorf("call %d", calls)
		})
		time.Sleep(10*interval + interval/2)
		cancel()
		synctest.Wait()
		if calls != 11 {
			t.Errorf("%d calls, want 11", calls)
		}
	})
}
