package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/price"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// newBulkAPI returns an API with jobs that make the plans of stubAction.
func newBulkAPI(t *testing.T, searches bool, p *price.Prices) (*jobAPI, string) {
	t.Helper()
	s, root := newJobAPI(t)
	book := &job.Book{Entries: s.store, Queue: &s.queue, Now: s.env.Now}
	actions := map[string]job.Action{}
	for _, name := range []string{bulk.DeleteAction, bulk.ExportAction, bulk.TagAction, bulk.HoldAction} {
		actions[name] = stubAction{`{"zip":"exports/Z","zip_bytes":7}`}
	}
	s.engine = job.NewEngine(book, job.Options{Actions: actions, Lease: time.Minute, Holder: "test", Now: s.env.Now})
	s.handlers[OpJobs] = Jobs(s.env, book, JobOptions{
		Kinds: JobKinds(jobParams, searches), Files: presigner{}, TTL: 5 * time.Minute, FileAge: 7 * 24 * time.Hour, Prices: p,
	})
	return s, root
}

// startJob starts a job and returns its ID.
func (s *jobAPI) startJob(t *testing.T, token, body string) string {
	t.Helper()
	answer := s.send(t, token, http.MethodPost, jobsPath, body)
	var found struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(answer.body, &found); err != nil || answer.Code != http.StatusCreated {
		t.Fatalf("POST %s = %d %s", body, answer.Code, answer.body)
	}
	return found.Data.ID
}

func TestBulkJobs(t *testing.T) {
	t.Parallel()
	s, root := newBulkAPI(t, true, &price.Prices{Currency: "EUR", Gigabyte: "30000000", Download: "1000000"})
	for _, c := range []struct{ body, params, plan string }{
		{
			`{"data":{"action":"delete","filter":"created_from=63935692264&search=zoe&has_key=a&has_key=b","owner_id":"anna"}}`,
			`"params":{"filter":"created_from=63935692264\u0026search=zoe\u0026has_key=a\u0026has_key=b","owner_id":"anna"}`,
			`"money":{"currency":"EUR","saved_per_month":"0.9000"}`,
		},
		{`{"action":"export","account":true}`, `"params":{"account":true}`, `"money":{"currency":"EUR","cost":"0.2400"}`},
		{
			`{"action":"tag","ids":["202601-1"],"user_metadata":{"a":{"b":null}}}`,
			`"params":{"ids":["202601-1"],"user_metadata":{"a":{"b":null}}}`, `"plan":{"count":2,"bytes":30,"held":{"count":0,"bytes":0},"oldest":5,"newest":6}`,
		},
		{
			`{"action":"hold","owner_id":"anna","case":"Smith","reason":"letter"}`,
			`"params":{"owner_id":"anna","case":"Smith","reason":"letter"}`, `"plan":{"count":2`,
		},
	} {
		id := s.startJob(t, root, c.body)
		s.work(t)
		answer := s.send(t, root, http.MethodGet, jobsPath+"/"+id, "")
		answer.has(t, c.body, http.StatusOK, c.params)
		answer.has(t, c.body, http.StatusOK, c.plan)
		s.send(t, root, http.MethodPut, jobsPath+"/"+id, `{"count":2,"bytes":30}`).has(t, "PUT", http.StatusOK, `"state":"running"`)
		s.work(t)
	}
	if list := s.send(t, root, http.MethodGet, jobsPath, ""); strings.Contains(string(list.body), `"ids"`) || !strings.Contains(string(list.body), `"b":null`) {
		t.Errorf("the list: %s", list.body)
	}
}

