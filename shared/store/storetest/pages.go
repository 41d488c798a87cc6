package storetest

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// pages are about one page: what is on it, and where it begins and ends.
var pages = []testCase{
	{"newest first, ties by id", func(s *suite) {
		s.put(s.rec("b", 5, ""), s.rec("a", 5, ""), s.rec("d", 1, ""), s.rec("c", 9, ""))
		s.settled(store.Query{}, "c", "b", "a", "d")
		s.settled(store.Query{Ascending: true}, "d", "a", "b", "c")
	}},
	{"items are whole", func(s *suite) {
		s.put(s.rec("a", 5, "u"))
		got := s.settled(store.Query{Owner: "u"}, "a").Recordings[0]
		if want := s.get("a"); got != *want {
			s.Errorf("Page has %+v, Get %+v", got, *want)
		}
	}},
	{"an owner's own", func(s *suite) {
		s.put(s.rec("a", 1, "u"), s.rec("b", 2, "v"), s.rec("c", 3, "u"), s.rec("d", 4, ""))
		s.settled(store.Query{Owner: "u"}, "c", "a")
		s.settled(store.Query{Owner: "v", Ascending: true}, "b")
		s.settled(store.Query{Owner: "w"})
	}},
	{"ranges hold their ends", func(s *suite) {
		s.put(s.rec("a", 1, ""), s.rec("b", 2, ""), s.rec("c", 3, ""), s.rec("d", 4, ""))
		s.settled(store.Query{}, "d", "c", "b", "a")
		for _, c := range []struct {
			from, to recording.Seconds
			want     string
		}{
			{2, 3, "c b"}, {2, 2, "b"}, {0, 2, "b a"}, {3, 0, "d c"}, {5, 9, ""}, {-9, -5, ""}, {3, 2, ""},
		} {
			for _, ascending := range []bool{false, true} {
				q := store.Query{Ascending: ascending, Limit: 9}
				if c.from != 0 {
					q.From = epoch + c.from
				}
				if c.to != 0 {
					q.To = epoch + c.to
				}
				got := ids(s.page(q))
				if ascending {
					slices.Reverse(got)
				}
				if strings.Join(got, " ") != c.want {
					s.Errorf("Page(%+v) = %v, want %s", q, got, c.want)
				}
			}
		}
	}},
	{"where it starts", testStart},
	{"a next page only if there is more", func(s *suite) {
		names := s.many(4)
		s.settled(store.Query{Ascending: true}, names...)
		for limit, want := range map[int]bool{1: true, 3: true, 4: false, 5: false} {
			p := s.page(store.Query{Ascending: true, Limit: limit})
			if got := p.Next != nil; got != want || len(p.Recordings) != min(limit, 4) {
				s.Errorf("Page of %d: %v, next %v, want next: %v", limit, ids(p), p.Next, want)
			}
			if p.First != store.At(&p.Recordings[0]) {
				s.Errorf("First = %+v, want that of %s", p.First, p.Recordings[0].ID)
			}
		}
	}},
	{"no limit worth the name", func(s *suite) {
		names := s.many(3)
		s.settled(store.Query{Ascending: true, Limit: math.MaxInt}, names...)
		s.settled(store.Query{Ascending: true, Limit: math.MaxInt, Keep: func(*recording.Recording) bool { return true }}, names...)
	}},
	{"nothing", func(s *suite) {
		for _, q := range []store.Query{{Limit: 1}, {Limit: 1, Ascending: true, Owner: "u"}, {Limit: 3, From: epoch, To: epoch - 1}} {
			if p := s.page(q); len(p.Recordings) != 0 || p.Next != nil || !p.First.IsZero() {
				s.Errorf("Page(%+v) = %+v, want nothing", q, p)
			}
		}
	}},
	{"short of time it ends early", func(s *suite) {
		names := s.many(8)
		s.settled(store.Query{Ascending: true}, names...)
		// A filter that keeps nothing reads on, unless the deadline is near.
		ctx, cancel := context.WithTimeout(s.Context(), store.Reserve*9/10)
		defer cancel()
		p, err := s.store.Page(ctx, store.Query{
			Account: s.account, Ascending: true, Limit: 2, MaxBytes: 1,
			Keep: func(r *recording.Recording) bool { return r.ID == "202601-"+names[7] },
		})
		if err != nil && !errors.Is(err, store.ErrUnavailable) {
			s.Errorf("Page = %v, want a short page or ErrUnavailable", err)
		}
		if err == nil && len(p.Recordings) == 0 && p.Next == nil {
			s.Errorf("Page = %+v, want the rest reachable", p)
		}
	}},
}

