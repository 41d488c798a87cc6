package job_test

import (
	"testing"

	"github.com/callrecordings/api/shared/job"
)

// A process that a job kills saves no failure. The next one counts the death, so that the job
// ends some time, and another job of the account is not held up. The queue delivers the message
// of the dead process again; under make run, the next process frees the lease and wakes workers.
func TestAJobThatKillsItsProcessesEnds(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]func(t *testing.T, f *fixture, e *job.Engine, m job.Message){
		"delivered again": func(_ *testing.T, f *fixture, _ *job.Engine, m job.Message) {
			f.at.Add(120)
			f.queue.Again(m)
		},
		"started again, clock set back": func(t *testing.T, f *fixture, e *job.Engine, _ job.Message) {
			f.at.Add(-120)
			if err := e.Break(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := f.book.WakeWaiting(t.Context()); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t, 3)
			e := f.engine("1", f.store)
			bad, good := f.confirmedTwo(t, e)
			working, deaths := "", 0
			f.action.order = func(_, id string) { working = id }
			f.action.fail = func(i int) error {
				if working == bad.ID && i == 1 {
					panic("killed")
				}
				return nil
			}
			for range 200 {
				m, due := f.queue.Take()
				if !due {
					f.at.Add(10)
					continue
				}
				died := func() (died bool) {
					defer func() { died = recover() != nil }()
					if _, err := e.Slice(t.Context(), m); err != nil {
						t.Error(err)
					}
					return false
				}()
				if died {
					deaths++
					restart(t, f, e, m)
				}
			}
			if got := f.get(t, good); got.State != job.Done || got.Tries != 0 {
				t.Errorf("the other job: %+v", got)
			}
			got := f.get(t, bad)
			if got.State != job.Failed || got.Cause != "the service stopped each time it worked on the job" || got.Progress.Done.Count != 1 {
				t.Errorf("after %d deaths: %+v", deaths, got)
			}
			// Every second death may count for the other job, until that is done.
			if deaths < 19 || deaths > 25 || f.action.ended.Load() != 1 {
				t.Errorf("%d deaths, %d cleanups", deaths, f.action.ended.Load())
			}
		})
	}
}
