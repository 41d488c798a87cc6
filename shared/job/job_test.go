package job_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
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

func (c *counting) End(context.Context, *job.Task) error { c.ended.Add(1); return nil }

// queue is a queue in memory.
type queue struct {
	now  func() time.Time
	mu   sync.Mutex
	sent int
	line []job.Message
}

func (q *queue) Wake(_ context.Context, account string, _ time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent++
	q.line = append(q.line, job.Message{Account: account, ID: strconv.Itoa(q.sent), Sent: q.now()})
	return nil
}

// again delivers a message again.
func (q *queue) again(m job.Message) { q.line = append(q.line, m) }

func (q *queue) take() (m job.Message, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.line) == 0 {
		return m, false
	}
	m = q.line[0]
	q.line = q.line[1:]
	return m, true
}

type fixture struct {
	store  *sqlite.Store
	book   *job.Book
	queue  *queue
	action *counting
	at     atomic.Int64 // Unix seconds
}

func (f *fixture) now() time.Time { return time.Unix(f.at.Load(), 0) }

func open(t *testing.T, items int) *fixture {
	t.Helper()
	f := &fixture{action: &counting{items: items}}
	f.queue = &queue{now: f.now}
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
	for n := 0; ; n++ {
		m, ok := f.queue.take()
		if !ok {
			return
		}
		if n > 10_000 {
			t.Fatal("the work does not end")
		}
		f.at.Add(10)
		if _, err := e.Slice(t.Context(), m); err != nil {
			f.queue.again(m)
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
	if _, err := f.book.Confirm(t.Context(), j.Account, j.ID, f.get(t, j).Plan.Totals, audit.Actor{}, "", ok); err != nil {
		t.Fatal(err)
	}
}

func ok() error { return nil }

func TestAPlanWaitsForItsConfirmation(t *testing.T) {
	t.Parallel()
	f := open(t, 3)
	e := f.engine("1", f.store)
	j := f.start(t, "A")
	if _, err := f.book.Confirm(t.Context(), "A", j.ID, job.Totals{}, audit.Actor{}, "", ok); !errors.Is(err, job.ErrNotPlanned) {
		t.Errorf("confirmation without a plan: %v", err)
	}
	f.work(t, e)
	got := f.get(t, j)
	if got.State != job.Planned || got.Plan.Totals != (job.Totals{Count: 3, Bytes: 30}) || got.Progress.Done.Count != 0 {
		t.Fatalf("after planning: %+v", got)
	}
	for _, wrong := range []job.Totals{{Count: 3, Bytes: 29}, {Count: 2, Bytes: 30}, {}} {
		if _, err := f.book.Confirm(t.Context(), "A", j.ID, wrong, audit.Actor{}, "", ok); !errors.Is(err, job.ErrOtherPlan) {
			t.Errorf("confirmation of %+v: %v", wrong, err)
		}
	}
	f.confirm(t, j)
	f.confirm(t, j) // a retry
	f.work(t, e)
	f.confirm(t, j) // a retry after the end starts nothing
	f.work(t, e)
	got = f.get(t, j)
	if got.State != job.Done || got.Progress.Done != (job.Totals{Count: 3, Bytes: 30}) || got.Ended == 0 || got.Reports != 3 {
		t.Errorf("at the end: %+v", got)
	}
	if _, err := f.book.Cancel(t.Context(), "A", j.ID, ok); !errors.Is(err, job.ErrEnded) {
		t.Errorf("cancel at the end: %v", err)
	}
	if accounts, err := f.book.Waiting(t.Context()); err != nil || len(accounts) != 0 {
		t.Errorf("accounts that wait: %q, %v", accounts, err)
	}
}

func TestACancelledJobCleansUp(t *testing.T) {
	t.Parallel()
	f := open(t, 5)
	e := f.engine("1", f.store)
	j := f.start(t, "A")
	f.work(t, e)
	f.confirm(t, j)
	for range 2 { // two slices, an item each
		m, _ := f.queue.take()
		if _, err := e.Slice(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second one is a retry
		if _, err := f.book.Cancel(t.Context(), "A", j.ID, ok); err != nil {
			t.Fatal(err)
		}
	}
	f.work(t, e)
	got := f.get(t, j)
	if got.State != job.Cancelled || got.Progress.Done.Count != 2 || f.action.ended.Load() != 1 {
		t.Errorf("%+v, cleaned up %d times", got, f.action.ended.Load())
	}
}

// A job is cancelled between two checkpoints of a slice: the slice stops at the next one.
func TestACancelledSliceStops(t *testing.T) {
	t.Parallel()
	f := open(t, 5)
	j := f.start(t, "A")
	f.work(t, f.engine("1", f.store))
	f.confirm(t, j)
	f.action.fail = func(i int) error {
		if i == 2 {
			_, err := f.book.Cancel(t.Context(), "A", j.ID, ok)
			return err
		}
		return nil
	}
	f.work(t, f.engine("1", f.store))
	if got := f.get(t, j); got.State != job.Cancelled || got.Progress.Done.Count != 2 {
		t.Errorf("%+v", got)
	}
}

func TestTenantsTakeTurns(t *testing.T) {
	t.Parallel()
	f := open(t, 4)
	e := f.engine("1", f.store)
	var order []string
	f.action.order = func(account, id string) { order = append(order, account+"/"+id) }
	a1, a2, a3, b := f.start(t, "A"), f.start(t, "A"), f.start(t, "A"), f.start(t, "B")
	f.work(t, e)
	for _, j := range []*job.Job{a1, a2, a3, b} {
		f.confirm(t, j)
	}
	f.work(t, e)
	if len(order) != 16 {
		t.Fatalf("%d slices, want 16", len(order))
	}
	lastB, firstOfA := 0, map[string]int{}
	for i, o := range order {
		if o == "B/"+b.ID {
			lastB = i
		} else if _, seen := firstOfA[o]; !seen {
			firstOfA[o] = i
		}
	}
	// A was woken three times in the beginning.
	if lastB > 10 {
		t.Errorf("the job of B ends with slice %d of %v", lastB, order)
	}
	for id, first := range firstOfA {
		if first > 6 {
			t.Errorf("%s begins with slice %d of %v", id, first, order)
		}
	}
}

func TestTransientErrorsAreRetriedAndOthersEndTheJob(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fail  func() func(int) error
		state job.State
		cause string
	}{
		{"unavailable once", func() func(int) error {
			failed := false
			return func(int) error {
				if !failed {
					failed = true
					return store.ErrUnavailable
				}
				return nil
			}
		}, job.Done, ""},
		{"unavailable for good", func() func(int) error {
			return func(int) error { return store.ErrUnavailable }
		}, job.Failed, "the database or the bucket was not available"},
		{"a problem", func() func(int) error {
			return func(int) error { return &job.ProblemError{Text: "too large"} }
		}, job.Failed, "too large"},
		{"a bug", func() func(int) error {
			return func(int) error { return errors.New("secret") }
		}, job.Failed, "unspecified fault"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, 2)
			f.action.fail = c.fail()
			j := f.start(t, "A")
			f.work(t, f.engine("1", f.store))
			f.confirm(t, j)
			f.work(t, f.engine("1", f.store))
			got := f.get(t, j)
			if got.State != c.state || got.Cause != c.cause {
				t.Errorf("state %s, cause %q; want %s, %q", got.State, got.Cause, c.state, c.cause)
			}
			if ended := f.action.ended.Load() == 1; ended != (c.state == job.Failed) {
				t.Errorf("cleaned up: %t", ended)
			}
		})
	}
}

