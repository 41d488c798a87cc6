package job_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/store"
)

// slow is an action that plans nothing until its context ends.
type slow struct{}

func (slow) Plan(ctx context.Context, _ *job.Task) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

func (slow) Run(context.Context, *job.Task) (bool, error) { return true, nil }

func (slow) End(context.Context, *job.Task) error { return nil }

// A slice that takes too long counts as a failure while its process still runs. Otherwise a
// job that can never finish a slice would be tried for ever.
func TestSlicesFailBeforeTheirProcessEnds(t *testing.T) {
	t.Parallel()
	f := open(t, 1)
	j := f.start(t, "A")
	e := job.NewEngine(f.book, job.Options{Actions: map[string]job.Action{"count": slow{}}, Lease: time.Minute, Holder: "1", Now: f.now})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+200*time.Millisecond)
	defer cancel()
	m, _ := f.queue.Take()
	if worked, err := e.Slice(ctx, m); err != nil || !worked || ctx.Err() != nil {
		t.Fatalf("worked %t, %v; the process: %v", worked, err, ctx.Err())
	}
	if got := f.get(t, j); got.Tries != 1 || got.State != job.Planning || got.Cause == "" {
		t.Errorf("%+v", got)
	}
}

// A job that fails keeps its delays while another job of the account goes on. Otherwise it
// would use up its tries in minutes.
func TestDelaysWithAnotherJob(t *testing.T) {
	t.Parallel()
	const items = 300
	f := open(t, items)
	e := f.engine("1", f.store)
	bad, good := f.confirmedTwo(t, e)
	var tries []int64
	working := ""
	f.action.order = func(_, id string) { working = id }
	f.action.fail = func(int) error {
		if working != bad.ID {
			return nil
		}
		tries = append(tries, f.at.Load())
		return store.ErrUnavailable
	}
	f.work(t, e)
	if got := f.get(t, bad); got.State != job.Failed || len(tries) != 20 {
		t.Fatalf("%s after %d tries", got.State, len(tries))
	}
	for n := 1; n < len(tries); n++ {
		if waited, least := tries[n]-tries[n-1], int64(min(1<<n, 600)); waited < least || waited > least+60 {
			t.Errorf("try %d came after %d s, want %d", n+1, waited, least)
		}
	}
	if got := f.get(t, good); got.State != job.Done || int64(got.Ended-got.Confirmed) > items*20 {
		t.Errorf("the other job: %s after %d s", got.State, got.Ended-got.Confirmed)
	}
}

// A job that waits for its next try is cancelled at once.
func TestACancelledJobDoesNotWait(t *testing.T) {
	t.Parallel()
	f := open(t, 1)
	e := f.engine("1", f.store)
	j := f.confirmed(t, e)
	f.failTries(t, e, j, 9)
	if _, err := f.book.Cancel(t.Context(), "A", j.ID, ok); err != nil {
		t.Fatal(err)
	}
	f.slice(t, e)
	if got := f.get(t, j); got.State != job.Cancelled {
		t.Errorf("%+v", got)
	}
}

// A cancelled job cleans up with as many tries as any other phase, even if its work has used up
// nearly all of its own.
func TestACancelledJobHasTriesForItsCleanup(t *testing.T) {
	t.Parallel()
	f := open(t, 1)
	e := f.engine("1", f.store)
	j := f.confirmed(t, e)
	f.failTries(t, e, j, 19)
	f.action.end = func(context.Context, *job.Task) error {
		if f.action.ended.Load() == 1 {
			return store.ErrUnavailable
		}
		return nil
	}
	if _, err := f.book.Cancel(t.Context(), "A", j.ID, ok); err != nil {
		t.Fatal(err)
	}
	f.work(t, e)
	if got := f.get(t, j); got.State != job.Cancelled || f.action.ended.Load() != 2 {
		t.Errorf("%+v after %d cleanups", got, f.action.ended.Load())
	}
}

