package storetest

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// entryPages are the cases for pages of entries.
var entryPages = []testCase{
	{"pages of a partition, of a prefix, and after a key", func(s *suite) {
		keys := []string{"a", "b/", "b/1", "b/2", "b/ü", "b0", "c"}
		s.writeKeys(keys...)
		for _, c := range []struct {
			q    store.EntryQuery
			want string
		}{
			{store.EntryQuery{}, "a b/ b/1 b/2 b/ü b0 c"},
			{store.EntryQuery{Descending: true}, "c b0 b/ü b/2 b/1 b/ a"},
			{store.EntryQuery{Prefix: "b/"}, "b/ b/1 b/2 b/ü"},
			{store.EntryQuery{Prefix: "b/", Descending: true}, "b/ü b/2 b/1 b/"},
			{store.EntryQuery{Prefix: "d"}, ""},
			{store.EntryQuery{After: "b/1"}, "b/2 b/ü b0 c"},
			{store.EntryQuery{After: "b/1", Descending: true}, "b/ a"},
			{store.EntryQuery{After: "b/11"}, "b/2 b/ü b0 c"},
			{store.EntryQuery{After: "b/11", Descending: true}, "b/1 b/ a"},
			{store.EntryQuery{Prefix: "b/", After: "b/1"}, "b/2 b/ü"},
			{store.EntryQuery{Prefix: "b/", After: "b/1", Descending: true}, "b/"},
			{store.EntryQuery{Prefix: "b/", After: "b/"}, "b/1 b/2 b/ü"},
			{store.EntryQuery{Prefix: "b/", After: "b/", Descending: true}, ""},
			{store.EntryQuery{Prefix: "b/", After: "a"}, "b/ b/1 b/2 b/ü"},
			{store.EntryQuery{Prefix: "b/", After: "a", Descending: true}, ""},
			{store.EntryQuery{Prefix: "b/", After: "c"}, ""},
			{store.EntryQuery{Prefix: "b/", After: "c", Descending: true}, "b/ü b/2 b/1 b/"},
			{store.EntryQuery{After: "z"}, ""},
		} {
			for limit := 1; limit <= len(keys)+1; limit++ {
				c.q.Limit = limit
				if got := s.walkEntries(c.q); got != c.want {
					s.Errorf("the pages of %+v = %q, want %q", c.q, got, c.want)
				}
			}
		}
	}},
	{"a page states whether there is another", func(s *suite) {
		s.writeKeys("a", "b", "c")
		for limit, want := range map[int]string{1: "a", 2: "b", 3: "", 4: ""} {
			if p := s.entryPage(store.EntryQuery{Limit: limit}); p.Next != want || len(p.Entries) != min(limit, 3) {
				s.Errorf("a page of %d has %d entries and goes on after %q, want %q", limit, len(p.Entries), p.Next, want)
			}
		}
		if p := s.inNewAccount(s.reporter).entryPage(store.EntryQuery{Limit: 1}); len(p.Entries) != 0 || p.Next != "" {
			s.Errorf("a partition without entries = %+v", p)
		}
	}},
	{"pages leave out expired entries", func(s *suite) {
		for i := range 9 {
			e := s.entry(strconv.Itoa(i), "{}")
			if i%3 != 0 {
				e.Expires = recording.SecondsOf(time.Now().Add(-time.Minute))
			}
			s.writeEntries(store.EntryWrite{Entry: e})
		}
		for limit := 1; limit < 10; limit++ {
			if got := s.walkEntries(store.EntryQuery{Limit: limit}); got != "0 3 6" {
				s.Errorf("the pages of %d = %q, want 0 3 6", limit, got)
			}
		}
	}},
	{"pages of large entries", func(s *suite) {
		var want []string
		for i := range 6 {
			e := s.entry(strconv.Itoa(i), strings.Repeat("v", store.MaxEntry))
			want = append(want, e.Key)
			s.writeEntries(store.EntryWrite{Entry: e})
		}
		if got := s.walkEntries(store.EntryQuery{Limit: 100}); got != strings.Join(want, " ") {
			s.Errorf("the pages = %q, want %q", got, want)
		}
	}},
	{"pages follow the order of bytes", func(s *suite) {
		rapid.Check(s, func(t *rapid.T) {
			s := s.inNewAccount(t)
			key := rapid.StringMatching(`[a/ ü😀~]{1,4}`)
			keys := rapid.SliceOfNDistinct(key, 0, 8, rapid.ID[string]).Draw(t, "keys")
			q := store.EntryQuery{
				Prefix: rapid.StringMatching(`[a/ü]{0,2}`).Draw(t, "prefix"), Descending: rapid.Bool().Draw(t, "descending"),
				After: rapid.OneOf(rapid.Just(""), key).Draw(t, "after"), Limit: rapid.IntRange(1, 9).Draw(t, "limit"),
			}
			s.writeKeys(keys...)
			slices.Sort(keys)
			var want []string
			for _, k := range keys {
				if strings.HasPrefix(k, q.Prefix) && (q.After == "" || k != q.After && (k > q.After) != q.Descending) {
					want = append(want, k)
				}
			}
			if q.Descending {
				slices.Reverse(want)
			}
			if got := s.walkEntries(q); got != strings.Join(want, " ") {
				t.Errorf("the pages of %+v = %q, want %q", q, got, want)
			}
		})
	}},
}

// writeKeys stores entries with these keys.
func (s *suite) writeKeys(keys ...string) {
	s.Helper()
	for _, k := range keys {
		s.writeEntries(store.EntryWrite{Entry: s.entry(k, "{}")})
	}
}

// entryPage reads a page of the suite's partition.
func (s *suite) entryPage(q store.EntryQuery) store.EntryPage {
	s.Helper()
	q.Partition = s.entry("", "").Partition
	p, err := s.store.PageEntries(s.Context(), q)
	if err != nil {
		s.Fatalf("PageEntries(%+v): %v", q, err)
	}
	if len(p.Entries) > q.Limit {
		s.Errorf("PageEntries(%+v) = %d entries", q, len(p.Entries))
	}
	return p
}

// walkEntries returns the keys on all pages of q, separated by spaces.
func (s *suite) walkEntries(q store.EntryQuery) string {
	s.Helper()
	var keys []string
	for range 100 {
		p := s.entryPage(q)
		for i := range p.Entries {
			keys = append(keys, p.Entries[i].Key)
		}
		if q.After = p.Next; p.Next == "" {
			break
		}
	}
	return strings.Join(keys, " ")
}