// Every call of the store fails once, before and after it takes effect, in all phases of a
// job. Or all further calls fail, as if the process was killed; then another one takes
// over. Every item is done.
func TestJobsSurviveFaultsAndKills(t *testing.T) {
	t.Parallel()
	calls := survive(t, open(t, 2), 0, faultstore.Before, false)
	if calls < 20 {
		t.Fatalf("only %d calls", calls)
	}
	for _, when := range []faultstore.When{faultstore.Before, faultstore.After} {
		for _, killed := range []bool{false, true} {
			t.Run(fmt.Sprintf("after %t, killed %t", when, killed), func(t *testing.T) {
				t.Parallel()
				f := open(t, 2)
				for n := 1; n <= calls; n++ {
					survive(t, f, n, when, killed)
				}
			})
		}
	}
}

// survive does a job, and returns the number of calls of the store. The call with a number
// fails; 0 means none.
func survive(t *testing.T, f *fixture, number int, when faultstore.When, killed bool) int {
	t.Helper()
	faulty := faultstore.NewWith(f.store, func(call int) faultstore.Fault {
		switch {
		case call == number:
			return faultstore.Fault{Call: call, When: when, Err: store.ErrUnavailable}
		case killed && call > number && number > 0:
			return faultstore.Fault{Call: call, When: faultstore.Before, Err: store.ErrUnavailable}
		}
		return faultstore.Fault{}
	})
	e := f.engine("1", faulty)
	j := f.start(t, fmt.Sprint("A", number))
	confirmed := false
	for range 100 {
		m, more := f.queue.take()
		if !more && !confirmed {
			f.confirm(t, j)
			confirmed = true
			continue
		}
		if !more {
			break
		}
		if _, err := e.Slice(t.Context(), m); err != nil {
			if killed {
				e = f.engine("2", f.store)
			}
			f.queue.again(m)
		}
	}
	got := f.get(t, j)
	if got.State != job.Done || got.Progress.Done.Count != 2 || got.Reports != 2 {
		t.Errorf("call %d: %+v", number, got)
	}
	return faulty.Calls()
}

