package storetest

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// maxPages stops a walk that does not end.
const maxPages = 500

// walk follows Next from page to page until the last one and returns all names.
// It fails the case if they are out of order or repeat. If between is not nil,
// walk calls it after every page but the last, with the start of the next page.
func (s *suite) walk(q store.Query, between func(next store.Position)) []string {
	s.Helper()
	var all []string
	var last *recording.Recording
	for range maxPages {
		p := s.page(q)
		for i := range p.Recordings {
			r := &p.Recordings[i]
			if last != nil && !precedes(last, r, q.Ascending) {
				s.Fatalf("ascending %v: %s created at %d comes after %s created at %d", q.Ascending, r.ID, r.Created, last.ID, last.Created)
			}
			last = r
		}
		all = append(all, ids(p)...)
		if p.Next == nil {
			return all
		}
		if *p.Next == q.Start {
			s.Fatalf("the next page begins where this one began: %+v", q.Start)
		}
		q.Start = *p.Next
		if between != nil {
			between(q.Start)
		}
	}
	s.Fatalf("no end after %d pages", maxPages)
	return nil
}

// precedes reports whether a comes before b in a list.
func precedes(a, b *recording.Recording, ascending bool) bool {
	if !ascending {
		a, b = b, a
	}
	return a.Created < b.Created || a.Created == b.Created && a.ID < b.ID
}

// walks are the cases for sequences of pages.
var walks = []testCase{
	{"pages of every size", func(s *suite) {
		names := s.putMany(7)
		s.wantList(store.Query{Ascending: true}, names...)
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
	{"writes after the first page, for every first page", testDisturbedWalks},
	{"corrections after the first page leave the other recordings in the list once", testCorrectedWalk},
	{"random queries", testRandomWalk},
	{"random queries with random writes after each page", testRandomDisturbedWalk},
}

// testDisturbedWalks ends the first page at every position of a list, and then
// inserts, changes and deletes recordings around that position.
func testDisturbedWalks(s *suite) {
	const n = 6
	for _, owner := range []string{"", "u"} {
		for _, ascending := range []bool{true, false} {
			for limit := 1; limit < n; limit++ {
				s := s.inNewAccount(s.reporter)
				s.testDisturbedWalk(store.Query{Owner: owner, Ascending: ascending, Limit: limit}, n)
			}
		}
	}
}

// testDisturbedWalk stores n recordings and changes the list after the first
// page. It deletes the last row of that page and the second row after it. Every
// other row must appear on a page.
func (s *suite) testDisturbedWalk(q store.Query, n int) {
	var names []string
	for i := range n {
		names = append(names, string(rune('b'+2*i)))
		s.put(s.rec(names[i], recording.Seconds(i/2), "u"))
	}
	if !q.Ascending {
		slices.Reverse(names)
	}
	s.wantList(store.Query{Owner: q.Owner, Ascending: q.Ascending}, names...)
	deleted := names[q.Limit-1 : q.Limit]
	if q.Limit+1 < n {
		deleted = []string{deleted[0], names[q.Limit+1]}
	}
	disturbed := false
	all := s.walk(q, func(at store.Position) {
		if disturbed {
			return
		}
		disturbed = true
		if name := at.ID[len("202601-"):]; name != deleted[0] || !at.After {
			s.Errorf("the first page ends at %+v, want after %s", at, deleted[0])
		}
		// Directly before and after that row, and beyond both ends of the list.
		before := string(rune(deleted[0][0] - 1))
		s.put(s.rec(before, at.Created-epoch, "u"), s.rec(deleted[0]+"1", at.Created-epoch, "u"),
			s.rec("0", -10, "u"), s.rec("z", 50, "u"))
		for _, name := range names {
			s.touch(name)
		}
		s.remove(deleted...)
	})
	kept := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(deleted, name) })
	got := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !slices.Contains(kept, name) })
	if !slices.Equal(got, kept) {
		s.Errorf("pages of %+v: %v, with %v of the recordings not deleted, want %v", q, all, got, kept)
	}
}

