package store_test

import (
	"fmt"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// reading counts the reads of a driver for a page.
type reading struct {
	reads, rows int
	page        store.Page
}

// read builds a page of an account with n recordings of so many bytes each. Like
// DynamoDB, a read ends at 1 MB. The ID of a recording is its number.
func read(t testing.TB, q store.Query, n, bytes int) reading {
	t.Helper()
	var got reading
	a, next := store.NewAssembler(q), 0
	for {
		want := a.Rows()
		if want < 1 || want > max(q.Limit+1, 2000) {
			t.Fatalf("read %d asks for %d rows", got.reads+1, want)
		}
		got.reads++
		read := min(want, n-next, 1<<20/bytes)
		got.rows += read
		for i := range read {
			r := recording.Recording{ID: strconv.Itoa(next + i)}
			if !a.Add(&r, bytes) {
				break
			}
		}
		next += read
		if !a.More(t.Context(), next < n) {
			got.page = a.Page()
			return got
		}
	}
}

// every returns a filter that keeps every n-th recording.
func every(n int) func(*recording.Recording) bool {
	return func(r *recording.Recording) bool {
		var i int
		_, _ = fmt.Sscan(r.ID, &i)
		return i%n == 0
	}
}

// work is the budget of a page of a list.
var work = store.Work{Calls: 8, Bytes: 4 << 20}

func TestFilteredPageReadsWhatItNeeds(t *testing.T) {
	t.Parallel()
	for share, most := range map[int]int{1: 64, 2: 110, 3: 170, 4: 225, 5: 300, 10: 570, 25: 1500, 50: 2900} {
		got := read(t, store.Query{Limit: 50, Keep: every(share), Work: work}, 20_000, 600)
		if len(got.page.Recordings) != 50 || got.page.Next == nil || got.rows > most || got.reads > 6 {
			t.Errorf("1 in %d: %d recordings from %d rows in %d reads, want 50 from at most %d in at most 6",
				share, len(got.page.Recordings), got.rows, got.reads, most)
		}
	}
}

func TestLargeFilteredPageTakesTwoReads(t *testing.T) {
	t.Parallel()
	got := read(t, store.Query{Limit: 1000, Keep: every(2)}, 20_000, 500)
	if len(got.page.Recordings) != 1000 || got.rows > 2200 || got.reads != 2 {
		t.Errorf("%d recordings from %d rows in %d reads, want 1000 from at most 2200 in 2", len(got.page.Recordings), got.rows, got.reads)
	}
}

// A page reads no more than its budget, apart from rounding.
func TestFilteredPageKeepsItsBudget(t *testing.T) {
	t.Parallel()
	for _, bytes := range []int{500, 1000, 1024, 3000, 100_000, 400_000} {
		got := read(t, store.Query{Limit: 50, Keep: every(1 << 30), Work: work}, 20_000, bytes)
		if total := int64(got.rows) * int64(bytes); total > max(work.Bytes+int64(got.reads*bytes), 1<<20) && got.reads > 1 {
			t.Errorf("items of %d bytes: %d rows in %d reads, %d bytes, want at most %d", bytes, got.rows, got.reads, total, work.Bytes)
		}
		if got.reads > work.Calls || got.page.Next == nil {
			t.Errorf("items of %d bytes: %d reads, next %v", bytes, got.reads, got.page.Next)
		}
	}
}

// Following Next gives every recording that the filter keeps, even if they lie far apart. A
// page ends early only if its budget is used up.
func TestFilteredPagesAreComplete(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const n = 3000
		kept := map[string]bool{}
		for range rapid.IntRange(0, 6).Draw(t, "clusters") {
			from, length := rapid.IntRange(0, n).Draw(t, "from"), rapid.IntRange(1, 200).Draw(t, "length")
			for i := from; i < min(from+length, n); i++ {
				kept[strconv.Itoa(i)] = true
			}
		}
		bytes := rapid.SampledFrom([]int{100, 600, 2000}).Draw(t, "bytes")
		q := store.Query{
			Limit: rapid.SampledFrom([]int{1, 7, 50, 1000}).Draw(t, "limit"), Work: work,
			Keep: func(r *recording.Recording) bool { return kept[r.ID] },
		}
		a, next, reads := store.NewAssembler(q), 0, 0
		for {
			read := min(a.Rows(), n-next)
			reads++
			for i := range read {
				r := recording.Recording{ID: strconv.Itoa(next + i)}
				if !a.Add(&r, bytes) {
					break
				}
			}
			if next += read; !a.More(t.Context(), next < n) {
				break
			}
		}
		p := a.Page()
		ended := n
		if p.Next != nil {
			_, _ = fmt.Sscan(p.Next.ID, &ended)
			ended++
		}
		want := 0
		for i := range ended {
			if kept[strconv.Itoa(i)] {
				want++
			}
		}
		if len(p.Recordings) != want {
			t.Errorf("%d recordings up to row %d, want %d", len(p.Recordings), ended, want)
		}
		full := len(p.Recordings) == q.Limit
		if p.Next != nil && !full && reads < work.Calls && int64(ended*bytes) < work.Bytes {
			t.Errorf("the page ends after %d reads and %d bytes with %d recordings", reads, ended*bytes, len(p.Recordings))
		}
	})
}