// A client repeats its confirmation, or its cancellation, while the job waits for its next try.
// That wakes no worker, which would find nothing to do.
func TestRetriesOfAClientWakeNoWorker(t *testing.T) {
	t.Parallel()
	f := open(t, 1)
	e := f.engine("1", f.store)
	j := f.confirmed(t, e)
	f.action.fail = func(int) error { return store.ErrUnavailable }
	f.action.end = func(context.Context, *job.Task) error { return store.ErrUnavailable }
	cancel := func() {
		t.Helper()
		if _, err := f.book.Cancel(t.Context(), "A", j.ID, ok); err != nil {
			t.Fatal(err)
		}
	}
	f.slice(t, e)
	for range 3 {
		f.confirm(t, j)
	}
	if n := f.queue.Len(); n != 1 { // that of the retry
		t.Errorf("%d messages after confirmations, want 1", n)
	}
	cancel()
	f.slice(t, e)
	waiting := f.queue.Len()
	for range 3 {
		cancel()
	}
	if n := f.queue.Len(); n != waiting {
		t.Errorf("%d messages after cancellations, want %d", n, waiting)
	}
	f.at.Add(60)
	for range 3 { // the try is due, so the message may have been lost
		cancel()
	}
	if n := f.queue.Len(); n != waiting+3 {
		t.Errorf("%d messages once the try is due, want %d", n, waiting+3)
	}
}

// A job may work for longer than jobs are kept: a process that starts must still find it.
func TestALongJobStaysInTheIndex(t *testing.T) {
	t.Parallel()
	const days = 40
	f := open(t, days)
	e := f.engine("1", f.store)
	j := f.confirmed(t, e)
	for range days - 1 {
		f.at.Add(24 * 60 * 60)
		f.slice(t, e)
		if woken, err := f.book.WakeWaiting(t.Context()); err != nil || woken != 1 {
			t.Fatalf("after %d items: %d accounts wait, %v", f.get(t, j).Reports, woken, err)
		}
	}
	f.work(t, e)
	if got := f.get(t, j); got.State != job.Done || got.Progress.Done.Count != days {
		t.Errorf("%+v", got)
	}
}

// The operator gets the causes of failures, which clients do not see.
func TestCausesOfFailures(t *testing.T) {
	t.Parallel()
	f := open(t, 1)
	secret := errors.New("the item 7 is malformed")
	f.action.fail = func(int) error { return secret }
	var causes []error
	b := &job.Book{Entries: f.store, Queue: f.queue, Now: f.now}
	e := job.NewEngine(b, job.Options{
		Actions: map[string]job.Action{"count": f.action}, Lease: time.Minute, Holder: "1", Now: f.now,
		Failed: func(_ context.Context, j *job.Job, cause error) {
			if j.Account != "A" || j.Tries != 1 || j.Cause != "unspecified fault" {
				t.Errorf("%+v", j)
			}
			causes = append(causes, cause)
		},
	})
	j := f.confirmed(t, e)
	f.work(t, e)
	if got := f.get(t, j); got.State != job.Failed || len(causes) != 1 || !errors.Is(causes[0], secret) {
		t.Errorf("%+v, causes %v", got, causes)
	}
}