func TestOneWorkerOfAnAccount(t *testing.T) {
	t.Parallel()
	f := open(t, 3)
	first, second := f.engine("1", f.store), f.engine("2", f.store)
	j := f.start(t, "A")
	f.work(t, first)
	f.confirm(t, j)
	inside := false
	f.action.fail = func(int) error {
		if inside {
			return errors.New("two workers at once")
		}
		inside = true
		defer func() { inside = false }()
		worked, err := second.Slice(t.Context(), job.Message{Account: "A", ID: "other", Sent: f.now().Add(time.Minute)})
		if worked || err != nil {
			t.Errorf("second worker: %t, %v", worked, err)
		}
		return nil
	}
	f.work(t, first)
	if got := f.get(t, j); got.State != job.Done {
		t.Errorf("%+v", got)
	}
}

// A worker that lost its lease while it was stopped saves nothing any more.
func TestALostLeaseSavesNothing(t *testing.T) {
	t.Parallel()
	f := open(t, 3)
	first, second := f.engine("1", f.store), f.engine("2", f.store)
	j := f.start(t, "A")
	f.work(t, first)
	f.confirm(t, j)
	stopped := false
	f.action.fail = func(int) error {
		if !stopped {
			stopped = true
			f.at.Add(120)
			if _, err := second.Slice(t.Context(), job.Message{Account: "A", ID: "other", Sent: f.now()}); err != nil {
				t.Errorf("second worker: %v", err)
			}
		}
		return nil
	}
	f.work(t, first)
	if got := f.get(t, j); got.State != job.Done || got.Progress.Done.Count != 3 || got.Reports != 3 {
		t.Errorf("%+v", got)
	}
}

func TestLimitsAndLists(t *testing.T) {
	t.Parallel()
	f := open(t, 1)
	var last *job.Job
	for range job.MaxOpen {
		f.at.Add(1)
		last = f.start(t, "A")
	}
	j, err := f.book.Draft("A", "count", nil, audit.Actor{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.book.Start(t.Context(), j); !errors.Is(err, job.ErrTooMany) {
		t.Errorf("one job too many: %v", err)
	}
	f.start(t, "B") // another account has its own limit
	page, next, err := f.book.List(t.Context(), "A", "", 5)
	if err != nil || len(page) != 5 || next == "" || page[0].ID != last.ID {
		t.Fatalf("first page: %d jobs, next %q, %v", len(page), next, err)
	}
	rest, next, err := f.book.List(t.Context(), "A", next, 100)
	if err != nil || len(rest) != job.MaxOpen-5 || next != "" {
		t.Errorf("second page: %d jobs, next %q, %v", len(rest), next, err)
	}
	if _, err := f.book.Get(t.Context(), "B", last.ID); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("job of another account: %v", err)
	}
	f.at.Add(int64(31 * 24 * time.Hour / time.Second))
	if _, err := f.book.Get(t.Context(), "A", last.ID); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("after a month: %v", err)
	}
}

func TestAnUnknownActionFails(t *testing.T) {
	t.Parallel()
	f := open(t, 1)
	j, err := f.book.Draft("A", "dance", nil, audit.Actor{}, "")
	if err == nil {
		err = f.book.Start(t.Context(), j)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.work(t, f.engine("1", f.store))
	if got := f.get(t, j); got.State != job.Failed {
		t.Errorf("%+v", got)
	}
}

// If the queue lost the message, reading the job sends another one.
func TestReadingWakesAStalledJob(t *testing.T) {
	t.Parallel()
	f := open(t, 1)
	j := f.start(t, "A")
	f.queue.take()
	f.get(t, j)
	if _, woken := f.queue.take(); woken {
		t.Error("woken although the job is fresh")
	}
	f.at.Add(2 * 3600)
	f.get(t, j)
	if _, woken := f.queue.take(); !woken {
		t.Error("not woken")
	}
}

func TestAPoolWorksOnEveryAccount(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	p := job.NewPool(ctx, time.Now)
	var mu sync.Mutex
	seen := map[string]int{}
	for _, account := range []string{"A", "B", "A", "C"} {
		_ = p.Wake(ctx, account, 0)
	}
	_ = p.Wake(ctx, "D", time.Millisecond)
	_ = p.Wake(ctx, "E", time.Hour) // ends with ctx
	p.Work(ctx, 2, time.Millisecond, func(_ context.Context, m job.Message) error {
		account := m.Account
		mu.Lock()
		defer mu.Unlock()
		seen[account]++
		if seen["A"] == 1 && seen["B"] == 2 && seen["C"] == 1 && seen["D"] == 1 {
			stop()
		}
		if account == "B" && seen["B"] == 1 {
			return errors.New("again")
		}
		return nil
	})
	if ctx.Err() == nil {
		t.Error("the pool ended early")
	}
}

func TestIDsSortByTime(t *testing.T) {
	t.Parallel()
	f := open(t, 1)
	var before []byte
	for range 3 {
		f.at.Add(1)
		j, err := f.book.Draft("A", "count", nil, audit.Actor{}, "")
		if err != nil || bytes.Compare(before, []byte(j.ID)) >= 0 {
			t.Fatalf("%s after %s: %v", j.ID, before, err)
		}
		before = []byte(j.ID)
	}
}
