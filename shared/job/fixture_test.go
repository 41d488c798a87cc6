package job_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/job/jobtest"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// counting is an action over a number of items, one after another. It may work
// on an item again only after a slice that failed.
type counting struct {
	items int
	// fail, if not nil, fails the work on an item.
	fail  func(i int) error
	ended atomic.Int32
	order func(account, id string)
	// end, if not nil, is called by every End.
	end func(ctx context.Context, t *job.Task) error
}

func (c *counting) Plan(_ context.Context, t *job.Task) (bool, error) {
	items := make([]job.Item, c.items)
	for i := range items {
		items[i] = job.Item{ID: fmt.Sprintf("202601-%d", i), Created: 100, Bytes: 10}
	}
	return true, t.AddPlan(items)
}

func (c *counting) Run(ctx context.Context, t *job.Task) (bool, error) {
	at := 0
	if t.Job.Cursor != nil {
		if err := json.Unmarshal(t.Job.Cursor, &at); err != nil {
			return false, err
		}
	}
	items, err := t.Planned(ctx, 0)
	if err != nil {
		return false, err
	}
	if c.order != nil {
		c.order(t.Job.Account, t.Job.ID)
	}
	for first := true; at < len(items); first = false {
		if t.Spent() && !first {
			return false, nil
		}
		if c.fail != nil {
			if err := c.fail(at); err != nil {
				return false, err
			}
		}
		items[at].Outcome = job.Completed
		if err := t.AddReport(items[at:at+1], nil); err != nil {
			return false, err
		}
		at++
		t.Job.Cursor, _ = json.Marshal(at)
		if err := t.Save(ctx); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (c *counting) End(ctx context.Context, t *job.Task) error {
	c.ended.Add(1)
	if c.end != nil {
		return c.end(ctx, t)
	}
	return nil
}

type fixture struct {
	store  *sqlite.Store
	book   *job.Book
	queue  *jobtest.Line
	action *counting
	at     atomic.Int64 // Unix seconds
}

func (f *fixture) now() time.Time { return time.Unix(f.at.Load(), 0) }

func open(t *testing.T, items int) *fixture {
	t.Helper()
	f := &fixture{action: &counting{items: items}}
	f.queue = &jobtest.Line{Now: f.now}
	f.at.Store(1_769_860_800)
	var err error
	f.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), sqlite.Options{Now: f.now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.store.Close() })
	f.book = &job.Book{Entries: f.store, Queue: f.queue, Now: f.now}
	return f
}

// engine returns an engine of another process. Its slices end at the first checkpoint.
func (f *fixture) engine(holder string, entries store.Entries) *job.Engine {
	b := &job.Book{Entries: entries, Queue: f.queue, Now: f.now}
	return job.NewEngine(b, job.Options{
		Actions: map[string]job.Action{"count": f.action}, Lease: time.Minute, Holder: holder, Now: f.now,
	})
}

// start starts a job of an account.
func (f *fixture) start(t *testing.T, account string) *job.Job {
	t.Helper()
	j, err := f.book.Draft(account, "count", nil, audit.Actor{Owner: "anna"}, "why")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.book.Start(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	return j
}

// work works off the queue, ten seconds for each slice.
func (f *fixture) work(t *testing.T, e *job.Engine) {
	t.Helper()
	f.queue.Work(t, e, func() { f.at.Add(10) })
}

// slice does a slice for the first message that is due.
func (f *fixture) slice(t *testing.T, e *job.Engine) {
	t.Helper()
	m, ok := f.queue.Take()
	if !ok {
		t.Fatal("no message is due")
	}
	if _, err := e.Slice(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// confirmed starts a job of the account A, makes its plan and confirms it.
func (f *fixture) confirmed(t *testing.T, e *job.Engine) *job.Job {
	t.Helper()
	j := f.start(t, "A")
	f.work(t, e)
	f.confirm(t, j)
	return j
}

// confirmedTwo is like confirmed for two jobs.
func (f *fixture) confirmedTwo(t *testing.T, e *job.Engine) (first, second *job.Job) {
	t.Helper()
	first, second = f.start(t, "A"), f.start(t, "A")
	f.work(t, e)
	f.confirm(t, first)
	f.confirm(t, second)
	return first, second
}

// failTries lets slices fail until the job has had that many tries. Further slices fail, too.
func (f *fixture) failTries(t *testing.T, e *job.Engine, j *job.Job, tries int) {
	t.Helper()
	f.action.fail = func(int) error { return store.ErrUnavailable }
	for f.get(t, j).Tries < tries {
		f.at.Add(1)
		if m, ok := f.queue.Take(); ok {
			if _, err := e.Slice(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (f *fixture) get(t *testing.T, j *job.Job) *job.Job {
	t.Helper()
	got, err := f.book.Get(t.Context(), j.Account, j.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (f *fixture) confirm(t *testing.T, j *job.Job) {
	t.Helper()
	if _, err := f.book.Confirm(t.Context(), j.Account, j.ID, job.Confirmation{Plan: f.get(t, j).Plan.Totals}, ok); err != nil {
		t.Fatal(err)
	}
}

func ok() error { return nil }