// testCorrectedWalk ends the first page at every position of a list, and then moves a
// recording across that position, in both directions.
func testCorrectedWalk(s *suite) {
	for _, ascending := range []bool{true, false} {
		for moved := range 5 {
			for limit := 1; limit < 5; limit++ {
				s := s.inNewAccount(s.reporter)
				names := s.putMany(5)
				s.wantList(store.Query{Ascending: true}, names...)
				q, name := store.Query{Ascending: ascending, Limit: limit}, names[moved]
				first := true
				all := s.walk(q, func(store.Position) {
					if !first {
						return
					}
					first = false
					_, err := s.store.Correct(s.Context(), s.account, "202601-"+name, func(r *recording.Recording) error {
						r.Created = epoch + 4 - 2*(r.Created-epoch)
						return nil
					})
					if err != nil {
						s.Fatalf("Correct(%s): %v", name, err)
					}
				})
				others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
				got := slices.DeleteFunc(slices.Clone(all), func(n string) bool { return n == name })
				if !ascending {
					slices.Reverse(got)
				}
				if !slices.Equal(got, others) {
					s.Errorf("pages of %d, ascending %v, %s moved: %v, want %v beside it", limit, ascending, name, all, others)
				}
			}
		}
	}
}

// touch changes a recording.
func (s *suite) touch(name string) {
	s.Helper()
	if _, err := s.store.Update(s.Context(), s.account, "202601-"+name, func(r *recording.Recording) error {
		r.Modified++
		return nil
	}); err != nil {
		s.Fatalf("Update(%s): %v", name, err)
	}
}

// testRandomWalk compares the pages of random queries with a sorted list of all
// rows.
func testRandomWalk(s *suite) {
	names := s.putMany(15)
	s.wantList(store.Query{Ascending: true}, names...)
	s.check(func(t *rapid.T) {
		s := &suite{reporter: t, store: s.store, account: s.account}
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
			inRange := (q.From == 0 || created >= q.From) && (q.To == 0 || created <= q.To)
			if inRange && (q.Owner == "" || i%3 == 0) && (modulus == 0 || (i/2)%modulus == 0) {
				want = append(want, name)
			}
		}
		if !q.Ascending {
			slices.Reverse(want)
		}
		if got := s.walk(q, nil); !slices.Equal(got, want) {
			t.Fatalf("pages of %+v: %v, want %v", q, got, want)
		}
	})
}

// testRandomDisturbedWalk draws a list, a query and the writes after each page.
func testRandomDisturbedWalk(s *suite) {
	type row struct {
		name    string
		created recording.Seconds
	}
	// The ranges are small, so that names and times often coincide.
	rows := rapid.Custom(func(t *rapid.T) row {
		return row{rapid.StringMatching("[a-e]{1,2}").Draw(t, "name"), recording.Seconds(rapid.IntRange(0, 3).Draw(t, "created"))}
	})
	nameOf := func(r row) string { return r.name }
	s.check(func(t *rapid.T) {
		s := s.inNewAccount(t)
		list := rapid.SliceOfNDistinct(rows, 1, 6, nameOf).Draw(t, "rows")
		for _, r := range list {
			s.put(s.rec(r.name, r.created, "u"))
		}
		q := store.Query{
			Ascending: rapid.Bool().Draw(t, "ascending"), Limit: rapid.IntRange(1, 3).Draw(t, "limit"),
			Owner: rapid.SampledFrom([]string{"", "u"}).Draw(t, "owner"),
		}
		slices.SortFunc(list, func(a, b row) int {
			x, y := s.rec(a.name, a.created, ""), s.rec(b.name, b.created, "")
			if precedes(&x, &y, q.Ascending) {
				return -1
			}
			return 1
		})
		var kept []string
		for _, r := range list {
			kept = append(kept, r.name)
		}
		s.wantList(store.Query{Owner: q.Owner, Ascending: q.Ascending}, kept...)
		existing := slices.Clone(kept)
		used := slices.Clone(kept)
		all := s.walk(q, func(store.Position) {
			switch write := rapid.IntRange(0, 3).Draw(t, "write"); {
			case write == 0:
				r := rows.Draw(t, "new")
				if !slices.Contains(used, r.name) && len(used) < 20 {
					s.put(s.rec(r.name, r.created, "u"))
					used, existing = append(used, r.name), append(existing, r.name)
				}
			case write == 1 && len(existing) > 0:
				s.touch(rapid.SampledFrom(existing).Draw(t, "touched"))
			case write == 2 && len(existing) > 0:
				name := rapid.SampledFrom(existing).Draw(t, "removed")
				s.remove(name)
				is := func(n string) bool { return n == name }
				existing, kept = slices.DeleteFunc(existing, is), slices.DeleteFunc(kept, is)
			}
		})
		got := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !slices.Contains(kept, name) })
		if !slices.Equal(got, kept) {
			t.Fatalf("pages of %+v: %v, with %v of the recordings not deleted, want %v", q, all, got, kept)
		}
	})
}

// check tests a property with random values.
func (s *suite) check(property func(*rapid.T)) {
	s.Helper()
	rapid.Check(s.reporter, property)
}
