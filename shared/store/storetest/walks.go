package storetest

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// mostPages bounds a walk that does not come to its end.
const mostPages = 500

// walk follows a list to its end and returns the names in order. between, if
// not nil, is called behind every page.
func (s *suite) walk(q store.Query, between func(page int)) []string {
	s.Helper()
	var all []string
	for n := range mostPages {
		p := s.page(q)
		all = append(all, ids(p)...)
		if p.Next == nil {
			return all
		}
		if *p.Next == q.Start {
			s.Fatalf("the next page begins where this one did: %+v", q.Start)
		}
		q.Start = *p.Next
		if between != nil {
			between(n)
		}
	}
	s.Fatalf("no end after %d pages", mostPages)
	return nil
}

// walks are about sequences of pages.
var walks = []testCase{
	{"cut and resumed everywhere", func(s *suite) {
		names := s.many(7)
		s.settled(store.Query{Ascending: true}, names...)
		for _, owner := range []string{"", "u"} {
			for _, ascending := range []bool{true, false} {
				q := store.Query{Owner: owner, Ascending: ascending, Limit: len(names)}
				want := ids(s.page(q))
				for limit := 1; limit <= len(names); limit++ {
					q.Limit = limit
					if got := s.walk(q, nil); !slices.Equal(got, want) {
						s.Errorf("pages of %d, ascending %v, owner %q: %v, want %v", limit, ascending, owner, got, want)
					}
				}
			}
		}
	}},
	{"everything held throughout, once and in order, whatever happens meanwhile", func(s *suite) {
		names := s.many(12)
		s.settled(store.Query{Ascending: true}, names...)
		held := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "r003" || n == "r008" })
		for _, ascending := range []bool{true, false} {
			got := s.walk(store.Query{Ascending: ascending, Limit: 2}, func(page int) { s.disturb(page, ascending) })
			want := held
			if !ascending {
				want = reversed(held)
			}
			got = slices.DeleteFunc(got, func(n string) bool { return !slices.Contains(held, n) })
			if !slices.Equal(got, want) {
				s.Errorf("ascending %v: %v, want %v", ascending, got, want)
			}
		}
	}},
	{"any cut of any list", testAnyWalk},
}

// disturb inserts before, between and behind what was read, changes and
// deletes.
func (s *suite) disturb(page int, ascending bool) {
	for _, created := range []recording.Seconds{-10, 2, 50} {
		s.put(s.rec(fmt.Sprintf("new%d-%d-%v", page, created+10, ascending), created, ""))
	}
	if _, err := s.store.Update(s.Context(), s.account, "202601-r005", func(r *recording.Recording) error {
		r.Modified++
		return nil
	}); err != nil {
		s.Fatalf("Update: %v", err)
	}
	for n, id := range []string{"r003", "r008"} {
		if page == n && ascending {
			if _, err := s.store.Delete(s.Context(), s.account, "202601-"+id, nothing); err != nil {
				s.Fatalf("Delete: %v", err)
			}
		}
	}
}

// testAnyWalk compares walks with what a sorted list of all rows says.
func testAnyWalk(s *suite) {
	names := s.many(15)
	s.settled(store.Query{Ascending: true}, names...)
	rapid.Check(s.T, func(t *rapid.T) {
		q := store.Query{
			Ascending: rapid.Bool().Draw(t, "ascending"),
			Limit:     rapid.IntRange(1, 6).Draw(t, "limit"),
			Owner:     rapid.SampledFrom([]string{"", "u"}).Draw(t, "owner"),
			From:      rapid.SampledFrom([]recording.Seconds{0, epoch - 1, epoch + 1, epoch + 4}).Draw(t, "from"),
			To:        rapid.SampledFrom([]recording.Seconds{0, epoch + 3, epoch + 6, epoch + 99}).Draw(t, "to"),
		}
		modulus := rapid.IntRange(0, 4).Draw(t, "modulus")
		if modulus > 0 {
			q.Work.Bytes = int64(rapid.IntRange(1, 100).Draw(t, "bytes"))
			q.Keep = func(r *recording.Recording) bool { return int(r.Created-epoch)%modulus == 0 }
		}
		var want []string
		for i, name := range names {
			created := epoch + recording.Seconds(i/2)
			in := (q.From == 0 || created >= q.From) && (q.To == 0 || created <= q.To)
			if in && (q.Owner == "" || i%3 == 0) && (modulus == 0 || (i/2)%modulus == 0) {
				want = append(want, name)
			}
		}
		if !q.Ascending {
			slices.Reverse(want)
		}
		if got := s.walk(q, nil); !slices.Equal(got, want) {
			t.Fatalf("walk of %+v: %v, want %v", q, got, want)
		}
	})
}
