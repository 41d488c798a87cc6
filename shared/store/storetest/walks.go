package storetest

import (
	"slices"

	"pgregory.net/rapid"

	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// mostPages bounds a walk that does not come to its end.
const mostPages = 500

// walk follows a list to its end and returns the names; that they come in
// order, and so none twice, it sees to itself. between, if not nil, is called
// behind every page but the last with the row examined last.
func (s *suite) walk(q store.Query, between func(cut store.Position)) []string {
	s.Helper()
	var all []string
	var last *recording.Recording
	for range mostPages {
		p := s.page(q)
		for i := range p.Recordings {
			r := &p.Recordings[i]
			if last != nil && !precedes(last, r, q.Ascending) {
				s.Fatalf("ascending %v: %s of %d comes behind %s of %d", q.Ascending, r.ID, r.Created, last.ID, last.Created)
			}
			last = r
		}
		all = append(all, ids(p)...)
		if p.Next == nil {
			return all
		}
		if *p.Next == q.Start {
			s.Fatalf("the next page begins where this one did: %+v", q.Start)
		}
		q.Start = *p.Next
		if between != nil {
			between(q.Start)
		}
	}
	s.Fatalf("no end after %d pages", mostPages)
	return nil
}

// precedes reports whether a comes before b in a list.
func precedes(a, b *recording.Recording, ascending bool) bool {
	if !ascending {
		a, b = b, a
	}
	return a.Created < b.Created || a.Created == b.Created && a.ID < b.ID
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
	{"cut anywhere, all that is held comes, whatever happens meanwhile", testDisturbedWalks},
	{"any cut of any list", testAnyWalk},
	{"any cut of any list, any changes meanwhile", testAnyDisturbedWalk},
}

// testDisturbedWalks cuts lists at every position, and at the cut inserts,
// changes and deletes around it.
func testDisturbedWalks(s *suite) {
	const n = 6
	for _, owner := range []string{"", "u"} {
		for _, ascending := range []bool{true, false} {
			for cut := 1; cut < n; cut++ {
				s := s.fresh(s.reporter)
				s.testDisturbedWalk(store.Query{Owner: owner, Ascending: ascending, Limit: cut}, n)
			}
		}
	}
}

// testDisturbedWalk makes n recordings and disturbs the list behind the first
// page. The row of the cut and the second one behind it go, all others have to
// come.
func (s *suite) testDisturbedWalk(q store.Query, n int) {
	var names []string
	for i := range n {
		names = append(names, string(rune('b'+2*i)))
		s.put(s.rec(names[i], recording.Seconds(i/2), "u"))
	}
	if !q.Ascending {
		slices.Reverse(names)
	}
	s.settled(store.Query{Owner: q.Owner, Ascending: q.Ascending}, names...)
	cut := q.Limit
	gone := names[cut-1 : cut]
	if cut+1 < n {
		gone = []string{gone[0], names[cut+1]}
	}
	disturbed := false
	all := s.walk(q, func(at store.Position) {
		if disturbed {
			return
		}
		disturbed = true
		if name := at.ID[len("202601-"):]; name != gone[0] || !at.After {
			s.Errorf("the first page ends at %+v, want behind %s", at, gone[0])
		}
		// Right before and right behind the row, and beyond both ends.
		before := string(rune(gone[0][0] - 1))
		s.put(s.rec(before, at.Created-epoch, "u"), s.rec(gone[0]+"1", at.Created-epoch, "u"),
			s.rec("0", -10, "u"), s.rec("z", 50, "u"))
		for _, name := range names {
			s.touch(name)
		}
		for _, name := range gone {
			s.remove(name)
		}
	})
	held := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(gone, name) })
	got := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !slices.Contains(held, name) })
	if !slices.Equal(got, held) {
		s.Errorf("%+v: %v, of which %v were there throughout, want %v", q, all, got, held)
	}
}

// touch changes a recording, and remove deletes it.
func (s *suite) touch(name string) {
	s.Helper()
	if _, err := s.store.Update(s.Context(), s.account, "202601-"+name, func(r *recording.Recording) error {
		r.Modified++
		return nil
	}); err != nil {
		s.Fatalf("Update(%s): %v", name, err)
	}
}

func (s *suite) remove(name string) {
	s.Helper()
	if _, err := s.store.Delete(s.Context(), s.account, "202601-"+name, nothing); err != nil {
		s.Fatalf("Delete(%s): %v", name, err)
	}
}

// testAnyWalk compares walks with what a sorted list of all rows says.
func testAnyWalk(s *suite) {
	names := s.many(15)
	s.settled(store.Query{Ascending: true}, names...)
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

// testAnyDisturbedWalk draws a list, a walk, and what happens behind each page.
func testAnyDisturbedWalk(s *suite) {
	type row struct {
		name    string
		created recording.Seconds
	}
	// Names and times of which many coincide.
	rows := rapid.Custom(func(t *rapid.T) row {
		return row{rapid.StringMatching("[a-e]{1,2}").Draw(t, "name"), recording.Seconds(rapid.IntRange(0, 3).Draw(t, "created"))}
	})
	nameOf := func(r row) string { return r.name }
	s.check(func(t *rapid.T) {
		s := s.fresh(t)
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
		var held []string
		for _, r := range list {
			held = append(held, r.name)
		}
		s.settled(store.Query{Owner: q.Owner, Ascending: q.Ascending}, held...)
		living := slices.Clone(held)
		used := slices.Clone(held)
		all := s.walk(q, func(store.Position) {
			switch what := rapid.IntRange(0, 3).Draw(t, "what"); {
			case what == 0:
				r := rows.Draw(t, "new")
				if !slices.Contains(used, r.name) && len(used) < 20 {
					s.put(s.rec(r.name, r.created, "u"))
					used, living = append(used, r.name), append(living, r.name)
				}
			case what == 1 && len(living) > 0:
				s.touch(rapid.SampledFrom(living).Draw(t, "touched"))
			case what == 2 && len(living) > 0:
				name := rapid.SampledFrom(living).Draw(t, "removed")
				s.remove(name)
				is := func(n string) bool { return n == name }
				living, held = slices.DeleteFunc(living, is), slices.DeleteFunc(held, is)
			}
		})
		got := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !slices.Contains(held, name) })
		if !slices.Equal(got, held) {
			t.Fatalf("%+v: %v, of which %v were there throughout, want %v", q, all, got, held)
		}
	})
}

// check tries a property.
func (s *suite) check(property func(*rapid.T)) {
	s.Helper()
	rapid.Check(s.reporter, property)
}