func TestBadBulkJobs(t *testing.T) {
	t.Parallel()
	s, root := newBulkAPI(t, false, nil)
	many := make([]string, bulk.MaxIDs+1)
	for i := range many {
		many[i] = fmt.Sprintf(`"202601-%d"`, i)
	}
	for _, c := range []struct{ body, want string }{
		{`{"action":"delete"}`, `"account":{"wrong_format"`},
		{`{"action":"delete","filter":""}`, `"filter":{"minLength"`},
		{`{"action":"delete","filter":"","owner_id":"anna"}`, `"filter":{"minLength"`},
		{`{"action":"delete","filter":"has_key=a","owner_id":""}`, `"owner_id":{"minLength"`},
		{`{"action":"delete","filter":null,"owner_id":"anna"}`, `"filter":{"type"`},
		{`{"action":"delete","filter":"has_key=a","account":true}`, `"account":{"wrong_format"`},
		{`{"action":"delete","ids":["202601-1"],"account":true}`, `"account":{"wrong_format"`},
		{`{"action":"delete","filter":"create_from=1"}`, `"filter.create_from":{"additionalProperties"`},
		{`{"action":"delete","filter":"has_key=a&page_size=5"}`, `"filter.page_size":{"additionalProperties"`},
		{`{"action":"delete","filter":"deleted=true"}`, `"filter.deleted":{"additionalProperties"`},
		{`{"action":"delete","filter":"paginate=false&has_key=a"}`, `"filter.paginate":{"additionalProperties"`},
		{`{"action":"delete","filter":"auth_token=secret"}`, `"filter.auth_token":{"additionalProperties"`},
		{`{"action":"delete","filter":"created_from=soon"}`, `"filter.created_from":{"type"`},
		{`{"action":"delete","filter":"created_from=6&created_to=5"}`, `"filter.created_from":{"date_range"`},
		{`{"action":"delete","filter":"modified_to=soon"}`, `"filter.modified_to":{"type"`},
		{`{"action":"delete","filter":"kept_over=soon"}`, `"filter.kept_over":{"wrong_format"`},
		{`{"action":"delete","filter":"created_from=undefined"}`, `"filter.created_from":{"wrong_format"`},
		{`{"action":"delete","filter":"&"}`, `"filter":{"wrong_format"`},
		{`{"action":"delete","filter":"search=zoe"}`, `"filter.search":{"disabled"`},
		{`{"action":"delete","filter":"has_key=` + strings.Repeat("a", bulk.MaxFilter) + `"}`, `"filter":{"maxLength"`},
		{`{"action":"delete","ids":[],"filter":"has_key=a"}`, `"ids":{"maxItems"`},
		{`{"action":"delete","ids":[` + strings.Join(many, ",") + `]}`, `"ids":{"maxItems"`},
		{`{"action":"delete","ids":["202601-1","x"]}`, `"ids.2":{"wrong_format"`},
		{`{"action":"delete","ids":"202601-1"}`, `"ids":{"type"`},
		{`{"action":"delete","owner_id":"a b"}`, `"owner_id":{"wrong_format"`},
		{`{"action":"delete","number":"1"}`, `"number":{"additionalProperties"`},
		{`{"action":"delete","account":true,"user_metadata":{"a":1}}`, `"user_metadata":{"additionalProperties"`},
		{`{"action":"person_erase","number":"1","filter":"has_key=a"}`, `"filter":{"additionalProperties"`},
		{`{"action":"tag","account":true}`, `"user_metadata":{"required"`},
		{`{"action":"tag","account":true,"user_metadata":{}}`, `"user_metadata":{"minProperties"`},
		{`{"action":"tag","account":true,"user_metadata":[1]}`, `"user_metadata":{"type"`},
		{`{"action":"tag","account":true,"user_metadata":{"a":"` + strings.Repeat("x", recording.MaxUserMetadata) + `"}}`, `"user_metadata":{"maxLength"`},
		{`{"action":"hold","account":true,"case":"C"}`, `"reason":{"required"`},
		{`{"action":"hold","account":true,"reason":"R"}`, `"case":{"required"`},
		{`{"action":5}`, `"action":{"type"`},
	} {
		s.sendUnchecked(t, root, http.MethodPost, jobsPath, c.body).has(t, c.body[:min(len(c.body), 100)], http.StatusBadRequest, c.want)
	}
}

