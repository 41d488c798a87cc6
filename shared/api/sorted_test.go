package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/cursor"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// lastMonth is a list of all recordings of the last 30 days.
var lastMonth = fmt.Sprintf("%s?created_from=%d", tenantList, daysAgo(30))

func TestSortedList(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	s.put(t,
		entry{id: "202601-a", created: daysAgo(3), doc: `{"duration":30,"start":3,"from":"b","to":"z"}`},
		entry{id: "202601-b", created: daysAgo(2), doc: `{"duration":4,"start":2,"from":"a","to":"Z"}`},
		entry{id: "202601-c", created: daysAgo(1), doc: `{"duration":30,"start":1,"from":"a"}`},
		entry{id: "202601-d", created: daysAgo(1), doc: `{"start":10}`},
		entry{id: "202601-e", created: daysAgo(40), doc: `{"duration":99}`},
	)
	for query, want := range map[string]string{
		"&sort=duration":                         "c a b d",
		"&sort=duration&ascending=true":          "d b a c",
		"&sort=start":                            "d a b c",
		"&sort=from":                             "a c b d",
		"&sort=to&descending=false":              "c d b a",
		"&sort=created":                          "d c b a",
		"&sort=":                                 "d c b a",
		"&sort=undefined":                        "d c b a",
		"&sort=duration&filter_from=a":           "c b",
		"&sort=duration&paginate=false":          "c a b d",
		"&sort=start&paginate=false&page_size=1": "d a b c",
	} {
		var got []string
		for _, id := range s.ask(t, http.MethodGet, lastMonth+query).ids(t) {
			got = append(got, strings.TrimPrefix(id, "202601-"))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: %s, want %s", query, text, want)
		}
	}
}

// Pages of any size give the whole sorted list, also of one user and of supervisors.
func TestSortedPagesHoldEachRecordingOnce(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	random := rand.New(rand.NewPCG(7, 8))
	for i := range 80 {
		s.put(t, entry{
			id: fmt.Sprintf("202601-%03d", i), created: daysAgo(random.IntN(20)), owner: []string{"", alice, bob}[i%3],
			doc: fmt.Sprintf(`{"duration":%d,"from":"%c","n":%q}`, random.IntN(9), 'a'+rune(random.IntN(4)), strings.Repeat("x", i)),
		})
	}
	rapid.Check(t, func(rt *rapid.T) {
		base := rapid.SampledFrom([]string{tenantList, tenantBase + "/users/" + alice + "/recordings"}).Draw(rt, "base")
		field := rapid.SampledFrom([]string{"duration", "from", "to"}).Draw(rt, "field")
		target := fmt.Sprintf("%s?created_from=%d&sort=%s&ascending=%t", base, daysAgo(rapid.IntRange(10, 30).Draw(rt, "days")), field, rapid.Bool().Draw(rt, "ascending"))
		size := rapid.IntRange(1, 90).Draw(rt, "size")
		all := s.ask(t, http.MethodGet, target+"&page_size=1000").ids(t)
		pages := s.follow(t, fmt.Sprintf("%s&page_size=%d", target, size))
		if got := slices.Concat(pages...); !slices.Equal(got, all) {
			rt.Fatalf("pages of %d give %q, want %q", size, got, all)
		}
		if unique := slices.Compact(slices.Sorted(slices.Values(all))); len(unique) != len(all) || len(all) == 0 {
			rt.Fatalf("%d recordings, of which %d differ", len(all), len(unique))
		}
	})
}

// A ranking keeps the recordings that come first when all are sorted. The order in which they
// are offered does not matter.
func TestRanking(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(rt, "n")
		all := make([]recording.Recording, n)
		for i := range all {
			all[i] = recording.Recording{
				ID: fmt.Sprint("202601-", i), Created: recording.Seconds(rapid.IntRange(1, 3).Draw(rt, "created")),
				Document: recording.Document(fmt.Sprintf(`{"duration":%d}`, rapid.IntRange(-2, 3).Draw(rt, "duration"))),
			}
		}
		k := &ranking{key: sortKey("duration"), ascending: rapid.Bool().Draw(rt, "ascending"), limit: rapid.IntRange(1, 50).Draw(rt, "limit"), bytes: pageBytes}
		sorted := slices.Clone(all)
		slices.SortFunc(sorted, func(a, b recording.Recording) int {
			return k.compare(place{k.key(&a), store.At(&a)}, place{k.key(&b), store.At(&b)})
		})
		from := rapid.IntRange(0, n-1).Draw(rt, "from")
		k.start = place{k.key(&sorted[from]), store.At(&sorted[from])}
		for _, i := range rapid.Permutation(indexes(n)).Draw(rt, "order") {
			k.offer(&all[i])
			k.offer(&all[i]) // read twice
		}
		want := sorted[from:min(n, from+k.limit)]
		if len(k.rows) != len(want) || k.more != (from+k.limit < n) {
			rt.Fatalf("%d rows, more %t; want %d of %d", len(k.rows), k.more, len(want), n)
		}
		for i := range want {
			if k.rows[i].rec.ID != want[i].ID {
				rt.Fatalf("row %d is %s, want %s", i, k.rows[i].rec.ID, want[i].ID)
			}
		}
	})
}

