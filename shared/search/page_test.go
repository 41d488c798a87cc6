package search_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/faultstore"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// walk follows the pages of a search to the end, and returns the IDs. between runs after
// each page.
func walk(t rapid.TB, s search.Reader, text string, q store.Query, owners func(string) bool, between func()) []string {
	t.Helper()
	sq, err := search.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for range 10_000 {
		p, err := search.Page(context.Background(), s, sq, q, owners)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Recordings) > q.Limit {
			t.Fatalf("a page of %d recordings, want at most %d", len(p.Recordings), q.Limit)
		}
		for i := range p.Recordings {
			ids = append(ids, p.Recordings[i].ID)
		}
		if p.Next == nil {
			return ids
		}
		if *p.Next == q.Start {
			t.Fatalf("the search stays at %+v", q.Start)
		}
		q.Start = *p.Next
		if between != nil {
			between()
		}
	}
	t.Fatal("the search does not end")
	return nil
}

// library stores and indexes recordings with random words.
func library(t testing.TB, n int) (*sqlite.Store, []recording.Recording) {
	t.Helper()
	s := open(t)
	return s, fill(t, s, n)
}

// fill stores and indexes the recordings of library.
func fill(t testing.TB, s faultstore.Driver, n int) []recording.Recording {
	t.Helper()
	var all []recording.Recording
	for i := range n {
		name := "common"
		if i%7 == 0 {
			name += " seventh sevenfold"
		}
		if i%50 == 0 {
			name += " rare"
		}
		all = append(all, rec(i, recording.Seconds(i/2*40_000), []string{"", "u", "v"}[i%3], name))
		put(t, s, all[i])
	}
	return all
}

// A search returns the same as a list filtered by Match, in either order, and with any range,
// page size, budget, owner and filter.
func TestSearchEqualsAFilteredList(t *testing.T) {
	t.Parallel()
	overBoth(t, func(t *testing.T, s faultstore.Driver) {
		t.Helper()
		equalsAFilteredList(t, s, fill(t, s, 120))
	})
}

func equalsAFilteredList(t *testing.T, s search.Reader, all []recording.Recording) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{
			"common", "seventh", "sev*", "seventh rare", "common rare", "com* sevenfold", "15550000003", "0000003 common", "nothing", "rare",
		}).Draw(t, "text")
		q := store.Query{
			Account: account, Ascending: rapid.Bool().Draw(t, "ascending"), Limit: rapid.IntRange(1, 130).Draw(t, "limit"),
			Owner: rapid.SampledFrom([]string{"", "", "u", "w"}).Draw(t, "owner"),
		}
		if rapid.Bool().Draw(t, "bounded") {
			q.From = epoch + recording.Seconds(rapid.IntRange(0, 60).Draw(t, "from")*40_000)
			q.To = q.From + recording.Seconds(rapid.IntRange(0, 60).Draw(t, "length")*40_000)
		}
		if rapid.Bool().Draw(t, "filtered") {
			q.Keep = func(r *recording.Recording) bool { return strings.HasSuffix(r.ID, "4") || strings.HasSuffix(r.ID, "7") }
		}
		if rapid.Bool().Draw(t, "budget") {
			q.Work = store.Work{Calls: rapid.IntRange(1, 3).Draw(t, "calls"), Bytes: int64(rapid.IntRange(1, 2000).Draw(t, "bytes"))}
		}
		wantFiltered(t, s, all, text, q)
	})
}

// wantFiltered checks that the pages of a search have those of all recordings that match, in
// order. all is in ascending order.
func wantFiltered(t *rapid.T, s search.Reader, all []recording.Recording, text string, q store.Query) {
	sq := parse(t, text)
	var want []string
	for i := range all {
		r := &all[i]
		if (q.Owner == "" || r.Owner == q.Owner) && r.Created >= q.From && (q.To == 0 || r.Created <= q.To) &&
			sq.Match(r) && (q.Keep == nil || q.Keep(r)) {
			want = append(want, r.ID)
		}
	}
	if !q.Ascending {
		slices.Reverse(want)
	}
	if got := walk(t, s, text, q, nil, nil); !slices.Equal(got, want) {
		t.Errorf("%q %+v = %q, want %q", text, q, got, want)
	}
}

