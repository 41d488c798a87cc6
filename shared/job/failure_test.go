package job_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/job"
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
	j := f.start(t, "A")
	f.work(t, e)
	f.confirm(t, j)
	f.work(t, e)
	if got := f.get(t, j); got.State != job.Failed || len(causes) != 1 || !errors.Is(causes[0], secret) {
		t.Errorf("%+v, causes %v", got, causes)
	}
}

// Jobs may be large, so a page has few of them, whatever its size should be.
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
