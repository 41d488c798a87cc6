package api

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// sample returns a listAPI with five recordings, newest first: e d c b a. Alice owns b
// and d; c and d have the same time.
func sample(t testing.TB) *listAPI {
	t.Helper()
	s := newListAPI(t, nil)
	s.put(t,
		entry{id: "202601-a", created: daysAgo(50)},
		entry{id: "202601-b", created: daysAgo(40), owner: alice, audio: "audio/mpeg"},
		entry{id: "202602-c", created: daysAgo(20), doc: `{"direction":"outbound","from":"Zoë \"Z\"@example","user_metadata":{"a":[1,{"b":null}]}}`},
		entry{id: "202602-d", created: daysAgo(20), owner: alice},
		entry{id: "202603-e", created: daysAgo(0)},
	)
	return s
}

func TestListAnswers(t *testing.T) {
	t.Parallel()
	s := sample(t)
	from, to := daysAgo(45), daysAgo(20)
	for _, tt := range []struct{ name, target, want string }{
		{"newest first", tenantList, "e d c b a"},
		{"oldest first", tenantList + "?ascending=true", "a b c d e"},
		{"oldest first by descending", tenantList + "?descending=false", "a b c d e"},
		{"trailing slash", tenantList + "/", "e d c b a"},
		{"user", tenantBase + "/users/" + alice + "/recordings", "d b"},
		{"user by the short path", tenantBase + "/" + alice + "/recordings", "d b"},
		{"unknown user", tenantBase + "/users/nobody/recordings", ""},
		{"window", fmt.Sprintf("%s?created_from=%d&created_to=%d", tenantList, from, to), "d c b"},
		{"window with fractions", fmt.Sprintf("%s?created_from=%d.4&created_to=%d.4", tenantList, from, to), "d c b"},
		{"from alone", fmt.Sprintf("%s?created_from=%d", tenantList, to), "e d c"},
		{"from in the future", fmt.Sprintf("%s?created_from=%d", tenantList, daysAgo(-1)), ""},
		{"absent values", tenantList + "?created_from=undefined&created_to=NaN&page_size=null&start_key=", "e d c b a"},
		{"filter", tenantList + "?filter_direction=outbound", "c"},
		{"filter by id", tenantList + "?filter_id=202601-a", "a"},
		{"key missing", tenantList + "?key_missing=call_id", "c"},
		{"page size", tenantList + "?page_size=2", "e d"},
		{"v1 covers a month", "/v1/accounts/" + tenant + "/recordings", "e d c"},
		{"unpaged covers a month", tenantList + "?paginate=false", "e d c"},
		{"unpaged with a window", tenantList + "?paginate=no&created_from=1", "e d c b a"},
		{"unpaged before a time", fmt.Sprintf("%s?paginate=&created_to=%d", tenantList, daysAgo(15)), "d c b"},
		{"unpaged in the future", fmt.Sprintf("%s?paginate=false&created_from=%d", tenantList, daysAgo(-1)), ""},
		{"unpaged and filtered", tenantList + "?paginate=false&filter_owner_id=" + alice, "d"},
		{"unpaged ignores page_size and start_key", tenantList + "?paginate=false&page_size=many&start_key=x", "e d c"},
		{"paginate=true", tenantList + "?paginate=true", "e d c b a"},
		{"unknown parameters", tenantList + "?_=1700000000000&x&%zz=1&;", "e d c b a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := s.ask(t, http.MethodGet, tt.target)
			g.want(t, http.StatusOK, "")
			var short []string
			for _, id := range g.ids(t) {
				short = append(short, id[7:])
			}
			if got := strings.Join(short, " "); got != tt.want {
				t.Errorf("GET %s = %s, want %s", tt.target, got, tt.want)
			}
			p := g.page(t)
			paged := !strings.HasPrefix(tt.target, "/v1") && (!strings.Contains(tt.target, "paginate") || strings.Contains(tt.target, "paginate=true"))
			if paged != (p.PageSize != nil) || paged != (p.StartKey != nil) {
				t.Errorf("page_size and start_key are present: %t and %t, want %t", p.PageSize != nil, p.StartKey != nil, paged)
			}
			if paged && *p.PageSize != len(short) {
				t.Errorf("page_size = %d, want %d", *p.PageSize, len(short))
			}
		})
	}
}