// Jobs may be large, so a page has few of them, even if the request asks for more.
func TestPagesOfJobsAreSmall(t *testing.T) {
	t.Parallel()
	f := open(t, 1)
	e := f.engine("1", f.store)
	const many = 120
	for range many {
		j := f.start(t, "A")
		if _, err := f.book.Cancel(t.Context(), "A", j.ID, ok); err != nil {
			t.Fatal(err)
		}
		f.work(t, e)
	}
	var sizes []int
	seen := map[string]bool{}
	for after, first := "", true; first || after != ""; first = false {
		jobs, next, err := f.book.List(t.Context(), "A", after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs {
			seen[j.ID] = true
		}
		sizes, after = append(sizes, len(jobs)), next
	}
	if !slices.Equal(sizes, []int{50, 50, 20}) || len(seen) != many {
		t.Errorf("pages of %v jobs, with %d different ones", sizes, len(seen))
	}
}

// The cleanup of a job that fails is tried as often as its work, and its outcome is stored. The
// job fails for the reason for which its work did.
func TestACleanupIsTriedAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		failed int32
		err    error
		cause  string
		result string
	}{
		{"soon", 3, store.ErrUnavailable, "too large", `"cleaned"`},
		{"in the last try", 19, store.ErrUnavailable, "too large", `"cleaned"`},
		{"never", 20, store.ErrUnavailable, "too large; and the cleanup failed", ""},
		{"a bug", 1, errors.New("a bug"), "too large; and the cleanup failed", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, 1)
			e := f.engine("1", f.store)
			f.action.fail = func(int) error { return &job.ProblemError{Text: "too large"} }
			j := f.confirmed(t, e)
			f.action.end = func(_ context.Context, task *job.Task) error {
				if got := f.get(t, j); got.State != job.Failing || got.Cause != "too large" || got.Ended != 0 {
					t.Errorf("meanwhile: %+v", got)
				}
				if _, err := f.book.Cancel(t.Context(), "A", j.ID, ok); !errors.Is(err, job.ErrEnded) {
					t.Errorf("cancelled meanwhile: %v", err)
				}
				if f.action.ended.Load() <= c.failed {
					return c.err
				}
				task.Job.Result = []byte(`"cleaned"`)
				return nil
			}
			f.work(t, e)
			if got := f.get(t, j); got.State != job.Failed || got.Cause != c.cause || string(got.Result) != c.result || got.Ended == 0 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A cleanup that takes all of the time of its slice, every time, delays no other job of the
// account for longer than a slice, and ends.
func TestALongCleanupHoldsUpNoOtherJob(t *testing.T) {
	t.Parallel()
	f := open(t, 3)
	e := f.engine("1", f.store)
	bad, good := f.confirmedTwo(t, e)
	working := ""
	f.action.order = func(_, id string) { working = id }
	f.action.fail = func(int) error {
		if working == bad.ID {
			return &job.ProblemError{Text: "too large"}
		}
		return nil
	}
	f.action.end = func(ctx context.Context, _ *job.Task) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for range 200 {
		f.at.Add(100)
		m, due := f.queue.Take()
		if !due {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+50*time.Millisecond)
		if _, err := e.Slice(ctx, m); err != nil {
			t.Error(err)
			f.queue.Again(m)
		}
		cancel()
	}
	if got := f.get(t, good); got.State != job.Done {
		t.Errorf("the other job: %+v", got)
	}
	if got := f.get(t, bad); got.State != job.Failed || got.Cause != "too large; and the cleanup failed" {
		t.Errorf("%+v", got)
	}
}

// A process can die after it has started, confirmed or cancelled a job, and before it has woken a
// worker. WakeWaiting wakes one, once for each account, and not before a job may try again.
func TestJobsWhoseMessageWasLost(t *testing.T) {
	t.Parallel()
	f := open(t, 1)
	e := f.engine("1", f.store)
	lose := func() {
		t.Helper()
		if _, ok := f.queue.Take(); !ok || f.queue.Len() != 0 {
			t.Fatal("want one message")
		}
	}
	wake := func(want int) {
		t.Helper()
		if woken, err := f.book.WakeWaiting(t.Context()); err != nil || woken != want || f.queue.Len() != want {
			t.Fatalf("%d accounts with %d messages, %v; want %d", woken, f.queue.Len(), err, want)
		}
	}
	j := f.start(t, "A")
	lose()
	other, third := f.start(t, "A"), f.start(t, "B")
	for range 2 {
		if _, ok := f.queue.Take(); !ok {
			t.Fatal("want two messages")
		}
	}
	wake(2)
	f.work(t, e)
	if a, b, c := f.get(t, j), f.get(t, other), f.get(t, third); a.State != job.Planned || b.State != job.Planned || c.State != job.Planned {
		t.Fatalf("%s, %s and %s, want all planned", a.State, b.State, c.State)
	}
	wake(0)
	f.confirm(t, j)
	lose()
	wake(1)
	f.work(t, e)
	if _, err := f.book.Cancel(t.Context(), "A", other.ID, ok); err != nil {
		t.Fatal(err)
	}
	lose()
	wake(1)
	f.work(t, e)
	if a, b := f.get(t, j), f.get(t, other); a.State != job.Done || b.State != job.Cancelled {
		t.Errorf("%s and %s, want done and cancelled", a.State, b.State)
	}
	f.action.fail = func(int) error { return store.ErrUnavailable }
	f.confirm(t, third)
	f.slice(t, e)
	f.at.Add(2)
	lose() // the message of the retry, due 2 seconds after the failure
	f.at.Add(-2)
	wake(1)
	if _, due := f.queue.Take(); due {
		t.Error("the message is due before the retry")
	}
}