// A condition that counts as absent, or that no recording can fail, is refused: a list ignores it, so
// the job would select more than its client meant. The table has every parameter that selects.
func TestEmptyConditionsOfJobs(t *testing.T) {
	t.Parallel()
	s, root := newBulkAPI(t, true, nil)
	absent := []string{"", "undefined", "null"}
	times := append([]string{"NaN", "0", "-1", "0.2", "0000-01-01T00:00:00Z"}, absent...)
	lists := append([]string{"[]", "[null]", " [ {} ]"}, absent...)
	table := map[string]struct {
		refused []string
		taken   string
	}{
		"created_from": {times, "5"}, "created_to": {times, "5"}, "modified_from": {times, "5"}, "modified_to": {times, "5"},
		"search": {absent, "zoe"}, "expiring_within": {absent, "7d"}, "kept_over": {absent, "7d"},
		"filter_direction": {lists, "inbound"}, "filter_not_direction": {lists, "inbound"},
		"filter_": {[]string{"inbound", ""}, ""}, "filter_not_": {[]string{"inbound", ""}, ""},
		"has_key": {absent, "a"}, "key_missing": {absent, "a"}, "has_value": {absent, "a"}, "value_missing": {absent, "a"}, "missing_value": {absent, "a"},
	}
	for _, name := range selecting {
		if _, ok := table[name]; !ok {
			t.Errorf("the table lacks %s", name)
		}
	}
	job := func(filter string) string { return `{"action":"delete","filter":` + recording.Quote(filter) + `}` }
	for name, c := range table {
		for _, value := range c.refused {
			filter := "filter_x=1&" + name + "=" + url.QueryEscape(value)
			s.sendUnchecked(t, root, http.MethodPost, jobsPath, job(filter)).has(t, filter, http.StatusBadRequest, `"filter.`+name+`":{"wrong_format"`)
		}
		if c.taken != "" {
			if _, err := parseSelection("filter_x=1&"+name+"="+c.taken, recording.SecondsOf(today)); err != nil {
				t.Errorf("%s=%s: %v", name, c.taken, err)
			}
		}
	}
	for filter, field := range map[string]string{
		"filter_x=1&created_to":                   "created_to",
		"filter_x=1&has_key":                      "has_key",
		"created_to=5&created_to=":                "created_to",
		"created_to=5&created_to=6":               "created_to",
		"search=zoe&search=ada":                   "search",
		"filter_direction=inbound&created_to=NaN": "created_to",
	} {
		s.sendUnchecked(t, root, http.MethodPost, jobsPath, job(filter)).has(t, filter, http.StatusBadRequest, `"filter.`+field+`":{"wrong_format"`)
	}
	for _, filter := range []string{
		"created_to=5&created_to=5", "filter_x", `filter_x=""`, `filter_x="null"`, "filter_not_x=0", `filter_not_x=["a",null]`, "has_key=a&has_key=b",
	} {
		if q, err := parseSelection(strings.ReplaceAll(filter, `"`, "%22"), recording.SecondsOf(today)); err != nil || !q.selects() {
			t.Errorf("%s: %v, selects %t", filter, err, q.selects())
		}
	}
}

// Each action needs its rights for the whole account, at the confirmation and during the work.
func TestBulkJobsNeedRights(t *testing.T) {
	t.Parallel()
	s, _ := newBulkAPI(t, true, nil)
	kinds := JobKinds(jobParams, true)
	permit := JobPermit(s.env.Access, nil, kinds)
	for action, want := range map[string][]access.Action{
		"delete": {access.List, access.Delete}, "export": {access.List, access.Read, access.Listen},
		"tag": {access.List, access.Tag}, "hold": {access.List, access.Hold},
	} {
		if !slices.Equal(kinds[action].Rights, want) {
			t.Errorf("%s needs %q", action, kinds[action].Rights)
		}
	}
	directory := access.NewDirectory(s.store)
	j := &job.Job{Account: tenant, Action: "delete"}
	j.Confirmer.Account, j.Confirmer.Owner = tenant, "anna"
	if err := permit(t.Context(), j); err == nil { // the default of this API is own
		t.Error("a user without a role may go on")
	}
	if _, err := directory.SetUser(t.Context(), tenant, "anna", access.UserEntry{Role: access.Admin}); err != nil {
		t.Fatal(err)
	}
	fresh := JobPermit(access.NewResolver(s.store, access.Options{Default: access.OwnOnly, Now: s.env.Now}), nil, kinds)
	if err := fresh(t.Context(), j); err != nil {
		t.Errorf("an administrator: %v", err)
	}
	j.Claims.Role = string(access.Auditor)
	if err := fresh(t.Context(), j); err == nil {
		t.Error("the claim of the token does not count")
	}
	j.Claims.Role, j.Confirmer.Account = "", "other"
	if err := fresh(t.Context(), j); err == nil {
		t.Error("a token of another account may go on")
	}
}