// testStart begins pages at, behind, between and beside rows.
func testStart(s *suite) {
	s.put(s.rec("a", 1, "u"), s.rec("b", 2, "u"), s.rec("c", 2, "u"), s.rec("d", 4, "u"))
	s.settled(store.Query{}, "d", "c", "b", "a")
	at := func(id string, created recording.Seconds, after bool) store.Position {
		return store.Position{ID: "202601-" + id, Created: epoch + created, After: after}
	}
	for _, c := range []struct {
		name     string
		start    store.Position
		up, down string
	}{
		{"the beginning", store.Position{}, "a b c d", "d c b a"},
		{"at a row", at("b", 2, false), "b c d", "b a"},
		{"behind a row", at("b", 2, true), "c d", "a"},
		{"at the first", at("a", 1, false), "a b c d", "a"},
		{"behind the last", at("d", 4, true), "", "c b a"},
		{"between rows", at("x", 3, false), "d", "c b a"},
		{"behind what is not there", at("bb", 2, true), "c d", "b a"},
		{"before all", at("z", -5, true), "a b c d", ""},
		{"behind all", at("z", 50, false), "", "d c b a"},
	} {
		for _, owner := range []string{"", "u"} {
			for ascending, want := range map[bool]string{true: c.up, false: c.down} {
				got := strings.Join(ids(s.page(store.Query{Owner: owner, Ascending: ascending, Start: c.start, Limit: 9})), " ")
				if got != want {
					s.Errorf("%s, ascending %v, owner %q: %s, want %s", c.name, ascending, owner, got, want)
				}
			}
		}
	}
	// A start outside of the range is cut to it.
	for _, c := range []struct {
		start     store.Position
		ascending bool
		want      string
	}{
		{at("a", 1, true), true, "b c"}, {at("d", 4, false), true, ""}, {at("d", 4, true), false, "c b"}, {at("a", 1, false), false, ""},
	} {
		q := store.Query{From: epoch + 2, To: epoch + 3, Start: c.start, Ascending: c.ascending, Limit: 9}
		if got := strings.Join(ids(s.page(q)), " "); got != c.want {
			s.Errorf("Page(%+v) = %s, want %s", q, got, c.want)
		}
	}
	// The row of a position may be gone.
	if _, err := s.store.Delete(s.Context(), s.account, "202601-b", nothing); err != nil {
		s.Fatalf("Delete: %v", err)
	}
	s.settled(store.Query{Start: at("b", 2, false), Ascending: true}, "c", "d")
	s.settled(store.Query{Start: at("b", 2, true)}, "a")
}

// filters are about pages with Keep and a work budget.
var filters = []testCase{
	{"keeps what it should", func(s *suite) {
		s.settled(store.Query{Ascending: true}, s.many(9)...)
		p := s.page(store.Query{Ascending: true, Limit: 5, Keep: func(r *recording.Recording) bool { return r.Owner == "u" }})
		if got := strings.Join(ids(p), " "); got != "r000 r003 r006" || p.Next != nil {
			s.Errorf("Page = %s, next %v, want r000 r003 r006 and no next", got, p.Next)
		}
		if p.First.ID != "202601-r000" {
			s.Errorf("First = %+v, want the first row that was examined", p.First)
		}
	}},
	{"a used-up budget ends the page, and the rest follows", func(s *suite) {
		names := s.many(20)
		s.settled(store.Query{Ascending: true}, names...)
		last := names[len(names)-1]
		// Each document is some 20 bytes, so a page examines a few of them.
		q := store.Query{
			Ascending: true, Limit: 3, Work: store.Work{Calls: 8, Bytes: 70},
			Keep: func(r *recording.Recording) bool { return r.ID == "202601-"+last },
		}
		first := s.page(q)
		if len(first.Recordings) != 0 || first.Next == nil {
			s.Fatalf("Page = %v, next %v, want an empty page and a next one", ids(first), first.Next)
		}
		if again := s.page(q); *again.Next != *first.Next || again.First != first.First {
			s.Errorf("the same page is cut at %+v, then at %+v", first.Next, again.Next)
		}
		if got := s.walk(q, nil); !slices.Equal(got, []string{last}) {
			s.Errorf("all pages have %v, want %s", got, last)
		}
	}},
	{"a budget of calls", func(s *suite) {
		names := s.many(100)
		s.settled(store.Query{Ascending: true}, names...)
		q := store.Query{Ascending: true, Limit: 1, Work: store.Work{Calls: 1}, Keep: func(*recording.Recording) bool { return false }}
		p := s.page(q)
		if len(p.Recordings) != 0 || p.Next == nil {
			s.Errorf("Page = %v, next %v, want an empty page and a next one after one call", ids(p), p.Next)
		}
		if got := s.walk(q, nil); len(got) != 0 {
			s.Errorf("all pages have %v, want nothing", got)
		}
	}},
}
