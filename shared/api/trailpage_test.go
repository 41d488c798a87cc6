package api

import (
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const trailPath = tenantList + "/audit"

// trailAPI is an API with an audit trail. Tests set the clock of the trail.
type trailAPI struct {
	*ruledAPI
	trail *audit.Trail
	now   time.Time
}

func newTrailAPI(t testing.TB) *trailAPI {
	t.Helper()
	s := &trailAPI{ruledAPI: newRuledAPI(t, nil), now: today}
	s.trail = audit.NewTrail(s.store, audit.Options{
		Level: audit.All, Addresses: audit.Network, Now: func() time.Time { return s.now }, Random: rand.Reader,
	})
	s.staff(t)
	return s
}

// add records an entry of an account at a time.
func (s *trailAPI) add(t testing.TB, account string, at time.Time, actor string, action access.Action, id string) {
	t.Helper()
	s.now = at
	err := s.trail.Record(t.Context(), audit.Entry{
		Account: account, Actor: audit.Actor{Account: account, Owner: actor, Role: access.User}, Action: action, Recording: id,
		Result: audit.Done, Reason: "=1+1", RequestID: "req-" + id, Address: "192.0.2.9",
	})
	if err != nil {
		t.Fatal(err)
	}
}

// fill records n entries, on several days, by two actors with two actions.
func (s *trailAPI) fill(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		s.add(t, tenant, today.Add(-time.Duration(n-i)*5*time.Hour), []string{"anna", "ben", "ben"}[i%3],
			[]access.Action{access.Tag, access.Delete}[i%2], fmt.Sprintf("202603-r%02d", i))
	}
}

// trailIDs returns the recordings of the entries of a page.
func trailIDs(t testing.TB, g got) []string {
	t.Helper()
	g.want(t, http.StatusOK, "")
	var data []trailData
	if err := json.Unmarshal(g.page(t).Data, &data); err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(data))
	for i, e := range data {
		ids[i] = e.Recording
	}
	return ids
}

// follow reads all pages of a trail.
func (s *trailAPI) follow(t testing.TB, path string, query url.Values) []string {
	t.Helper()
	var all []string
	for range 1000 {
		page := s.send(t, s.bearer(t, tenant, "auditor"), http.MethodGet, path+"?"+query.Encode(), "")
		all = append(all, trailIDs(t, page)...)
		next := page.page(t).NextStart
		if next == nil {
			return all
		}
		query.Set("start_key", *next)
	}
	t.Fatal("the pages do not end")
	return nil
}

// Pages of any size have each entry that the filters keep once, the newest first.
func TestTrailPages(t *testing.T) {
	t.Parallel()
	s := newTrailAPI(t)
	const n = 20
	s.fill(t, n)
	s.add(t, "other", today, "anna", access.Delete, "202603-other")
	seconds := func(i int) string {
		return strconv.FormatInt(int64(recording.SecondsOf(today.Add(-time.Duration(n-i)*5*time.Hour))), 10)
	}
	for name, c := range map[string]struct {
		query url.Values
		keep  func(i int) bool
	}{
		"all":       {url.Values{}, func(int) bool { return true }},
		"by actor":  {url.Values{"actor": {"anna"}}, func(i int) bool { return i%3 == 0 }},
		"by action": {url.Values{"action": {"delete"}}, func(i int) bool { return i%2 == 1 }},
		"by both":   {url.Values{"action": {"tag"}, "actor": {"ben"}}, func(i int) bool { return i%2 == 0 && i%3 != 0 }},
		"by time":   {url.Values{"created_from": {seconds(4)}, "created_to": {seconds(11)}}, func(i int) bool { return i >= 4 && i <= 11 }},
		"no match":  {url.Values{"actor": {"nemo"}}, func(int) bool { return false }},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			for i := n - 1; i >= 0; i-- {
				if c.keep(i) {
					want = append(want, fmt.Sprintf("202603-r%02d", i))
				}
			}
			for size := 1; size <= n+1; size++ {
				query := url.Values{"page_size": {strconv.Itoa(size)}}
				for k, v := range c.query {
					query[k] = v
				}
				if got := s.follow(t, trailPath, query); !slices.Equal(got, want) {
					t.Fatalf("pages of %d have %q, want %q", size, got, want)
				}
			}
		})
	}
}

// The trail of a recording has its entries only, also after it was deleted.
func TestTrailOfRecording(t *testing.T) {
	t.Parallel()
	s := newTrailAPI(t)
	s.fill(t, 6)
	s.add(t, tenant, today, "ben", access.Delete, "202603-r02")
	want := []string{"202603-r02", "202603-r02"}
	for _, size := range []string{"1", "2", "50"} {
		if got := s.follow(t, tenantList+"/202603-r02/audit", url.Values{"page_size": {size}}); !slices.Equal(got, want) {
			t.Errorf("pages of %s have %q, want %q", size, got, want)
		}
	}
	if got := s.follow(t, tenantList+"/202603-none/audit", url.Values{}); len(got) != 0 {
		t.Errorf("a recording without entries has %q", got)
	}
}