// A job of any action ends once its confirmer's tokens are no longer accepted. While the issuers
// cannot be read, it waits.
func TestJobsNeedTheIssuer(t *testing.T) {
	t.Parallel()
	s, _ := newBulkAPI(t, true, nil)
	kinds, known := JobKinds(jobParams, true), namedIssuers{}
	permit, blind := JobPermit(s.env.Access, known, kinds), JobPermit(s.env.Access, issuer.NewRegistry(unreachable{}, s.env.Now), kinds)
	for action := range kinds {
		j := &job.Job{Account: tenant, Action: action}
		j.Confirmer.Issuer, j.Confirmer.Account, j.Confirmer.Owner, j.Claims.Role = "acme", tenant, "anna", string(access.Admin)
		for _, c := range []struct {
			state  string
			issuer *auth.Issuer
			ends   bool
		}{
			{"for all accounts", &auth.Issuer{Name: "acme"}, false},
			{"for the account", &auth.Issuer{Name: "acme", Accounts: []string{"other", tenant}}, false},
			{"for another account", &auth.Issuer{Name: "acme", Accounts: []string{"other"}}, true},
			{"for no account", &auth.Issuer{Name: "acme", Accounts: []string{}}, true},
			{"removed", nil, true},
		} {
			known["acme"] = c.issuer
			err := permit(t.Context(), j)
			p := (*job.ProblemError)(nil)
			if ends := errors.As(err, &p) && strings.Contains(p.Text, "issuer"); ends != c.ends || !c.ends && err != nil {
				t.Errorf("%s with an issuer %s: %v, want the end: %t", action, c.state, err, c.ends)
			}
		}
		if err := blind(t.Context(), j); !job.Transient(err) {
			t.Errorf("%s without the issuers: %v, want an error that a retry may overcome", action, err)
		}
		j.Confirmer.Issuer = "" // a static key
		if err := blind(t.Context(), j); err != nil {
			t.Errorf("%s of a static key: %v", action, err)
		}
	}
}

// checkSelection compares the selection of a filter with the list that has the same query.
func checkSelection(t *testing.T, s Library, query, owner string, now recording.Seconds, want []string) {
	t.Helper()
	sel, err := Select(s)(t.Context(), tenant, bulk.Params{Filter: query, Owner: owner}, now)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var got []string
	for at := new(store.Position); at != nil; {
		var found []recording.Recording
		if found, at, err = sel.Page(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		for i := range found {
			got = append(got, found[i].ID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s of %q: %q, the list has %q", query, owner, got, want)
	}
	all, err := s.Page(t.Context(), store.Query{Account: tenant, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i := range all.Recordings {
		r := &all.Recordings[i]
		if matched := sel.Match(r); matched != slices.Contains(want, r.ID) {
			t.Errorf("%s of %q: Match of %s = %t", query, owner, r.ID, matched)
		}
	}
}

// A job selects the recordings that a list with the same query has, in the order of their
// creation.
func TestSelectionsAreLists(t *testing.T) {
	t.Parallel()
	s := newSearchAPI(t)
	at := recording.SecondsOf(today) - 1000
	for _, query := range []string{
		"", "filter_caller_id_name=Ada", "filter_not_caller_id_name=Ada&has_key=caller_id_number", "search=renate", "search=5550142+muller",
		fmt.Sprint("created_to=", at+1), fmt.Sprint("created_from=", at+1, "&created_to=", at+2), "filter_id=202603-b", "modified_from=1",
		fmt.Sprint("modified_to=", at+1), "kept_over=1h", fmt.Sprint("search=renate&created_from=", at+1), "expiring_within=7d",
		"filter_caller_id_name=" + url.QueryEscape(`["Ada","Renate"]`),
	} {
		want := slices.Concat(s.follow(t, tenantList+"?page_size=3&ascending=true&"+query)...)
		checkSelection(t, s.store, query, "", recording.SecondsOf(today), want)
		want = slices.Concat(s.follow(t, tenantBase+"/users/"+alice+"/recordings?page_size=3&ascending=true&"+query)...)
		checkSelection(t, s.store, query, alice, recording.SecondsOf(today), want)
	}
}
