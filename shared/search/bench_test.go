package search_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/search/searchtest"
	"github.com/callrecordings/api/shared/store/dynamo/dynamotest"
)

// BenchmarkSQLite measures searches and summaries of RECORDINGS recordings in SQLite.
func BenchmarkSQLite(b *testing.B) {
	l := sizeOf(b, "RECORDINGS", 2000)
	measure(b, openLibrary(b, l), l)
}

// BenchmarkDynamoDB measures searches and summaries of DYNAMODB_RECORDINGS recordings on
// DynamoDB Local. It fails if one takes more calls or units than its budget.
func BenchmarkDynamoDB(b *testing.B) {
	l := sizeOf(b, "DYNAMODB_RECORDINGS", 500)
	s := dynamotest.Open(b, time.Now)
	if err := searchtest.Fill(b.Context(), s, l); err != nil {
		b.Fatal(err)
	}
	measure(b, s, l)
}

func measure(b *testing.B, s search.Reader, l searchtest.Library) {
	b.Helper()
	for _, c := range searchtest.Cases() {
		b.Run(c.Name, func(b *testing.B) {
			figures(b, c.Budget, func(ctx context.Context, k int) error { return c.Run(ctx, s, l, k) })
		})
	}
}

// variants is how many variants of a search a benchmark alternates between.
const variants = 20

// figures runs the variants of a request, and reports the 95th percentile of their time,
// and their means of calls and read units. Each must keep within the budget.
func figures(b *testing.B, budget searchtest.Budget, run func(ctx context.Context, k int) error) {
	b.Helper()
	var times []time.Duration
	var calls int
	var units float64
	for b.Loop() {
		var log requestlog.Entry
		begun := time.Now()
		if err := run(requestlog.With(b.Context(), &log), len(times)%variants); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(begun))
		// SQLite has no units, and counts each key of a read as a call.
		if log.ReadUnits > 0 && log.Calls > budget.Calls || log.ReadUnits > budget.Units {
			b.Fatalf("%d calls and %v read units, want at most %d and %v", log.Calls, log.ReadUnits, budget.Calls, budget.Units)
		}
		calls, units = calls+log.Calls, units+log.ReadUnits
	}
	slices.Sort(times)
	n := float64(len(times))
	b.ReportMetric(float64(times[(len(times)*95+99)/100-1].Microseconds())/1000, "p95-ms")
	b.ReportMetric(float64(calls)/n, "calls/op")
	b.ReportMetric(units/n, "read-units/op")
}
