package storetest

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// pages are the cases for a single page: its recordings, its beginning and its end.
var pages = []testCase{
	{"newest first, ties ordered by ID", func(s *suite) {
		s.put(s.rec("b", 5, ""), s.rec("a", 5, ""), s.rec("d", 1, ""), s.rec("c", 9, ""))
		s.wantList(store.Query{}, "c", "b", "a", "d")
		s.wantList(store.Query{Ascending: true}, "d", "a", "b", "c")
	}},
	{"lists have whole recordings", func(s *suite) {
		s.put(s.rec("a", 5, "u"))
		got := s.wantList(store.Query{Owner: "u"}, "a").Recordings[0]
		if want := s.get("a"); got != *want {
			s.Errorf("Page has %+v, Get %+v", got, *want)
		}
	}},
	{"a list of one owner", func(s *suite) {
		s.put(s.rec("a", 1, "u"), s.rec("b", 2, "v"), s.rec("c", 3, "u"), s.rec("d", 4, ""))
		s.wantList(store.Query{Owner: "u"}, "c", "a")
		s.wantList(store.Query{Owner: "v", Ascending: true}, "b")
		s.wantList(store.Query{Owner: "w"})
	}},
	{"ranges are inclusive", func(s *suite) {
		s.put(s.rec("a", 1, ""), s.rec("b", 2, ""), s.rec("c", 3, ""), s.rec("d", 4, ""))
		s.wantList(store.Query{}, "d", "c", "b", "a")
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
	{"the start of a page", testStart},
	{"First is the first row examined", func(s *suite) {
		s.wantList(store.Query{Ascending: true}, s.putMany(4)...)
		for _, c := range []struct {
			q    store.Query
			want string // "" for none
		}{
			{store.Query{}, "r003"},
			{store.Query{Ascending: true}, "r000"},
			{store.Query{Owner: "u"}, "r003"},
			{store.Query{To: epoch}, "r001"},
			{store.Query{Ascending: true, From: epoch + 1}, "r002"},
			{store.Query{Start: store.Position{Created: epoch + 1, ID: "202601-r002"}}, "r002"},
			{store.Query{Start: store.Position{Created: epoch + 1, ID: "202601-r002", After: true}}, "r001"},
			{store.Query{Start: store.Position{Created: epoch, ID: "202601-r000", After: true}}, ""},
			{store.Query{Keep: func(*recording.Recording) bool { return false }}, "r003"},
		} {
			c.q.Limit = 2
			want := store.Position{}
			if c.want != "" {
				want = store.Position{ID: "202601-" + c.want, Created: epoch + recording.Seconds((c.want[3]-'0')/2)}
			}
			if got := s.page(c.q).First; got != want {
				s.Errorf("First of %+v = %+v, want %+v", c.q, got, want)
			}
		}
	}},
	{"a next page only if there are more rows", func(s *suite) {
		names := s.putMany(4)
		s.wantList(store.Query{Ascending: true}, names...)
		for limit, want := range map[int]bool{1: true, 3: true, 4: false, 5: false} {
			p := s.page(store.Query{Ascending: true, Limit: limit})
			if got := p.Next != nil; got != want || len(p.Recordings) != min(limit, 4) {
				s.Errorf("Page with limit %d: %v, next %v, want next: %v", limit, ids(p), p.Next, want)
			}
			if p.First != store.At(&p.Recordings[0]) {
				s.Errorf("First = %+v, want the position of %s", p.First, p.Recordings[0].ID)
			}
		}
	}},
	{"a very large limit", func(s *suite) {
		names := s.putMany(3)
		s.wantList(store.Query{Ascending: true, Limit: math.MaxInt}, names...)
		s.wantList(store.Query{Ascending: true, Limit: math.MaxInt, Keep: func(*recording.Recording) bool { return true }}, names...)
	}},
	{"empty pages", func(s *suite) {
		for _, q := range []store.Query{{Limit: 1}, {Limit: 1, Ascending: true, Owner: "u"}, {Limit: 3, From: epoch, To: epoch - 1}} {
			if p := s.page(q); len(p.Recordings) != 0 || p.Next != nil || !p.First.IsZero() {
				s.Errorf("Page(%+v) = %+v, want an empty page", q, p)
			}
		}
	}},
	{"a page ends early when time is short", testDeadline},
}

// testDeadline reads with little time left. A page may then fail, but one of 20
// attempts must succeed, and that page must end early.
func testDeadline(s *suite) {
	names := s.putMany(100)
	s.wantList(store.Query{Ascending: true}, names...)
	q := store.Query{
		Account: s.account, Ascending: true, Limit: 2,
		Keep: func(r *recording.Recording) bool { return r.ID == "202601-"+names[99] },
	}
	for range 20 {
		ctx, cancel := context.WithTimeout(s.Context(), store.Reserve*9/10)
		p, err := s.store.Page(ctx, q)
		cancel()
		if errors.Is(err, store.ErrUnavailable) {
			continue
		}
		if err != nil || len(p.Recordings) != 0 || p.Next == nil || p.First.ID != "202601-"+names[0] {
			s.Fatalf("Page = %+v, %v, want an empty page and a next one", p, err)
		}
		q.Start = *p.Next
		if got := s.walk(q, nil); !slices.Equal(got, names[99:]) {
			s.Errorf("the pages after it have %v, want %s", got, names[99])
		}
		return
	}
	s.Errorf("no page succeeded with %v left", store.Reserve*9/10)
}

// testStart begins pages at, after and between rows, and beyond both ends.
func testStart(s *suite) {
	s.put(s.rec("a", 1, "u"), s.rec("b", 2, "u"), s.rec("c", 2, "u"), s.rec("d", 4, "u"))
	s.wantList(store.Query{}, "d", "c", "b", "a")
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
		{"after a row", at("b", 2, true), "c d", "a"},
		{"at the oldest row", at("a", 1, false), "a b c d", "a"},
		{"after the newest row", at("d", 4, true), "", "c b a"},
		{"between rows", at("x", 3, false), "d", "c b a"},
		{"after a missing row", at("bb", 2, true), "c d", "b a"},
		{"before all rows", at("z", -5, true), "a b c d", ""},
		{"after all rows", at("z", 50, false), "", "d c b a"},
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
	// A start outside the range is clamped to it.
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
	// The row of a position may have been deleted.
	if _, err := s.store.Delete(s.Context(), s.account, "202601-b", store.Deletion{}); err != nil {
		s.Fatalf("Delete: %v", err)
	}
	s.wantList(store.Query{Start: at("b", 2, false), Ascending: true}, "c", "d")
	s.wantList(store.Query{Start: at("b", 2, true)}, "a")
}