// A cursor is valid only for the account, the recording and the filters of its page.
func TestTrailCursorsAreBound(t *testing.T) {
	t.Parallel()
	s := newTrailAPI(t)
	s.fill(t, 6)
	for range 2 {
		s.add(t, "other", today, "anna", access.Delete, "202603-other")
		s.add(t, tenant, today, "anna", access.Delete, "202603-r02")
	}
	auditor := s.bearer(t, tenant, "auditor")
	first := s.send(t, auditor, http.MethodGet, trailPath+"?page_size=1&actor=anna", "")
	key := *first.page(t).NextStart
	if key == "" || strings.Contains(key, "2026") {
		t.Fatalf("next_start_key = %q, want a sealed one", key)
	}
	for _, c := range []struct {
		path, query string
		status      int
	}{
		{trailPath, "&actor=anna", http.StatusOK},
		{trailPath, "&actor=anna&page_size=7", http.StatusOK},
		{trailPath, "", http.StatusBadRequest},
		{trailPath, "&actor=ben", http.StatusBadRequest},
		{trailPath, "&actor=anna&action=delete", http.StatusBadRequest},
		{trailPath, "&actor=anna&created_from=63900000000", http.StatusBadRequest},
		{trailPath, "&actor=anna&created_to=63990000000", http.StatusBadRequest},
		{tenantList + "/202603-r02/audit", "&actor=anna", http.StatusBadRequest},
		{tenantList, "", http.StatusBadRequest}, // a list of recordings
	} {
		if got := s.send(t, auditor, http.MethodGet, c.path+"?start_key="+key+c.query, ""); got.Code != c.status {
			t.Errorf("%s?%s = %d %s, want %d", c.path, c.query, got.Code, got.body, c.status)
		}
	}
	elsewhere := strings.ReplaceAll(trailPath, tenant, "other")
	s.send(t, s.tokenOf(t, "other"), http.MethodGet, elsewhere+"?start_key="+key+"&actor=anna", "").wantRefusal(t, "audit")
	if _, err := s.directory.SetUser(t.Context(), "other", "auditor", access.UserEntry{Role: access.Auditor}); err != nil {
		t.Fatal(err)
	}
	s.send(t, s.bearer(t, "other", "auditor"), http.MethodGet, elsewhere+"?start_key="+key+"&actor=anna", "").want(t, http.StatusBadRequest, "validation error")
}

func TestTrailRejects(t *testing.T) {
	t.Parallel()
	s := newTrailAPI(t)
	admin := s.bearer(t, tenant, "admin")
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{http.MethodGet, trailPath + "?action=play", 400, `"action":{"enum":`},
		{http.MethodGet, trailPath + "?page_size=0", 400, `"page_size"`},
		{http.MethodGet, trailPath + "?page_size=x&action=x", 400, `"action":{"enum":`},
		{http.MethodGet, trailPath + "?created_from=x", 400, `"created_from"`},
		{http.MethodGet, trailPath + "?created_from=63900000002&created_to=63900000001", 400, `"date_range"`},
		{http.MethodGet, trailPath + "?start_key=abc", 400, `"start_key"`},
		{http.MethodGet, trailPath + "?accept=audio", 406, `not_acceptable`},
		{http.MethodGet, tenantList + "/nothing/audit", 404, `bad_identifier`},
		{http.MethodGet, trailPath + "?action=&actor=undefined&start_key=null", 200, `"data":[]`},
		{http.MethodPost, trailPath, 405, `invalid_method`},
		{http.MethodDelete, trailPath, 405, `invalid_method`},
		{http.MethodPut, tenantList + "/202603-r/audit", 405, `invalid_method`},
	} {
		got := s.sendUnchecked(t, admin, c.method, c.path, "")
		if got.Code != c.status || !strings.Contains(string(got.body), c.want) {
			t.Errorf("%s %s = %d %s, want %d with %s", c.method, c.path, got.Code, got.body, c.status, c.want)
		}
	}
}