// A recording that moves while the range is read is on the page once, at its later place.
func TestRankingOfWhatMoves(t *testing.T) {
	t.Parallel()
	k := &ranking{key: sortKey("duration"), ascending: true, limit: 3}
	offer := func(id string, created recording.Seconds, duration int) {
		k.offer(&recording.Recording{ID: id, Created: created, Document: recording.Document(fmt.Sprintf(`{"duration":%d}`, duration))})
	}
	check := func(want string, size int64) {
		t.Helper()
		var got []string
		for i := range k.rows {
			got = append(got, fmt.Sprint(k.rows[i].rec.ID, k.rows[i].at.Created))
		}
		if text := strings.Join(got, " "); text != want || k.size != size || len(k.at) != len(k.rows) {
			t.Errorf("the rows are %q of %d bytes, want %q of %d", text, k.size, want, size)
		}
	}
	offer("a", 1, 5)
	offer("b", 2, 6)
	offer("a", 3, 5)
	check("a3 b2", 28)
	offer("a", 4, 77)
	check("b2 a4", 29)
	offer("c", 5, 1)
	offer("d", 6, 2)
	check("c5 d6 b2", 42)
	if !k.more {
		t.Error("a row of the next page is forgotten")
	}
	k = &ranking{key: k.key, ascending: true, limit: 3, start: place{sortKey("duration")(&recording.Recording{Document: `{"duration":3}`}), store.Position{Created: 1, ID: "x"}}}
	offer("a", 1, 5)
	offer("a", 2, 1)
	check("", 0)
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// A page of large documents does not keep what does not fit into it.
func TestRankingIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	k := &ranking{key: sortKey("duration"), ascending: true, limit: 1000, bytes: 2500}
	for i := range 50 {
		doc := fmt.Sprintf(`{"duration":%d,"x":%q}`, 50-i, strings.Repeat("y", 1000))
		k.offer(&recording.Recording{ID: fmt.Sprint("202601-", i), Created: 1, Document: recording.Document(doc)})
		if k.size > 4*1100 {
			t.Fatalf("%d bytes are kept", k.size)
		}
	}
	if len(k.rows) != 3 || !k.more || k.rows[0].rec.ID != "202601-49" {
		t.Errorf("%d rows, more %t, want the 3 shortest", len(k.rows), k.more)
	}
}

func TestSortedListErrors(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	for query, want := range map[string]string{
		tenantList + "?sort=duration":                                                                   `"date_range"`,
		fmt.Sprintf("%s?sort=duration&created_from=%d", tenantList, daysAgo(32)):                        `"date_range"`,
		fmt.Sprintf("%s?sort=from&created_from=%d&created_to=%d", tenantList, daysAgo(90), daysAgo(40)): `"date_range"`,
		lastMonth + "&sort=callee":                                                                      `"enum"`,
		lastMonth + "&sort=created&fields=" + strings.Repeat("%2C", 3) + strings.Join(names(65), ","):   `"maxItems"`,
		lastMonth + "&sort=duration&start_key=AAAA":                                                     `"start_key"`,
	} {
		if g := s.ask(t, http.MethodGet, query); g.Code != 400 || !strings.Contains(string(g.body), want) {
			t.Errorf("%s: %d %s, want 400 with %s", query, g.Code, g.body, want)
		}
	}
	for _, query := range []string{
		fmt.Sprintf("?sort=from&created_from=%d&created_to=%d", daysAgo(90), daysAgo(60)), "?sort=from&paginate=false",
	} {
		s.ask(t, http.MethodGet, tenantList+query).want(t, 200, "")
	}
}

func names(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("n", i)
	}
	return all
}

// A cursor belongs to the order that it came from.
func TestSortedCursorsAreBound(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	for i := range 3 {
		s.put(t, entry{id: fmt.Sprint("202601-", i), created: daysAgo(i)})
	}
	next := s.ask(t, http.MethodGet, lastMonth+"&page_size=1&sort=duration").page(t).NextStart
	for _, query := range []string{"", "&sort=start", "&sort=duration&ascending=true"} {
		s.ask(t, http.MethodGet, lastMonth+query+"&start_key="+*next).want(t, 400, "validation error")
	}
	s.ask(t, http.MethodGet, lastMonth+"&sort=duration&start_key="+*next).want(t, 200, "")
}

// More than fits into memory is refused instead of sorted in part.
func TestSortedListIsBounded(t *testing.T) {
	t.Parallel()
	m := typicalRecordings(45_000)
	for i := range m {
		m[i].Created = recording.SecondsOf(today) - recording.Seconds(i)
	}
	s := listsOf(t, m)
	got := s.ask(t, http.MethodGet, lastMonth+"&sort=duration")
	if got.want(t, 416, "range not satisfiable"); !strings.Contains(string(got.body), "too many recordings to sort") {
		t.Errorf("the answer is %s", got.body)
	}
	s.ask(t, http.MethodGet, fmt.Sprintf("%s?sort=duration&created_from=%d", tenantList, recording.SecondsOf(today)-20_000)).want(t, 200, "")
	s.ask(t, http.MethodGet, fmt.Sprintf("%s?sort=duration&paginate=false&created_from=%d", tenantList, recording.SecondsOf(today)-20_000)).
		want(t, 416, "range not satisfiable")
}

