package api

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
)

// newSearchAPI returns an API with indexed recordings: a call of Renate for each user, and
// one of Ada.
func newSearchAPI(t *testing.T) *listAPI {
	t.Helper()
	s := newListAPI(t, nil)
	doc := func(name, number string) string {
		return fmt.Sprintf(`{"caller_id_name":%q,"caller_id_number":%q,"direction":"inbound","duration":60,"user_metadata":{"tags":{"price":true}}}`, name, number)
	}
	at := recording.SecondsOf(today) - 1000
	s.put(t,
		entry{id: "202603-a", owner: alice, created: at, doc: doc("Renate Müller", "+1 (555) 555-0142")},
		entry{id: "202603-b", owner: "other", created: at + 1, doc: doc("Renate Schmidt", "+49 30 1234567")},
		entry{id: "202603-c", created: at + 2, doc: doc("Renate", "101")},
		entry{id: "202603-d", owner: alice, created: at + 3, doc: doc("Ada", "+1 (555) 555-0142")},
	)
	s.index(t, "202603-a", "202603-b", "202603-c", "202603-d")
	return s
}

// index indexes recordings of tenant.
func (s *listAPI) index(t *testing.T, ids ...string) {
	t.Helper()
	x := &search.Indexer{Store: s.store, Now: s.env.Now, Random: rand.Reader, Atomic: true}
	for _, id := range ids {
		if err := x.Index(t.Context(), tenant, id); err != nil {
			t.Fatal(err)
		}
	}
}

// A search takes everything that lists take, on every path.
func TestSearches(t *testing.T) {
	t.Parallel()
	s := newSearchAPI(t)
	for target, want := range map[string]string{
		"?search=renate":                              "202603-c 202603-b 202603-a",
		"?search=REN*&ascending=true":                 "202603-a 202603-b 202603-c",
		"?search=" + url.QueryEscape("+1 (555) 0142"): "",
		"?search=" + url.QueryEscape("555 555-0142"):  "202603-d 202603-a",
		"?search=5550142+muller":                      "202603-a",
		"?search=renate&filter_caller_id_number=101":  "202603-c",
		fmt.Sprintf("?search=renate&created_to=%d&page_size=9", recording.SecondsOf(today)-999): "202603-b 202603-a",
		"?search=renate&paginate=false": "202603-c 202603-b 202603-a",
		"?search=nothing":               "",
		"?search=101":                   "202603-c",
		"?search=" + alice:              "202603-d 202603-a",
		"?search=":                      "202603-d 202603-c 202603-b 202603-a",
		"?search=undefined":             "202603-d 202603-c 202603-b 202603-a",
	} {
		got := s.ask(t, http.MethodGet, tenantList+target)
		if ids := strings.Join(got.ids(t), " "); got.Code != http.StatusOK || ids != want {
			t.Errorf("%s = %d %q, want %q", target, got.Code, ids, want)
		}
	}
	if got := s.ask(t, http.MethodGet, tenantBase+"/users/other/recordings?search=renate").ids(t); !slices.Equal(got, []string{"202603-b"}) {
		t.Errorf("the search of a user found %q", got)
	}
	if got := s.ask(t, http.MethodGet, tenantList+"?search=ada&accept=csv"); got.Code != http.StatusOK || !strings.Contains(string(got.body), "202603-d") || strings.Contains(string(got.body), "202603-a") {
		t.Errorf("the search as CSV = %d %s", got.Code, got.body)
	}
}

// Cursors lead through a search, and belong to it alone.
func TestCursorsOfASearch(t *testing.T) {
	t.Parallel()
	s := newSearchAPI(t)
	first := s.ask(t, http.MethodGet, tenantList+"?search=renate&page_size=2").page(t)
	if first.NextStart == nil || *first.PageSize != 2 {
		t.Fatalf("the first page = %+v", first)
	}
	key := "&start_key=" + *first.NextStart
	if got := s.ask(t, http.MethodGet, tenantList+"?search=RENATE&page_size=2"+key).ids(t); !slices.Equal(got, []string{"202603-a"}) {
		t.Errorf("the second page = %q", got)
	}
	again := s.ask(t, http.MethodGet, tenantList+"?search=renate&start_key="+*first.StartKey).ids(t)
	if len(again) != 3 {
		t.Errorf("the page at start_key = %q", again)
	}
	for _, target := range []string{"?search=ada", "?search=renate+ada", "?x=1", "?search=renate&ascending=true"} {
		if got := s.ask(t, http.MethodGet, tenantList+target+key); got.Code != http.StatusBadRequest {
			t.Errorf("%s with the cursor of another search = %d", target, got.Code)
		}
	}
}