// Only roles with the right to audit read the trail, and no role reads that of an
// account out of reach.
func TestTrailRoles(t *testing.T) {
	t.Parallel()
	s := newTrailAPI(t)
	s.fill(t, 2)
	for _, role := range access.Roles {
		token := s.bearer(t, tenant, string(role))
		for _, path := range []string{trailPath, tenantList + "/202603-r00/audit", tenantList + "/202603-none/audit"} {
			got := s.send(t, token, http.MethodGet, path, "")
			if role == access.Admin || role == access.Auditor {
				got.want(t, http.StatusOK, "")
			} else {
				got.wantRefusal(t, "audit")
			}
		}
		s.send(t, token, http.MethodGet, strings.ReplaceAll(trailPath, tenant, "other"), "").want(t, http.StatusForbidden, "forbidden")
	}
	s.send(t, s.bearer(t, tenant, "stranger"), http.MethodGet, trailPath, "").wantRefusal(t, "audit")
	s.send(t, "", http.MethodGet, trailPath, "").want(t, http.StatusUnauthorized, "invalid_credentials")
}

// As a table, a page has the same entries, without formulas that a spreadsheet would run.
func TestTrailAsTable(t *testing.T) {
	t.Parallel()
	s := newTrailAPI(t)
	s.fill(t, 3)
	answer := s.send(t, s.bearer(t, tenant, "admin"), http.MethodGet, trailPath+"?accept=csv&page_size=2", "")
	answer.want(t, http.StatusOK, "")
	rows, err := csv.NewReader(strings.NewReader(string(answer.body))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range trailColumns {
		names = append(names, c.name)
	}
	row := func(i int, actor, action string) []string {
		at := today.Add(-time.Duration(3-i) * 5 * time.Hour)
		return []string{
			at.Format("2006-01-02T15:04:05.000Z"), strconv.FormatInt(int64(recording.SecondsOf(at)), 10), "", "", tenant, actor, "user", action,
			fmt.Sprintf("202603-r%02d", i), "", "done", "'=1+1", fmt.Sprintf("req-202603-r%02d", i), "192.0.2.0/24", "",
		}
	}
	if diff := cmp.Diff([][]string{names, row(2, "ben", "tag"), row(1, "ben", "delete")}, rows); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	h := answer.Header()
	if h.Get("Cache-Control") != "no-store" || !strings.Contains(h.Get("Content-Disposition"), "audit.csv") || !strings.Contains(h.Get("Link"), `rel="next"`) {
		t.Errorf("headers %v", h)
	}
}

// brokenEntries is a store that cannot read entries.
type brokenEntries struct{ ManagedStore }

// WriteEntries implements store.Entries.
func (brokenEntries) WriteEntries(context.Context, ...store.EntryWrite) error {
	return store.ErrUnavailable
}

// PageEntries implements store.Entries.
func (brokenEntries) PageEntries(context.Context, store.EntryQuery) (store.EntryPage, error) {
	return store.EntryPage{}, store.ErrUnavailable
}

func TestTrailOfBrokenStore(t *testing.T) {
	t.Parallel()
	s := newTrailAPI(t)
	s.fill(t, 2)
	s.handlers[OpAccess] = Manage(s.env, brokenEntries{s.store}, s.sealer, nil)
	for _, path := range []string{trailPath, tenantList + "/202603-r00/audit", trailPath + "?accept=csv"} {
		got := s.send(t, s.bearer(t, tenant, "admin"), http.MethodGet, path, "")
		got.want(t, http.StatusServiceUnavailable, "datastore_unreachable")
		if got.Header().Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
}

// The page shows the entries that the handlers record, over the store that holds the
// recordings.
func TestTrailEndToEnd(t *testing.T) {
	t.Parallel()
	s := newTrailAPI(t)
	s.env.Audit = s.trail
	s.handlers[OpPatch], s.handlers[OpAccess] = Patch(s.env, s.store), Manage(s.env, s.store, s.sealer, nil)
	s.put(t, entry{id: "202603-call", owner: "user", created: daysAgo(1)})
	user, admin := s.bearer(t, tenant, "user"), s.bearer(t, tenant, "admin")
	s.send(t, user, http.MethodPatch, tenantList+"/202603-call", `{"data":{"user_metadata":{"tag":"x"}}}`, "X-Reason", "r").want(t, http.StatusOK, "")
	s.now = s.now.Add(time.Second)
	s.send(t, admin, http.MethodPut, usersPath+"/anna", `{"data":{"role":"user"}}`).want(t, http.StatusOK, "")
	s.now = s.now.Add(time.Second)
	s.send(t, user, http.MethodGet, trailPath, "").wantRefusal(t, "audit")
	page := s.send(t, admin, http.MethodGet, trailPath, "")
	var data []trailData
	if err := json.Unmarshal(page.page(t).Data, &data); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range data {
		got = append(got, fmt.Sprintf("%s %s %s %s%s", e.Actor.Owner, e.Action, e.Result, e.Recording, e.Object))
	}
	want := []string{"user audit refused ", "admin manage done user/anna", "user tag done 202603-call"}
	if !slices.Equal(got, want) {
		t.Errorf("the trail has %q, want %q", got, want)
	}
}
