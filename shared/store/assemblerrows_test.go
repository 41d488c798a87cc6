package store_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// requests builds a page of an account with n recordings of 500 bytes each, and returns how
// many rows each read asks for. The ID of a recording is its number.
func requests(t *testing.T, q store.Query, n int) (asked []int, p store.Page) {
	t.Helper()
	a, next := store.NewAssembler(q), 0
	for {
		asked = append(asked, a.Rows())
		for range min(a.Rows(), n-next) {
			r := recording.Recording{ID: strconv.Itoa(next)}
			next++
			if !a.Add(&r, 500) {
				break
			}
		}
		if !a.More(t.Context(), next < n) {
			return asked, a.Page()
		}
	}
}

// TestReadsOfAFilteredPage shows how the reads grow. The first asks for 64 rows, or for what
// the page lacks and one more. Without a hit each asks for twice as many as the one before.
// With hits it asks for as many as their share promises, and an eighth more, but for no
// more than four times as many as the last could have. From the third read on it asks for
// ever more, so that the end of a page does not take many small reads.
func TestReadsOfAFilteredPage(t *testing.T) {
	t.Parallel()
	first := func(n int) func(*recording.Recording) bool {
		return func(r *recording.Recording) bool {
			i, _ := strconv.Atoi(r.ID)
			return i < n
		}
	}
	budget := store.Work{Calls: 8, Bytes: 150 * 500}
	for _, c := range []struct {
		name string
		q    store.Query
		n    int
		want []int
	}{
		{"no filter", store.Query{Limit: 50}, 1000, []int{51}},
		{"no hit", store.Query{Limit: 50, Keep: first(0)}, 8000, []int{64, 128, 256, 512, 1024, 2000, 2000, 2000, 2000}},
		{"no hit, a long page", store.Query{Limit: 100, Keep: first(0)}, 900, []int{101, 202, 404, 808}},
		{"one in four", store.Query{Limit: 50, Keep: every(4)}, 1000, []int{64, 157}},
		{"one in 64", store.Query{Limit: 50, Keep: every(64)}, 5000, []int{64, 256, 1024, 2000}},
		{"one in 64, a long page", store.Query{Limit: 100, Keep: every(64)}, 2121, []int{101, 404, 1616}},
		{"all but the last of a page", store.Query{Limit: 50, Keep: first(49)}, 3000, []int{64, 16, 16, 128, 1024, 2000}},
		{"no hit, within a budget", store.Query{Limit: 50, Keep: first(0), Work: budget}, 1000, []int{64, 87}},
	} {
		if got, _ := requests(t, c.q, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%s: reads of %v rows, want %v", c.name, got, c.want)
		}
	}
}

// TestBudgetIsUsedUpExactly ends a page with the row that uses up its budget. If that row
// also fills the page and is the last one, there is no next page.
func TestBudgetIsUsedUpExactly(t *testing.T) {
	t.Parallel()
	work := store.Work{Calls: 8, Bytes: 64 * 500}
	if _, p := requests(t, store.Query{Limit: 50, Keep: every(1 << 30), Work: work}, 1000); p.Examined != work.Bytes || p.Next == nil || p.Next.ID != "63" {
		t.Errorf("%d bytes examined, next %+v, want %d and a page that begins after 63", p.Examined, p.Next, work.Bytes)
	}
	if _, p := requests(t, store.Query{Limit: 64, Keep: every(1), Work: work}, 64); len(p.Recordings) != 64 || p.Next != nil {
		t.Errorf("%d recordings, next %+v, want 64 and no next page", len(p.Recordings), p.Next)
	}
}

// TestPageOfDeletedRecordings ends at the limit, as a page of recordings does.
func TestPageOfDeletedRecordings(t *testing.T) {
	t.Parallel()
	a := store.NewAssembler(store.Query{Limit: 2, Deleted: true})
	if n := a.Rows(); n != 3 {
		t.Errorf("the first read asks for %d rows, want 3", n)
	}
	for i, more := range []bool{true, true, false} {
		d := store.Tombstone{ID: strconv.Itoa(i), Until: 7, Recording: &recording.Recording{}}
		if got := a.AddTombstone(&d, 500); got != more {
			t.Errorf("AddTombstone(%d) = %t, want %t", i, got, more)
		}
	}
	want := store.Position{Created: 7, ID: "1", After: true}
	if p := a.Page(); len(p.Tombstones) != 2 || p.Next == nil || *p.Next != want {
		t.Errorf("%d deleted recordings, next %+v, want 2 and %+v", len(p.Tombstones), p.Next, want)
	}
}

// TestGreatestLimit asks for no more rows than 32 bits can count.
func TestGreatestLimit(t *testing.T) {
	t.Parallel()
	if n := store.NewAssembler(store.Query{Limit: 1 << 62}).Rows(); n != 2147483647 {
		t.Errorf("the first read asks for %d rows, want 2147483647", n)
	}
}
