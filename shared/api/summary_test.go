package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
)

// sums returns the data of a summary, without the time of the last change.
func (g got) sums(t *testing.T) summaryData {
	t.Helper()
	g.want(t, http.StatusOK, "")
	var data summaryData
	if err := json.Unmarshal(g.page(t).Data, &data); err != nil {
		t.Fatal(err)
	}
	if data.Count > 0 && data.Updated != recording.SecondsOf(today) {
		t.Errorf("the summary was updated at %d, want %d", data.Updated, recording.SecondsOf(today))
	}
	data.Updated = 0
	return data
}

func sum(n int64) search.Sum { return search.Sum{Count: n, Seconds: 60 * n} }

func TestSummaries(t *testing.T) {
	t.Parallel()
	s := newSearchAPI(t)
	groups := func(all ...any) (list []search.Group) {
		for i := 0; i < len(all); i += 2 {
			list = append(list, search.Group{Name: all[i].(string), Sum: sum(int64(all[i+1].(int)))})
		}
		return list
	}
	begin := recording.SecondsOf(today) / 86400 * 86400
	for target, want := range map[string]summaryData{
		"":                      {Sum: sum(4)},
		"?by=day":               {Sum: sum(4), By: "day", Groups: groups("2026-03-05", 4)},
		"?by=owner":             {Sum: sum(4), By: "owner", Groups: groups(alice, 2, "other", 1)},
		"?by=direction":         {Sum: sum(4), By: "direction", Groups: groups("inbound", 4)},
		"?by=tag":               {Sum: sum(4), By: "tag", Groups: groups("price", 4)},
		"?by=tag&created_to=99": {To: 86399, By: "tag", Groups: []search.Group{}},
		fmt.Sprintf("?created_from=%d", begin+86400):              {From: begin + 86400},
		fmt.Sprintf("?created_from=%d&created_to=%[1]d", begin+7): {From: begin, To: begin + 86399, Sum: sum(4)},
	} {
		got := s.ask(t, http.MethodGet, tenantList+"/summary"+target).sums(t)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", target, diff)
		}
	}
	if got := s.ask(t, http.MethodGet, tenantBase+"/users/"+alice+"/recordings/summary").sums(t); got.Sum != sum(2) {
		t.Errorf("the summary of a user = %+v", got)
	}
	if got := s.ask(t, http.MethodGet, strings.Replace(tenantList, "v2", "v1", 1)+"/summary").sums(t); got.Sum != sum(4) || got.From != 0 {
		t.Errorf("the summary of v1 = %+v", got)
	}
	for _, target := range []string{"?by=hour", "?created_from=x", "?filter_direction=inbound", "?search=renate", "?deleted=true", "?expiring_within=7d", "?kept_over=7d"} {
		s.ask(t, http.MethodGet, tenantList+"/summary"+target).want(t, http.StatusBadRequest, "validation error")
	}
	for target, want := range map[string]string{
		"?accept=csv":                      "count,seconds,bytes\r\n4,240,0\r\n",
		"?accept=csv&by=owner":             "owner,count,seconds,bytes\r\n" + alice + ",2,120,0\r\nother,1,60,0\r\n",
		"?accept=text/csv&by=day":          "day,count,seconds,bytes\r\n2026-03-05,4,240,0\r\n",
		"?accept=csv&by=tag&created_to=99": "tag,count,seconds,bytes\r\n",
	} {
		if got := s.ask(t, http.MethodGet, tenantList+"/summary"+target); got.Code != http.StatusOK || string(got.body) != want {
			t.Errorf("%s as CSV = %d %q, want %q", target, got.Code, got.body, want)
		}
	}
	s.ask(t, http.MethodGet, tenantList+"/summary?accept=audio").want(t, http.StatusNotAcceptable, "not_acceptable")
	s.list = List(s.env, s.store, s.sealer, false)
	s.ask(t, http.MethodGet, tenantList+"/summary").want(t, http.StatusBadRequest, "validation error")
	s.ask(t, http.MethodGet, tenantList+"?total=true").want(t, http.StatusBadRequest, "validation error")
}

// A bearer gets the totals of the recordings that it may list.
func TestSummariesFollowTheRights(t *testing.T) {
	t.Parallel()
	s := newSearchAPI(t)
	for name, c := range map[string]struct {
		grant access.Grant
		want  int64
	}{
		"user":            {access.Grant{Role: access.User, Owner: alice}, 2},
		"user of nothing": {access.Grant{Role: access.User}, 0},
		"supervisor":      {access.Grant{Role: access.Supervisor, Owner: alice, Members: []string{"other"}}, 3},
		"auditor":         {access.Grant{Role: access.Auditor, Owner: alice}, 4},
	} {
		env := s.env
		env.Access = granted(c.grant)
		for _, by := range groupings {
			got := s.askHandler(t, List(env, s.store, s.sealer, true), http.MethodGet, tenantList+"/summary?by="+string(by)).sums(t)
			if got.Sum != sum(c.want) || by == search.ByTag && c.want > 0 && got.Groups[0].Sum != sum(c.want) {
				t.Errorf("%s gets %+v by %s, want %d", name, got, by, c.want)
			}
		}
	}
	env := s.env
	env.Access = granted(access.Grant{Role: access.User, Owner: alice})
	s.askHandler(t, List(env, s.store, s.sealer, true), http.MethodGet, tenantBase+"/users/other/recordings/summary").want(t, http.StatusForbidden, "forbidden")
}

// A list has its total in the envelope, if the client asks for it and it has neither a
// filter nor a search.
func TestTotalsOfLists(t *testing.T) {
	t.Parallel()
	s := newSearchAPI(t)
	for target, want := range map[string]bool{
		"?total=true": true, "?total=true&page_size=1": true, "?total=true&paginate=false": true, "?total=false": false, "": false,
		"?total=true&filter_direction=inbound": false, "?total=true&search=ada": false,
	} {
		body := s.ask(t, http.MethodGet, tenantList+target).body
		var list struct {
			Total *summaryData `json:"total"`
		}
		if err := json.Unmarshal(body, &list); err != nil || (list.Total != nil) != want || want && list.Total.Sum != sum(4) {
			t.Errorf("%s: the total is %+v, %v", target, list.Total, err)
		}
	}
	// A list that ends now and begins later is empty, and so is its total.
	var list struct {
		Total summaryData       `json:"total"`
		Data  []json.RawMessage `json:"data"`
	}
	got := s.ask(t, http.MethodGet, tenantList+"?total=true&paginate=false&created_from=2100-01-01T00:00:00Z")
	if err := json.Unmarshal(got.body, &list); err != nil || got.Code != http.StatusOK || list.Total.Count != 0 || len(list.Data) != 0 {
		t.Errorf("a list of the future is %d %s, %v; want an empty one", got.Code, got.body, err)
	}
}