func TestListGolden(t *testing.T) {
	t.Parallel()
	s := sample(t)
	for _, tt := range []struct {
		name, target string
		header       []string
	}{
		{"list", tenantList + "?page_size=2", nil},
		{"list-end", tenantBase + "/users/" + alice + "/recordings", []string{"X-Request-ID", `a "quoted" id`}},
		{"list-empty", tenantBase + "/users/nobody/recordings", nil},
		{"list-pretty", tenantList + "?pretty_print=true&page_size=3", nil},
		{"list-pretty-empty", tenantBase + "/users/nobody/recordings", []string{"X-Pretty-Print", "true"}},
		{"list-unpaged", tenantList + "?paginate=false", nil},
		{"list-unpaged-pretty", tenantList + "?paginate=false&pretty_print=true", nil},
		{"list-unpaged-pretty-empty", tenantBase + "/users/nobody/recordings?paginate=false&pretty_print=true", nil},
		{"list-gzip", tenantList + "?page_size=3", []string{"Accept-Encoding", "gzip"}},
		{"list-csv", tenantList + "?page_size=3&accept=csv", nil},
		{"list-bad", tenantList + "?page_size=0&created_from=yesterday", nil},
		{"list-range", tenantList + "?created_from=200&created_to=100", nil},
		{"list-cursor", tenantList + "?start_key=AAAA", nil},
		{"list-406", tenantList, []string{"Accept", "image/png"}},
		{"list-401", tenantList, []string{"X-Auth-Token", "-"}},
		{"list-403", "/v2/accounts/" + otherTenant + "/recordings", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := s.ask(t, http.MethodGet, tt.target, tt.header...)
			g.golden(t, tt.name)
			if strings.Contains(tt.name, "pretty") && !json.Valid(g.body) {
				t.Errorf("%s is not JSON", g.body)
			}
		})
	}
}

func TestPrettyEqualsIndentedAnswer(t *testing.T) {
	t.Parallel()
	s := sample(t)
	for _, target := range []string{tenantList + "?page_size=3", tenantList + "?paginate=false", tenantList + "?filter_x=y"} {
		plain, pretty := s.ask(t, http.MethodGet, target), s.ask(t, http.MethodGet, target+"&pretty_print=true")
		if diff := cmp.Diff(string(indented(plain.body)), string(pretty.body)); diff != "" {
			t.Errorf("%s pretty (-want +got):\n%s", target, diff)
		}
	}
}

// follow requests all pages of target and returns the IDs of each. It also checks
// that a page can be requested again by its own start_key.
func (s *listAPI) follow(t testing.TB, target string) [][]string {
	t.Helper()
	var pages [][]string
	start := ""
	for range 1000 {
		g := s.ask(t, http.MethodGet, target+start)
		g.want(t, http.StatusOK, "")
		p := g.page(t)
		if start != "" && start != "&start_key="+*p.StartKey {
			t.Fatalf("start_key = %s, want the one of the request, %s", *p.StartKey, start)
		}
		again := s.ask(t, http.MethodGet, target+"&start_key="+*p.StartKey)
		if diff := cmp.Diff(string(g.body), string(again.body)); diff != "" {
			t.Fatalf("the page by its own start_key differs (-want +got):\n%s", diff)
		}
		pages = append(pages, g.ids(t))
		if p.NextStart == nil {
			return pages
		}
		start = "&start_key=" + *p.NextStart
	}
	t.Fatal("no end after 1000 pages")
	return nil
}

func TestPagesHoldEachRecordingOnce(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 60 {
		s.put(t, entry{id: fmt.Sprintf("202601-%03d", i), created: daysAgo(random.IntN(15)), owner: []string{"", alice, bob}[i%3]})
	}
	rapid.Check(t, func(rt *rapid.T) {
		base := rapid.SampledFrom([]string{tenantList, tenantBase + "/users/" + alice + "/recordings"}).Draw(rt, "base")
		target := base + "?ascending=" + rapid.SampledFrom([]string{"true", "false"}).Draw(rt, "ascending")
		if rapid.Bool().Draw(rt, "filtered") {
			target += "&filter_owner_id=" + alice
		}
		if rapid.Bool().Draw(rt, "bounded") {
			a, b := rapid.IntRange(0, 15).Draw(rt, "a"), rapid.IntRange(0, 15).Draw(rt, "b")
			target += fmt.Sprintf("&created_from=%d&created_to=%d", daysAgo(max(a, b)), daysAgo(min(a, b)))
		}
		size := rapid.IntRange(1, 70).Draw(rt, "size")
		all := s.ask(t, http.MethodGet, target+"&page_size=1000").ids(t)
		pages := s.follow(t, fmt.Sprintf("%s&page_size=%d", target, size))
		if got := slices.Concat(pages...); !slices.Equal(got, all) {
			rt.Fatalf("pages of %d give %q, want %q", size, got, all)
		}
		for _, page := range pages[:len(pages)-1] {
			if len(page) != size {
				rt.Fatalf("a page of %d in the middle, want %d", len(page), size)
			}
		}
	})
}

func TestPagesDuringWrites(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	for i := range 20 {
		s.put(t, entry{id: fmt.Sprintf("202601-%02d", i), created: daysAgo(i)})
	}
	start, n := "", 0
	var seen []string
	for {
		g := s.ask(t, http.MethodGet, tenantList+"?page_size=3"+start)
		ids := g.ids(t)
		seen = append(seen, ids...)
		p := g.page(t)
		if p.NextStart == nil {
			break
		}
		start = "&start_key=" + *p.NextStart
		// Delete the last recording of the page; the cursor refers to it. Add one
		// before the cursor and one after it.
		if _, err := s.store.Delete(t.Context(), tenant, ids[len(ids)-1], store.Deletion{}); err != nil {
			t.Fatal(err)
		}
		s.put(t, entry{id: fmt.Sprintf("202601-new%d", n), created: daysAgo(0)}, entry{id: fmt.Sprintf("202601-old%d", n), created: daysAgo(100 + n)})
		n++
	}
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("202601-%02d", i))
	}
	for i := range n {
		want = append(want, fmt.Sprintf("202601-old%d", i))
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("the pages together (-want +got):\n%s", diff)
	}
}