// While recordings are created, changed, moved and deleted, a search returns each
// recording that keeps its words and its place exactly once and in order.
func TestSearchDuringChanges(t *testing.T) {
	t.Parallel()
	s, all := library(t, 60)
	x := indexer(s, true)
	n := 1000
	rapid.Check(t, func(t *rapid.T) {
		q := store.Query{Account: account, Ascending: rapid.Bool().Draw(t, "ascending"), Limit: rapid.IntRange(1, 9).Draw(t, "limit")}
		text := rapid.SampledFrom([]string{"common", "seventh common", "sev*"}).Draw(t, "text")
		ctx := context.Background()
		var mine []string
		change := func() {
			n++
			r := rec(n, recording.Seconds(rapid.IntRange(-10, 3_000_000).Draw(t, "created")), "u", "common seventh")
			r.Created = max(r.Created, epoch)
			if err := s.Put(ctx, &r); err != nil {
				t.Fatal(err)
			}
			if mine = append(mine, r.ID); rapid.Bool().Draw(t, "indexed") {
				if err := x.Index(ctx, account, r.ID); err != nil {
					t.Fatal(err)
				}
			}
			other := mine[rapid.IntRange(0, len(mine)-1).Draw(t, "other")]
			_, _ = s.Correct(ctx, account, other, func(r *recording.Recording) error { r.Created += 100_000; return nil })
			if rapid.Bool().Draw(t, "late") {
				_ = x.Index(ctx, account, other)
			}
		}
		got := walk(t, s, text, q, nil, change)
		for _, id := range mine {
			_, _ = s.Delete(ctx, account, id, store.Deletion{})
			if err := x.Index(ctx, account, id); err != nil {
				t.Fatal(err)
			}
		}
		kept := slices.DeleteFunc(slices.Clone(got), func(id string) bool { return slices.Contains(mine, id) })
		sq, _ := search.Parse(text)
		var want []string
		for i := range all {
			if sq.Match(&all[i]) {
				want = append(want, all[i].ID)
			}
		}
		if !q.Ascending {
			slices.Reverse(want)
		}
		if !slices.Equal(kept, want) {
			t.Errorf("%q %+v = %q, want %q", text, q, kept, want)
		}
	})
}

// A recording that has lost a word since it was indexed is not shown for that word.
func TestOutdatedEntriesAreNotShown(t *testing.T) {
	t.Parallel()
	s := open(t)
	for i := range 4 {
		put(t, s, rec(i, recording.Seconds(i), "u", "renate"))
	}
	ctx := t.Context()
	if _, err := s.Update(ctx, account, "202601-0000", func(r *recording.Recording) error {
		r.Document = `{"caller_id_name":"ada"}`
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(ctx, account, "202601-0001", store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Correct(ctx, account, "202601-0002", func(r *recording.Recording) error { r.Created++; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Update(ctx, account, "202601-0003", func(r *recording.Recording) error { r.Owner = "v"; return nil }); err != nil {
		t.Fatal(err)
	}
	if got := walk(t, s, "renate", store.Query{Account: account, Limit: 2, Owner: "u"}, nil, nil); len(got) > 0 {
		t.Errorf("the search found %q, want nothing", got)
	}
}

// An ordinary page takes one read of the index and one of recordings. One for several
// words takes a read of the index for each.
func TestCallsOfAPage(t *testing.T) {
	t.Parallel()
	s, _ := library(t, 120)
	for _, c := range []struct {
		text  string
		limit int
		calls int
	}{
		{"common", 50, 2},
		{"common", 100, 2},
		{"com*", 50, 2},
		{"rare", 50, 2},
		{"nothing", 50, 1},
		{"15550000003", 5, 2},
		{"common rare", 50, 3},
		{"common rare seventh", 50, 4},
	} {
		counting := faultstore.New(s)
		p, err := search.Page(t.Context(), counting, parse(t, c.text), store.Query{Account: account, Limit: c.limit}, nil)
		if err != nil || counting.Calls() != c.calls {
			t.Errorf("%q: %d calls for %d recordings, %v, want %d", c.text, counting.Calls(), len(p.Recordings), err, c.calls)
		}
	}
}

// If a word is in many recordings and the caller may see few of them, the budget ends the
// page, and the next page makes progress.
func TestBudget(t *testing.T) {
	t.Parallel()
	s, all := library(t, 120)
	q := store.Query{Account: account, Limit: 10, Work: store.Work{Calls: 1}}
	first := all[0].ID
	owners := func(owner string) bool { return owner == "nobody" }
	if got := walk(t, s, "common", q, owners, nil); len(got) > 0 {
		t.Errorf("the search found %q", got)
	}
	q.Keep = func(r *recording.Recording) bool { return r.ID == first }
	if got := walk(t, s, "common", q, nil, nil); fmt.Sprint(got) != fmt.Sprint([]string{first}) {
		t.Errorf("the search found %q, want %s", got, cmp.Or(first, ""))
	}
}

// If a full page is followed by many entries that the index excludes, each read begins behind
// those of the read before, and the page has the recording behind them.
func TestAFullPageBeforeManyOthers(t *testing.T) {
	if testing.Short() {
		t.Skip("it does one thing after another")
	}
	t.Parallel()
	const others = 2500 // more than one read asks for
	s := open(t)
	put(t, s, rec(0, 0, "", "dana"))
	for i := range others {
		put(t, s, rec(1+i, recording.Seconds(1+i), "", "daniel"))
	}
	put(t, s, rec(others+1, others+1, "", "dana"))
	for _, c := range []struct {
		limit, calls int
		more         bool
	}{
		{1, 6, true},  // 4 reads of entries, and one of a recording; the last read ends the page
		{2, 6, false}, // ... and one of the last recording
	} {
		for _, ascending := range []bool{false, true} {
			counting := faultstore.New(s)
			q := store.Query{Account: account, Limit: c.limit, Ascending: ascending}
			p, err := search.Page(t.Context(), counting, parse(t, "dana*"), q, nil)
			if err != nil || len(p.Recordings) != c.limit || (p.Next != nil) != c.more || counting.Calls() > c.calls {
				t.Errorf("limit %d: %d recordings, next %v, %d calls, %v, want more: %t with at most %d calls",
					c.limit, len(p.Recordings), p.Next, counting.Calls(), err, c.more, c.calls)
			}
		}
	}
}
