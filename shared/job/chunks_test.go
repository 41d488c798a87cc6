package job_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// parted is an action with a plan of two chunks. It reads some of their items.
type parted struct{ read func(*job.Task) }

func (parted) Plan(_ context.Context, t *job.Task) (bool, error) {
	if err := t.AddPlan([]job.Item{{ID: "a"}, {ID: "b"}}); err != nil {
		return false, err
	}
	return true, t.AddPlan([]job.Item{{ID: "c"}, {ID: "d"}})
}

func (p parted) Run(_ context.Context, t *job.Task) (bool, error) {
	p.read(t)
	return true, nil
}

func (parted) End(context.Context, *job.Task) error { return nil }

// A place at the end of a chunk stands for the beginning of the next one: the work of a
// cancelled job continued there.
func TestPlannedFrom(t *testing.T) {
	t.Parallel()
	f := open(t, 0)
	read := func(task *job.Task) {
		for _, c := range []struct {
			chunk, from, size int
			want              string
		}{
			{0, 0, 1, "a"}, {0, 0, 5, "ab"}, {0, 1, 1, "b"}, {0, 2, 1, "c"}, {0, 2, 5, "cd"}, {1, 1, 5, "d"}, {1, 2, 5, ""}, {2, 0, 5, ""},
		} {
			items, err := task.PlannedFrom(t.Context(), c.chunk, c.from, c.size)
			var got strings.Builder
			for _, item := range items {
				got.WriteString(item.ID)
			}
			if err != nil || got.String() != c.want {
				t.Errorf("%+v: %q, %v", c, got.String(), err)
			}
		}
	}
	b := &job.Book{Entries: f.store, Queue: f.queue, Now: f.now}
	ran := 0
	e := job.NewEngine(b, job.Options{
		Actions: map[string]job.Action{"count": parted{func(task *job.Task) { ran++; read(task) }}}, Holder: "1", Now: f.now,
	})
	f.confirmed(t, e)
	f.work(t, e)
	if ran == 0 {
		t.Error("the plan was not read")
	}
}

// counted is a store that counts the calls for entries by their keys.
type counted struct {
	*sqlite.Store

	calls int
}

func (c *counted) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	c.calls++
	return c.Store.Entries(ctx, keys...)
}

// reporting is an action with many chunks in its report. Some of them are not stored yet when it
// reads them.
type reporting struct {
	parted

	stored, pending int
}

func (r reporting) Run(ctx context.Context, t *job.Task) (bool, error) {
	for n := range r.stored + r.pending {
		if err := t.AddReport([]job.Item{{ID: strconv.Itoa(n)}}, n); err != nil {
			return false, err
		}
		if n == r.stored-1 || n < r.stored && n%10 == 9 {
			if err := t.Save(ctx); err != nil {
				return false, err
			}
		}
	}
	r.read(t)
	return true, nil
}

// A report is read in its order, with one call for many chunks, and with those that are not
// stored yet.
func TestReports(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ stored, pending, calls int }{{0, 0, 0}, {1, 0, 1}, {60, 0, 3}, {60, 5, 3}, {50, 1, 2}, {0, 3, 0}} {
		f := open(t, 0)
		entries := &counted{Store: f.store}
		read := func(task *job.Task) {
			before := entries.calls
			reports := task.Reports()
			for n := 0; ; n++ {
				got, ok, err := reports.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					if n != c.stored+c.pending || entries.calls-before != c.calls {
						t.Errorf("%+v: %d chunks in %d calls", c, n, entries.calls-before)
					}
					return
				}
				if want := strconv.Itoa(n); len(got.Items) != 1 || got.Items[0].ID != want || string(got.Extra) != want {
					t.Errorf("%+v: chunk %d is %+v", c, n, got)
				}
			}
		}
		b := &job.Book{Entries: entries, Queue: f.queue, Now: f.now}
		e := job.NewEngine(b, job.Options{
			Actions: map[string]job.Action{"count": reporting{parted{read}, c.stored, c.pending}}, Holder: "1", Now: f.now,
		})
		j := f.confirmed(t, e)
		f.work(t, e)
		if got := f.get(t, j); got.State != job.Done || got.Reports != c.stored+c.pending {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}
