package sweep_test

import (
	"testing"
	"time"

	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store/dynamo/dynamotest"
)

// The sweep works over DynamoDB as over SQLite, at the cost that docs/reference/cost.md
// states.
func TestSweepOverDynamoDB(t *testing.T) {
	t.Parallel()
	w := newWorldOver(t, func(clock func() time.Time) retention.Driver { return dynamotest.Open(t, clock) })
	const expired, kept = 40, 20
	for i := range expired {
		w.put("A", 40+float64(i))
	}
	for i := range kept {
		w.put("A", float64(i))
	}
	w.save("A", retention.Rule{Name: "all", Days: 30})
	first := w.units()
	if got := w.read; got != expired {
		t.Errorf("the sweep has read %d recordings, want %d", got, expired)
	}
	again := w.units()
	read, written := (first.ReadUnits-again.ReadUnits)/expired, (first.WriteUnits-again.WriteUnits)/expired
	t.Logf("one removal: %.2f read units and %.2f write units; a run without: %v and %v", read, written, again.ReadUnits, again.WriteUnits)
	if read > 5 || written > 12 {
		t.Errorf("one removal takes %v read units and %v write units, want at most 5 and 12", read, written)
	}
	if got := len(w.names("A")); got != kept {
		t.Errorf("%d recordings are left, want %d", got, kept)
	}
}

// units runs the sweeper and returns its read and write units.
func (w *world) units() *requestlog.Entry {
	w.Helper()
	entry := new(requestlog.Entry)
	_, err := w.Sweeper.Run(requestlog.With(w.ctx(), entry))
	w.check(err)
	w.now = w.now.Add(10 * time.Minute)
	return entry
}
