package kazootest_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer/kazoo/kazootest"
)

// walk follows the cursors of a list and returns the IDs of each page.
func (s *site) walk(t *testing.T, path string) (pages [][]string) {
	t.Helper()
	for next := ""; ; {
		r := s.get(t, path+next)
		ids := r.ids(t)
		if r.Start == nil || r.Size == nil || *r.Size != len(ids) {
			t.Fatalf("page %d has start_key %v and page_size %v", len(pages)+1, r.Start, r.Size)
		}
		pages = append(pages, ids)
		if r.Next == nil {
			return pages
		}
		next = "&start_key=" + *r.Next
	}
}

// spread returns recordings from three months, and the times when the first and the last of them
// are saved. Some are saved in the same second; all are saved in the month of their start.
func spread() (out []kazootest.Recording, first, last int64) {
	for i, month := range []string{"202309", "202310", "202311"} {
		at := seconds(time.Date(2023, time.Month(9+i), 3, 0, 0, 0, 0, time.UTC))
		for n := range 40 + i {
			out = append(out, saved(month, (n*7)%50, at+int64(n/3)*1000))
		}
	}
	return out, out[0].Created, out[len(out)-1].Created
}

func TestWalks(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{MaximumRange: 100 * 86400})
	all, first, last := spread()
	s.Add(child, all...)
	slices.SortFunc(all, func(a, b kazootest.Recording) int {
		return strings.Compare(fmt.Sprint(a.Created, a.ID), fmt.Sprint(b.Created, b.ID))
	})
	var want []string
	for _, r := range all {
		want = append(want, r.ID)
	}
	for _, order := range []string{"&ascending=true", ""} {
		for _, size := range []int{1, 3, 50, len(want) - 1, len(want), len(want) + 1} {
			pages := s.walk(t, fmt.Sprintf("%s%s&page_size=%d%s", recordings(child), window(first, last), size, order))
			for i, p := range pages[:len(pages)-1] {
				if len(p) != size {
					t.Errorf("page %d with page size %d%s has %d rows, want %d", i+1, size, order, len(p), size)
				}
			}
			if got := slices.Concat(pages...); !reflect.DeepEqual(got, want) {
				t.Errorf("pages of %d%s = %d recordings %q, want %d", size, order, len(got), got, len(want))
			}
		}
		if r := s.get(t, recordings(child)+window(first, last)+order+"&paginate=false"); !reflect.DeepEqual(r.ids(t), want) || r.Start != nil || r.Size != nil || r.Next != nil {
			t.Errorf("paginate=false%s = %d recordings, want %d without pages", order, len(r.ids(t)), len(want))
		}
		slices.Reverse(want)
	}
	if got := len(s.get(t, recordings(child)).ids(t)); got == 0 || got > 50 {
		t.Errorf("without parameters = %d recordings, want 1 to 50", got)
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{})
	now := seconds(noon)
	s.Add(top, saved("202311", 1, now-200), saved("202311", 2, now-100))
	for query, descending := range map[string]bool{
		"": true, "descending=false": true, "ascending=false": true, "ascending=true": false, "ascending=x": false,
		"ascending=true&descending=true": true, "ascending=true&descending=false": false,
	} {
		if got := s.get(t, recordings(top)+"?"+query).ids(t); len(got) != 2 || (got[0] == id("202311", 2)) != descending {
			t.Errorf("%q = %q, want newest first to be %v", query, got, descending)
		}
	}
}

// A window includes its ends. A list contains the recordings that were saved within
// the window, but only from the databases of the months in the window (2.1).
func TestWindows(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{})
	turn := seconds(time.Date(2023, 11, 1, 0, 0, 0, 0, time.UTC))
	late := saved("202310", 1, turn+60) // begun in October
	s.Add(top, late, saved("202310", 2, turn-50), saved("202311", 3, turn+100))
	a, b, c := id("202310", 1), id("202310", 2), id("202311", 3)
	for _, tt := range []struct {
		name     string
		from, to int64
		want     []string
	}{
		{"November alone", turn, turn + 1000, []string{c}},
		{"a second of October too", turn - 1, turn + 1000, []string{c, a}},
		{"all of it", turn - 50, turn + 100, []string{c, a, b}},
		{"one second less at both ends", turn - 49, turn + 99, []string{a}},
		{"one second", turn + 100, turn + 100, []string{c}},
		{"October alone", turn - 1000, turn - 1, []string{b}},
		{"before", turn - 1000, turn - 51, []string{}},
	} {
		if got := s.get(t, recordings(top)+window(tt.from, tt.to)).ids(t); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// The cursor from one database applies to all of them (crossbar_view:get_results).
// A client that reads across the start of a month in pages therefore misses
// recordings or sees them twice. A single page for the whole window has no such gaps.
func TestWalksOverTheTurnOfAMonth(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{})
	turn := seconds(time.Date(2023, 11, 1, 0, 0, 0, 0, time.UTC))
	names := map[string]string{}
	for name, r := range map[string]kazootest.Recording{
		"Z": saved("202310", 1, turn-100), "A": saved("202310", 2, turn+300),
		"B": saved("202311", 3, turn+60), "C": saved("202311", 4, turn+600),
	} {
		names[r.ID] = name
		s.Add(top, r)
	}
	for query, want := range map[string]string{
		"page_size=1":                  "C B Z",
		"page_size=2":                  "CB BA Z",
		"page_size=3":                  "CBA Z",
		"page_size=4":                  "CBAZ",
		"page_size=100":                "CBAZ",
		"ascending=true&page_size=1":   "Z A C",
		"ascending=true&page_size=2":   "ZA AB C",
		"ascending=true&page_size=100": "ZABC",
	} {
		var got []string
		for _, page := range s.walk(t, recordings(top)+window(turn-1000, turn+1000)+"&"+query) {
			letters := make([]string, len(page))
			for i, id := range page {
				letters[i] = names[id]
			}
			got = append(got, strings.Join(letters, ""))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s = %s, want %s", query, text, want)
		}
	}
}

