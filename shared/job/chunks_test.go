package job_test

import (
	"context"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/job"
)

// parted is an action with a plan of two chunks, of which it reads some items.
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