// A search can be sorted without a range, and its cursors belong to both.
func TestSortedSearches(t *testing.T) {
	t.Parallel()
	s := newSearchAPI(t)
	for i, doc := range []string{
		`{"caller_id_name":"Renate","duration":9,"from":"a"}`, `{"caller_id_name":"Renate","duration":70,"from":"b"}`, `{"caller_id_name":"Ada","duration":8}`,
	} {
		id := fmt.Sprintf("202001-%d", i)
		s.put(t, entry{id: id, owner: alice, created: daysAgo(2000 + i), doc: doc})
		s.index(t, id)
	}
	const sorted = "?search=renate&sort=duration"
	for target, want := range map[string]string{
		sorted: "202001-1 202603-c 202603-b 202603-a 202001-0",
		sorted + "&ascending=true&filter_direction=inbound": "202603-a 202603-b 202603-c",
		sorted + "&created_to=" + fmt.Sprint(daysAgo(1000)): "202001-1 202001-0",
		"?search=renate+muller&sort=from":                   "202603-a",
		"?search=nothing&sort=from":                         "",
		sorted + "&paginate=false":                          "202603-c 202603-b 202603-a",
	} {
		if got := strings.Join(s.ask(t, http.MethodGet, tenantList+target).ids(t), " "); got != want {
			t.Errorf("%s = %q, want %q", target, got, want)
		}
	}
	all := s.ask(t, http.MethodGet, tenantList+sorted).ids(t)
	for size := 1; size <= len(all); size++ {
		pages := s.follow(t, fmt.Sprintf("%s%s&page_size=%d", tenantList, sorted, size))
		if got := slices.Concat(pages...); !slices.Equal(got, all) {
			t.Errorf("pages of %d give %q, want %q", size, got, all)
		}
	}
	next := *s.ask(t, http.MethodGet, tenantList+sorted+"&page_size=2").page(t).NextStart
	for _, other := range []string{"?search=renate", "?search=ada&sort=duration", "?search=renate&sort=from", fmt.Sprintf("?sort=duration&created_from=%d", daysAgo(30))} {
		s.ask(t, http.MethodGet, tenantList+other+"&start_key="+next).want(t, http.StatusBadRequest, "validation error")
	}
	for name, c := range map[string]struct {
		grant access.Grant
		want  string
	}{
		"user":         {access.Grant{Role: access.User, Owner: alice}, "202001-1 202603-a 202001-0"},
		"supervisor":   {access.Grant{Role: access.Supervisor, Owner: alice, Members: []string{"other"}}, "202001-1 202603-b 202603-a 202001-0"},
		"of strangers": {access.Grant{Role: access.Supervisor, Members: names(40)}, ""},
	} {
		env := s.env
		env.Access = granted(c.grant)
		got := s.askHandler(t, List(env, s.store, s.sealer, true), http.MethodGet, tenantList+sorted)
		if ids := strings.Join(got.ids(t), " "); got.Code != http.StatusOK || ids != c.want {
			t.Errorf("%s finds %d %q, want %q", name, got.Code, ids, c.want)
		}
	}
}

// Invalid searches name the rule that they break.
func TestInvalidSearches(t *testing.T) {
	t.Parallel()
	s := newSearchAPI(t)
	for text, rule := range map[string]string{
		"!": "minLength", "ab*": "minLength", strings.Repeat("a ", 600): "maxLength", "1a 2a 3a 4a 5a 6a 7a 8a 9a 10a 11a": "maxLength",
	} {
		got := s.ask(t, http.MethodGet, tenantList+"?search="+url.QueryEscape(text))
		if got.Code != http.StatusBadRequest || !strings.Contains(string(got.body), `"search":{"`+rule) {
			t.Errorf("%.10q = %d %s", text, got.Code, got.body)
		}
	}
	s.list = List(s.env, s.store, s.sealer, false)
	for target, field := range map[string]string{"?search=renate": "search", "?total=true": "total", "/summary": "summary", "/summary?by=day": "summary"} {
		got := s.ask(t, http.MethodGet, tenantList+target)
		if got.Code != http.StatusBadRequest || !strings.Contains(string(got.body), `"`+field+`":{"disabled"`) {
			t.Errorf("%s without an index = %d %s", target, got.Code, got.body)
		}
	}
}

// A bearer finds only the recordings that it may list.
func TestSearchesFollowTheRights(t *testing.T) {
	t.Parallel()
	s := newSearchAPI(t)
	members := make([]string, 0, 40)
	for i := range 40 {
		members = append(members, fmt.Sprintf("member%02d", i))
	}
	for name, c := range map[string]struct {
		grant access.Grant
		want  string
	}{
		"user":                 {access.Grant{Role: access.User, Owner: alice}, "202603-a"},
		"user of nothing":      {access.Grant{Role: access.User}, ""},
		"supervisor":           {access.Grant{Role: access.Supervisor, Owner: alice, Members: []string{"other"}}, "202603-b 202603-a"},
		"supervisor of many":   {access.Grant{Role: access.Supervisor, Owner: alice, Members: append(slices.Clone(members), "other")}, "202603-b 202603-a"},
		"supervisor of others": {access.Grant{Role: access.Supervisor, Members: members}, ""},
		"auditor":              {access.Grant{Role: access.Auditor, Owner: alice}, "202603-c 202603-b 202603-a"},
	} {
		env := s.env
		env.Access = granted(c.grant)
		got := s.askHandler(t, List(env, s.store, s.sealer, true), http.MethodGet, tenantList+"?search=renate")
		if ids := strings.Join(got.ids(t), " "); got.Code != http.StatusOK || ids != c.want {
			t.Errorf("%s finds %d %q, want %q", name, got.Code, ids, c.want)
		}
	}
}
