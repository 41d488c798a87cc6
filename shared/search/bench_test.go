package search_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/search/searchtest"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo/dynamotest"
)

// BenchmarkSQLite measures searches and summaries of RECORDINGS recordings in SQLite, and
// compares their times with those of plain pages of a list. With a large library it fails if
// one exceeds the ratio of its budget.
func BenchmarkSQLite(b *testing.B) {
	l := sizeOf(b, "RECORDINGS", 2000)
	measure(b, openLibrary(b, l), l, l >= kept)
}

// BenchmarkDynamoDB measures searches and summaries of DYNAMODB_RECORDINGS recordings on
// DynamoDB Local. It fails if one takes more calls or units than its budget.
func BenchmarkDynamoDB(b *testing.B) {
	l := sizeOf(b, "DYNAMODB_RECORDINGS", 500)
	s := dynamotest.Open(b, time.Now)
	if err := searchtest.Fill(b.Context(), s, l); err != nil {
		b.Fatal(err)
	}
	measure(b, s, l, false)
}

// table is a store with an index.
type table interface {
	search.Reader
	store.Reader
}

func measure(b *testing.B, s table, l searchtest.Library, compared bool) {
	b.Helper()
	for _, c := range searchtest.Cases() {
		b.Run(c.Name, func(b *testing.B) {
			f := figures{budget: c.Budget, run: func(ctx context.Context, k int) error { return c.Run(ctx, s, l, k) }}
			if compared {
				f.plain = func(ctx context.Context, k int) error { return searchtest.Plain(ctx, s, l, k) }
			}
			f.measure(b)
		})
	}
}

// variants is how many variants of a search a benchmark alternates between.
const variants = 20

// figures measures the variants of a request. Each must keep within the budget.
type figures struct {
	budget searchtest.Budget
	run    func(ctx context.Context, k int) error
	// plain, if not nil, runs after each request. The times of both are compared.
	plain func(ctx context.Context, k int) error

	times []time.Duration
	// least and leastPlain are the shortest times of each variant. A busy machine changes them
	// little.
	least, leastPlain [variants]time.Duration
	calls             int
	units             float64
}

// measure reports the 95th percentile of the time, and the means of calls and read units.
func (f *figures) measure(b *testing.B) {
	b.Helper()
	for b.Loop() {
		k := len(f.times) % variants
		f.one(b, k)
		if f.plain != nil {
			begun := time.Now()
			if err := f.plain(b.Context(), k); err != nil {
				b.Fatal(err)
			}
			keepLeast(&f.leastPlain[k], time.Since(begun))
		}
	}
	n := float64(len(f.times))
	b.ReportMetric(float64(percentile(f.times).Microseconds())/1000, "p95-ms")
	b.ReportMetric(float64(f.calls)/n, "calls/op")
	b.ReportMetric(f.units/n, "read-units/op")
	if f.plain == nil || len(f.times) < 5*variants {
		return
	}
	ratio := float64(percentile(f.least[:])) / float64(percentile(f.leastPlain[:]))
	b.ReportMetric(ratio, "x-list")
	if ratio > f.budget.Ratio {
		b.Fatalf("it takes %.1f times as long as a plain page, want at most %v", ratio, f.budget.Ratio)
	}
}

// one runs a variant once.
func (f *figures) one(b *testing.B, k int) {
	b.Helper()
	var log requestlog.Entry
	begun := time.Now()
	if err := f.run(requestlog.With(b.Context(), &log), k); err != nil {
		b.Fatal(err)
	}
	f.times = append(f.times, time.Since(begun))
	keepLeast(&f.least[k], time.Since(begun))
	// SQLite has no units, and counts each key of a read as a call.
	if log.ReadUnits > 0 && log.Calls > f.budget.Calls || log.ReadUnits > f.budget.Units {
		b.Fatalf("%d calls and %v read units, want at most %d and %v", log.Calls, log.ReadUnits, f.budget.Calls, f.budget.Units)
	}
	f.calls, f.units = f.calls+log.Calls, f.units+log.ReadUnits
}

// keepLeast sets least to took if that is less, or the first.
func keepLeast(least *time.Duration, took time.Duration) {
	if *least == 0 || took < *least {
		*least = took
	}
}

// percentile sorts times, and returns the 95th percentile.
func percentile(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[(len(times)*95+99)/100-1]
}
