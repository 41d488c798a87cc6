package storetest

import (
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// filters are the cases for pages with Keep and a work budget.
var filters = []testCase{
	{"a filtered page has the recordings that Keep accepts", func(s *suite) {
		s.wantList(store.Query{Ascending: true}, s.putMany(9)...)
		p := s.page(store.Query{Ascending: true, Limit: 5, Keep: func(r *recording.Recording) bool { return r.Owner == "u" }})
		if got := strings.Join(ids(p), " "); got != "r000 r003 r006" || p.Next != nil {
			s.Errorf("Page = %s, next %v, want r000 r003 r006 and no next", got, p.Next)
		}
		if p.First.ID != "202601-r000" {
			s.Errorf("First = %+v, want the first row examined", p.First)
		}
	}},
	{"a page ends when its byte budget is used up", func(s *suite) {
		names := s.putMany(20)
		s.wantList(store.Query{Ascending: true}, names...)
		last := names[len(names)-1]
		// Each document has about 20 bytes, so a page examines a few of them.
		q := store.Query{
			Ascending: true, Limit: 3, Work: store.Work{Calls: 8, Bytes: 70},
			Keep: func(r *recording.Recording) bool { return r.ID == "202601-"+last },
		}
		first := s.page(q)
		if len(first.Recordings) != 0 || first.Next == nil {
			s.Fatalf("Page = %v, next %v, want an empty page and a next one", ids(first), first.Next)
		}
		for range 3 {
			if retry := s.page(q); retry.Next == nil || *retry.Next != *first.Next || retry.First != first.First {
				s.Errorf("the same page ends at %+v, then at %+v", first.Next, retry.Next)
			}
		}
		if got := s.walk(q, nil); !slices.Equal(got, []string{last}) {
			s.Errorf("all pages have %v, want %s", got, last)
		}
	}},
	{"a page ends when its budget of calls is used up", func(s *suite) {
		names := s.putMany(100)
		s.wantList(store.Query{Ascending: true}, names...)
		q := store.Query{Ascending: true, Limit: 1, Work: store.Work{Calls: 1}, Keep: func(*recording.Recording) bool { return false }}
		p := s.page(q)
		if len(p.Recordings) != 0 || p.Next == nil {
			s.Fatalf("Page = %v, next %v, want an empty page and a next one after one call", ids(p), p.Next)
		}
		if retry := s.page(q); retry.Next == nil || *retry.Next != *p.Next {
			s.Errorf("the same page ends at %+v, then at %+v", p.Next, retry.Next)
		}
		if got := s.walk(q, nil); len(got) != 0 {
			s.Errorf("all pages have %v, want nothing", got)
		}
	}},
	{"a page fills up within its budget", func(s *suite) {
		names := s.putMany(9)
		s.wantList(store.Query{Ascending: true}, names...)
		q := store.Query{
			Ascending: true, Limit: 3, Work: store.Work{Calls: 8, Bytes: 1 << 20},
			Keep: func(r *recording.Recording) bool { return r.Owner == "u" },
		}
		// r000, r003 and r006 fill the page. The rows after them are filtered out.
		p := s.page(q)
		if got := strings.Join(ids(p), " "); got != "r000 r003 r006" || p.Next == nil {
			s.Errorf("Page = %s, next %v, want r000 r003 r006 and a next page", got, p.Next)
		}
		if got := s.walk(q, nil); !slices.Equal(got, []string{"r000", "r003", "r006"}) {
			s.Errorf("all pages have %v, want r000 r003 r006", got)
		}
	}},
}
