package storetest

import (
	"slices"
	"strings"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

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
		for range 3 {
			if again := s.page(q); again.Next == nil || *again.Next != *first.Next || again.First != first.First {
				s.Errorf("the same page is cut at %+v, then at %+v", first.Next, again.Next)
			}
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
			s.Fatalf("Page = %v, next %v, want an empty page and a next one after one call", ids(p), p.Next)
		}
		if again := s.page(q); again.Next == nil || *again.Next != *p.Next {
			s.Errorf("the same page is cut at %+v, then at %+v", p.Next, again.Next)
		}
		if got := s.walk(q, nil); len(got) != 0 {
			s.Errorf("all pages have %v, want nothing", got)
		}
	}},
	{"a page that is full within its budget", func(s *suite) {
		names := s.many(9)
		s.settled(store.Query{Ascending: true}, names...)
		q := store.Query{
			Ascending: true, Limit: 3, Work: store.Work{Calls: 8, Bytes: 1 << 20},
			Keep: func(r *recording.Recording) bool { return r.Owner == "u" },
		}
		// r000, r003 and r006 fill it; rows follow, though none that is kept.
		p := s.page(q)
		if got := strings.Join(ids(p), " "); got != "r000 r003 r006" || p.Next == nil {
			s.Errorf("Page = %s, next %v, want r000 r003 r006 and a next page", got, p.Next)
		}
		if got := s.walk(q, nil); !slices.Equal(got, []string{"r000", "r003", "r006"}) {
			s.Errorf("all pages have %v, want r000 r003 r006", got)
		}
	}},
}