// A supervisor of many users gets a sorted list, with and without a filter, even if all
// recordings belong to one of them.
func TestSortedListOfSupervisors(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	const n = 300
	for i := range n {
		s.put(t, entry{
			id: fmt.Sprintf("202601-%05d", i), owner: alice, created: daysAgo(1) - recording.Seconds(i),
			doc: fmt.Sprintf(`{"direction":"inbound","duration":%d,"x":%q}`, i, strings.Repeat("x", 8000)),
		})
	}
	for _, members := range []int{1, 24, 30} {
		s.env.Access = granted(access.Grant{Role: access.Supervisor, Owner: alice, Members: names(members)})
		for _, filter := range []string{"", "&filter_direction=inbound"} {
			got := s.askHandler(t, List(s.env, s.store, s.sealer, true), http.MethodGet, lastMonth+"&sort=duration&page_size=1"+filter)
			if ids := got.ids(t); got.Code != 200 || len(ids) != 1 || ids[0] != fmt.Sprintf("202601-%05d", n-1) {
				t.Errorf("with %d members%s: %d %q", members, filter, got.Code, ids)
			}
		}
	}
}

func TestFieldsOfLists(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	s.put(t, entry{id: "202601-a", created: daysAgo(1), doc: `{"from":"a","to":"b","start":7,"user_metadata":{"tag":"vip"}}`})
	for query, want := range map[string]string{
		"?fields=id,from,to,start":                `[{"id":"202601-a","from":"a","to":"b","start":7}]`,
		"?fields=user_metadata":                   `[{"id":"202601-a","user_metadata":{"tag":"vip"}}]`,
		"?fields=to&paginate=false":               `[{"id":"202601-a","to":"b"}]`,
		"?fields=to&sort=from&paginate=false":     `[{"id":"202601-a","to":"b"}]`,
		"?fields=_read_only,nothing&pretty=false": `[{"id":"202601-a","_read_only":{"content_types":[],"state":"pending"}}]`,
	} {
		g := s.ask(t, http.MethodGet, tenantList+query)
		var body struct{ Data json.RawMessage }
		if err := json.Unmarshal(g.body, &body); err != nil || string(body.Data) != want {
			t.Errorf("%s: %s, %v; want %s", query, body.Data, err, want)
		}
	}
	g := s.ask(t, http.MethodGet, tenantList+"?accept=csv&fields=to,id,user_metadata")
	if want := "to,id,user_metadata\r\nb,202601-a,\"{\"\"tag\"\":\"\"vip\"\"}\"\r\n"; string(g.body) != want {
		t.Errorf("CSV: %q, want %q", g.body, want)
	}
}

func TestPlaceRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := place{
			key: rapid.StringOfN(rapid.Rune(), 0, maxSortText/4, maxSortText).Draw(rt, "key"),
			at: store.Position{
				Created: recording.Seconds(rapid.Int64().Draw(rt, "created")), After: rapid.Bool().Draw(rt, "after"),
				ID: rapid.StringMatching(`[0-9]{6}-[A-Za-z0-9_.@-]{1,128}`).Draw(rt, "id"),
			},
		}
		data := appendPlace(nil, p)
		if len(data) > cursor.MaxPosition {
			rt.Fatalf("%d bytes, but a cursor holds %d", len(data), cursor.MaxPosition)
		}
		if got, ok := parsePlace(data); !ok || got != p {
			rt.Fatalf("parsePlace(appendPlace(%+v)) = %+v, %t", p, got, ok)
		}
	})
}

func FuzzParsePlace(f *testing.F) {
	f.Add([]byte{0})
	f.Add(appendPlace(nil, place{"key", store.Position{Created: 63_938_196_000, ID: "202602-d"}}))
	f.Add(append([]byte{atPlace, 255}, make([]byte, 300)...))
	f.Add(appendPlace(nil, place{"", store.Position{Created: -1, ID: "x", After: true}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, ok := parsePlace(data); ok && !bytes.Equal(appendPlace(nil, p), data) {
			t.Fatalf("parsePlace(%q) = %+v, which encodes as %q", data, p, appendPlace(nil, p))
		}
	})
}

func TestNumbersSortByValue(t *testing.T) {
	t.Parallel()
	key := sortKey("duration")
	var keys []string
	for _, doc := range []string{`{}`, `{"duration":-9007199254740991}`, `{"duration":-1}`, `{"duration":0}`, `{"duration":9}`, `{"duration":10}`, `{"duration":9007199254740991}`} {
		keys = append(keys, key(&recording.Recording{Document: recording.Document(doc)}))
	}
	if !slices.IsSortedFunc(keys, cmp.Compare[string]) {
		t.Errorf("the keys are not in order: %q", keys)
	}
}
