package job_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/job"
)

func TestAPlanWaitsForItsConfirmation(t *testing.T) {
	t.Parallel()
	f := open(t, 3)
	e := f.engine("1", f.store)
	j := f.start(t, "A")
	if _, err := f.book.Confirm(t.Context(), "A", j.ID, job.Confirmation{}, ok); !errors.Is(err, job.ErrNotPlanned) {
		t.Errorf("confirmation without a plan: %v", err)
	}
	f.work(t, e)
	got := f.get(t, j)
	if got.State != job.Planned || got.Plan.Totals != (job.Totals{Count: 3, Bytes: 30}) || got.Progress.Done.Count != 0 {
		t.Fatalf("after planning: %+v", got)
	}
	for _, wrong := range []job.Totals{{Count: 3, Bytes: 29}, {Count: 2, Bytes: 30}, {}} {
		if _, err := f.book.Confirm(t.Context(), "A", j.ID, job.Confirmation{Plan: wrong}, ok); !errors.Is(err, job.ErrOtherPlan) {
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
	if woken, err := f.book.WakeWaiting(t.Context()); err != nil || woken != 0 {
		t.Errorf("%d accounts wait, %v", woken, err)
	}
}

func TestACancelledJobCleansUp(t *testing.T) {
	t.Parallel()
	f := open(t, 5)
	e := f.engine("1", f.store)
	j := f.confirmed(t, e)
	for range 2 { // two slices, an item each
		f.slice(t, e)
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
	j := f.confirmed(t, f.engine("1", f.store))
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

func TestOneWorkerOfAnAccount(t *testing.T) {
	t.Parallel()
	f := open(t, 3)
	first, second := f.engine("1", f.store), f.engine("2", f.store)
	j := f.confirmed(t, first)
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
	j := f.confirmed(t, first)
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
	f.queue.Take()
	f.get(t, j)
	if _, woken := f.queue.Take(); woken {
		t.Error("woken although the job is fresh")
	}
	f.at.Add(2 * 3600)
	f.get(t, j)
	if _, woken := f.queue.Take(); !woken {
		t.Error("not woken")
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
