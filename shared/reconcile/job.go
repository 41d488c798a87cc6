package reconcile

import (
	"context"

	"golang.org/x/time/rate"

	"github.com/callrecordings/api/shared/requestlog"
)

// perSecond is how many requests a run sends in a second. The table and the bucket admit
// several thousand.
const perSecond = 50

// Steady returns a pace of 50 requests a second.
func Steady() func(ctx context.Context) error { return rate.NewLimiter(perSecond, 1).Wait }

// Job returns the work of a function that is invoked once an hour: one run a day, in as
// many invocations as it takes. The job returns the number of findings. After each run,
// it writes a line with their counts, which are metrics if m is not nil.
func (r *Reconciler) Job(m *requestlog.Metrics) func(ctx context.Context) (findings int, err error) {
	return func(ctx context.Context) (int, error) {
		report, ran, err := r.Daily(ctx, day)
		if err != nil || !ran {
			return 0, err
		}
		found, repaired := report.Totals()
		if report.Finished > 0 {
			requestlog.LogCounts(ctx, r.Log, m, "reconcile", r.Now(),
				requestlog.Count{Name: "findings", N: found},
				requestlog.Count{Name: "findings_repaired", N: repaired},
				requestlog.Count{Name: "findings_open", N: report.Open()},
			)
		}
		return found, nil
	}
}