// Cursors equal Erlang's encoded terms byte for byte (3.5).
func TestCursors(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{})
	const from, to = 63866880000, 63866880000 + 1000
	s.Add(top, saved("202311", 1, from+1), saved("202311", 2, from+2))
	digits := func(n int64) string {
		var b []byte
		for range 5 {
			b, n = append(b, byte(n)), n>>8
		}
		return hex.EncodeToString(b)
	}
	row := func(n int) string {
		return "836c00000002" + "6e0500" + digits(from+int64(n)) + "6d00000027" + hex.EncodeToString([]byte(id("202311", n))) + "6a"
	}
	for query, want := range map[string][2]string{
		"":                {"836c00000002" + "6e0500" + digits(to) + "68016a" + "6a", row(1)},
		"&ascending=true": {"836c00000001" + "6e0500" + digits(from) + "6a", row(2)},
	} {
		r := s.get(t, recordings(top)+window(from, to)+"&page_size=1"+query)
		if r.Start == nil || r.Next == nil {
			t.Fatalf("%q = %s, want cursors", query, r.text)
		}
		for i, cursor := range []string{*r.Start, *r.Next} {
			raw, err := base64.RawURLEncoding.DecodeString(cursor)
			if got := hex.EncodeToString(raw); err != nil || got != want[i] {
				t.Errorf("%q: cursor %d = %s, %v, want %s", query, i, got, err, want[i])
			}
		}
		again := s.get(t, recordings(top)+window(from, to)+query+"&start_key="+*r.Start)
		if again.Start == nil || *again.Start != *r.Start || len(again.ids(t)) != 2 {
			t.Errorf("%q with start_key from the first page = %s, want both recordings", query, again.text)
		}
	}
}

func TestOddCursors(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{})
	now := seconds(noon)
	s.Add(top, saved("202311", 1, now-100))
	outside := base64.RawURLEncoding.EncodeToString([]byte("\x83\x6c\x00\x00\x00\x01\x61\x05\x6a")) // [5]
	for _, cursor := range []string{"junk", "%%%", "g", "", outside, "g2wAAAACbgUA", "g2wAAAAD" + strings.Repeat("A", 40)} {
		r := s.get(t, recordings(top)+"?start_key="+url.QueryEscape(cursor))
		if got := r.ids(t); len(got) != 0 || r.Next != nil || r.Start == nil {
			t.Errorf("start_key %q = %s, want an empty page", cursor, r.text)
		}
	}
	if got := s.get(t, recordings(top)+"?ascending=true&start_key=junk").ids(t); len(got) != 1 {
		t.Errorf("a string key, ascending = %q, want all recordings", got)
	}
}

func TestItems(t *testing.T) {
	t.Parallel()
	s := open(t, kazootest.Options{})
	now := seconds(noon)
	odd := kazootest.Recording{ID: id("202311", 2), Created: now - 2, Document: ` { "start" : "no number", "x<y": 1e400, "x<y": 2 } `}
	s.Add(top, saved("202311", 1, now-1), odd, kazootest.Recording{ID: id("202311", 3), Created: now - 3, Document: "{}"})
	var got []json.RawMessage
	r := s.get(t, recordings(top))
	if err := json.Unmarshal(r.Data, &got); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		`{"id":"` + id("202311", 1) + `","_read_only":{"content_types":["audio/x-wav"]},"name":"n 1.wav","start":` + strconv.FormatInt(now-11, 10) + `}`,
		`{"id":"` + id("202311", 2) + `","_read_only":{"content_types":[]},"start":"no number","x<y":1e400,"x<y":2}`,
		`{"id":"` + id("202311", 3) + `","_read_only":{"content_types":[]}}`,
	} {
		if string(got[i]) != want {
			t.Errorf("item %d = %s, want %s", i, got[i], want)
		}
	}
	if r.Revision == "" || r.header.Get("ETag") != `"`+r.Revision+`"` || r.Token != "tok" || r.Node == "" || r.Timestamp[:10] != "2023-11-20" || !strings.HasSuffix(r.Timestamp, "Z") {
		t.Errorf("envelope = %s, want all members of 5.1", r.text)
	}
	if r := s.get(t, recordings(top), "X-Request-ID: mine"); r.RequestID != "mine" || r.header.Get("X-Request-ID") != "mine" {
		t.Errorf("request_id = %q, want mine", r.RequestID)
	}
}

func TestChangesBetweenPages(t *testing.T) {
	t.Parallel()
	now := seconds(noon)
	s := open(t, kazootest.Options{Faults: kazootest.Faults{BeforePage: func(s *kazootest.Server, request int) {
		switch request {
		case 2:
			s.Remove(top, id("202311", 3))
		case 3:
			s.Remove(top, id("202311", 0)) // the next page is empty
			s.Remove(top, "unknown")
			s.Add(top, saved("202311", 2, now-7)) // saved again, at another position
		}
	}}})
	for n := range 6 {
		s.Add(top, saved("202311", n, now-int64(10-n)))
	}
	var got []int
	for _, page := range s.walk(t, recordings(top)+window(now-100, now)+"&page_size=2") {
		for _, text := range page {
			got = append(got, int(text[len(text)-1]-'0'))
		}
	}
	if want := []int{5, 4, 2, 1}; !reflect.DeepEqual(got, want) {
		t.Errorf("walk = %v, want %v", got, want)
	}
}