func TestCursorsAreBoundToTheirList(t *testing.T) {
	t.Parallel()
	s := sample(t)
	user := tenantBase + "/users/" + alice + "/recordings"
	cursorOf := func(target string) string {
		p := s.ask(t, http.MethodGet, target).page(t)
		if p.NextStart == nil {
			t.Fatalf("%s has no next page", target)
		}
		return *p.NextStart
	}
	account := cursorOf(tenantList + "?page_size=1")
	flipped := []byte(account)
	flipped[20] ^= 1
	foreign := newListAPI(t, nil)
	foreign.put(t, entry{id: "202601-a", created: 5}, entry{id: "202601-b", created: 6})
	sealed := s.sealer.Seal((&listQuery{}).binding(tenant, ""), []byte("\x03rubbish"))
	for _, tt := range []struct {
		name, target, start string
		want                int
	}{
		{"same list", tenantList + "?page_size=3", account, 200},
		{"other page size and ignored parameters", tenantList + "?page_size=1&_=17&accept=json&pretty_print=true", account, 200},
		{"other window", fmt.Sprintf("%s?created_to=%d", tenantList, daysAgo(30)), account, 200},
		{"same list by the short path", user, cursorOf(tenantBase + "/" + alice + "/recordings?page_size=1"), 200},
		{"other order", tenantList + "?ascending=true", account, 400},
		{"other filter", tenantList + "?filter_direction=inbound", account, 400},
		{"has_key", tenantList + "?has_key=x", account, 400},
		{"modified", tenantList + "?modified_from=5", account, 400},
		{"list of a user", user, account, 400},
		{"cursor of a user for the account", tenantList, cursorOf(user + "?page_size=1"), 400},
		{"cursor of a filtered list for the whole", tenantList, cursorOf(tenantList + "?page_size=1&filter_direction=inbound"), 400},
		{"flipped bit", tenantList, string(flipped), 400},
		{"truncated", tenantList, account[:len(account)-1], 400},
		{"cursor of Kazoo", tenantList, "g2wAAAACbgUA", 400},
		{"sealed but not a position", tenantList, sealed, 400},
		{"long", tenantList, strings.Repeat("A", 10_000), 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sep := "?"
			if strings.Contains(tt.target, "?") {
				sep = "&"
			}
			g := s.ask(t, http.MethodGet, tt.target+sep+"start_key="+url.QueryEscape(tt.start))
			if g.Code != tt.want {
				t.Fatalf("status = %d, want %d: %s", g.Code, tt.want, g.body)
			}
			if tt.want == 400 && strings.Contains(string(g.body), tt.start) {
				t.Errorf("the answer repeats the cursor: %s", g.body)
			}
		})
	}
}

func TestLargePagesAreCut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, value string }{
		{"plain", strings.Repeat("x", 300_000)},
		{"escaped", strings.Repeat(`\"`, 75_000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newListAPI(t, nil)
			for i := range 40 {
				s.put(t, entry{id: fmt.Sprintf("202601-%02d", i), created: daysAgo(i), doc: `{"name":"` + tt.value + `"}`})
			}
			for _, suffix := range []string{"", "&pretty_print=true", "&filter_x="} {
				pages := s.follow(t, tenantList+"?page_size=1000"+suffix)
				if got := len(slices.Concat(pages...)); got != 40 {
					t.Errorf("%d recordings in all pages, want 40", got)
				}
				if len(pages) < 3 {
					t.Errorf("%d pages, want 3 or more", len(pages))
				}
			}
			g := s.ask(t, http.MethodGet, tenantList+"?page_size=1000")
			if n := recording.EscapedLen(g.body); n > pageBytes+2000 || n < pageBytes*3/4 {
				t.Errorf("a page of %d bytes, escaped; want close to %d", n, pageBytes)
			}
		})
	}
}

func TestFirstRecordingAlwaysFits(t *testing.T) {
	t.Parallel()
	huge := recording.Recording{ID: "202601-a", Created: 5, Document: recording.Document(`{"x":"` + strings.Repeat("y", 100) + `"}`)}
	p := store.Page{Recordings: []recording.Recording{huge, huge}}
	r := &request{Request: httptest.NewRequest(http.MethodGet, tenantList, nil)}
	for name, e := range map[string]listEncoder{
		"JSON":              newJSONList(r, 10, recording.Choice{}),
		"CSV":               newCSVList(r, nil, false, 10),
		"CSV without pages": newCSVList(r, nil, true, 10),
	} {
		size, next, err := fill(p, e)
		if want := store.After(&huge); err != nil || size != 1 || next == nil || *next != want {
			t.Errorf("%s: fill = %d, %v, %v, want 1, %v", name, size, next, err, want)
		}
	}
}
