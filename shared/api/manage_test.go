package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	usersPath  = tenantList + "/access/users"
	groupsPath = tenantList + "/access/groups"
)

// newManagedAPI returns an API and the token of an administrator.
func newManagedAPI(t *testing.T) (*ruledAPI, string) {
	t.Helper()
	s := newRuledAPI(t, nil)
	if _, err := s.directory.SetUser(t.Context(), tenant, "root", access.UserEntry{Role: access.Admin}); err != nil {
		t.Fatal(err)
	}
	return s, s.bearer(t, tenant, "root")
}

// dying is a store that takes one write. Later writes fail.
type dying struct {
	ManagedStore
	writes int
}

func (d *dying) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	if d.writes++; d.writes > 1 {
		return store.ErrUnavailable
	}
	return d.ManagedStore.WriteEntries(ctx, writes...)
}

// A retry finishes a removal that died partway.
func TestDeleteGroupAgain(t *testing.T) {
	t.Parallel()
	s, root := newManagedAPI(t)
	s.send(t, root, http.MethodPut, groupsPath+"/sales", `{"data":{"leaders":["anna"]}}`)
	s.send(t, root, http.MethodPut, groupsPath+"/sales/members/ben", "")
	whole := s.handlers[OpAccess]
	s.handlers[OpAccess] = Manage(s.env, &dying{ManagedStore: s.store}, s.sealer, nil)
	if got := s.send(t, root, http.MethodDelete, groupsPath+"/sales", ""); got.Code != http.StatusServiceUnavailable {
		t.Errorf("the first DELETE = %d %s, want 503", got.Code, got.body)
	}
	s.handlers[OpAccess] = whole
	if got := s.send(t, root, http.MethodDelete, groupsPath+"/sales", ""); got.Code != http.StatusOK || !strings.Contains(string(got.body), `{"data":{"id":"sales",`) {
		t.Errorf("the second DELETE = %d %s, want 200 with the group", got.Code, got.body)
	}
	if members, _, err := s.directory.Members(t.Context(), tenant, "sales", "", 10); err != nil || len(members) != 0 {
		t.Errorf("members %q, %v, want none", members, err)
	}
	if got := s.send(t, root, http.MethodDelete, groupsPath+"/sales", ""); got.Code != http.StatusNotFound {
		t.Errorf("the third DELETE = %d, want 404", got.Code)
	}
}

func TestManage(t *testing.T) {
	t.Parallel()
	s, root := newManagedAPI(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string // part of the answer
	}{
		{http.MethodGet, usersPath, "", 200, `{"data":[{"id":"root","role":"admin","leads":[]}],"page_size":1,"status"`},
		{http.MethodGet, usersPath + "/anna", "", 404, `"cause":"anna"`},
		{http.MethodPut, usersPath + "/anna", `{"data":{"role":"supervisor","name":"Anna","ui_metadata":{"v":1}}}`, 200, `{"data":{"id":"anna","role":"supervisor","name":"Anna","leads":[]}`},
		{http.MethodPut, usersPath + "/anna", `{"name":"Ann","role":"supervisor"}`, 200, `"name":"Ann"`},
		{http.MethodPut, groupsPath + "/sales", `{"data":{"name":"Sales","leaders":["otto","anna"]}}`, 200, `{"data":{"id":"sales","name":"Sales","leaders":["anna","otto"]}`},
		{http.MethodGet, usersPath + "/anna", "", 200, `"leads":["sales"]`},
		{http.MethodPut, groupsPath + "/sales/members/ben", "", 200, `{"data":{"id":"ben"}`},
		{http.MethodPut, groupsPath + "/sales/members/ben", "", 200, `{"data":{"id":"ben"}`},
		{http.MethodPut, groupsPath + "/sales/members/carl", "", 200, ``},
		{http.MethodGet, groupsPath + "/sales/members", "", 200, `{"data":[{"id":"ben"},{"id":"carl"}],"page_size":2,"status"`},
		{http.MethodGet, groupsPath + "/sales/members?page_size=1", "", 200, `"next_start_key":"ben"`},
		{http.MethodGet, groupsPath + "/sales/members?page_size=1&start_key=ben", "", 200, `{"data":[{"id":"carl"}],"page_size":1,"start_key":"ben","status"`},
		{http.MethodDelete, groupsPath + "/sales/members/carl", "", 200, ``},
		{http.MethodGet, groupsPath, "", 200, `{"data":[{"id":"sales","name":"Sales","leaders":["anna","otto"]}]`},
		{http.MethodGet, groupsPath + "/sales", "", 200, `"name":"Sales"`},
		{http.MethodDelete, usersPath + "/anna", "", 200, `"leads":["sales"]`},
		{http.MethodGet, groupsPath + "/sales", "", 200, `"leaders":["otto"]`},
		{http.MethodDelete, groupsPath + "/sales", "", 200, `"name":"Sales"`},
		{http.MethodGet, groupsPath + "/sales", "", 404, `"cause":"sales"`},
		{http.MethodGet, groupsPath + "/sales/members", "", 404, `"cause":"sales"`},
		{http.MethodPut, groupsPath + "/sales/members/ben", "", 404, `"cause":"sales"`},
		{http.MethodDelete, usersPath + "/anna", "", 404, `"cause":"anna"`},
		{http.MethodPost, usersPath, "", 405, `invalid_method`},
		{http.MethodGet, usersPath + "/a.b", "", 404, `"cause":"a.b"`},
		{http.MethodPut, groupsPath + "/a%2Fb", "{}", 404, `"cause":"a/b"`},
		{http.MethodGet, usersPath + "?accept=text/csv", "", 406, `not_acceptable`},
	} {
		answer := s.send(t, root, c.method, c.path, c.body)
		if answer.Code != c.status || !strings.Contains(string(answer.body), c.want) {
			t.Errorf("%s %s %s = %d %s, want %d with %s", c.method, c.path, c.body, answer.Code, answer.body, c.status, c.want)
		}
	}
}

// newTeamAPI returns an API and the token of an administrator. The policy keeps the recordings of
// sales for ten years and those of others for five days. Ben is in sales, and has two
// recordings of 40 days. Eva has one of four days.
func newTeamAPI(t *testing.T) (*ruledAPI, string) {
	t.Helper()
	s, root := newManagedAPI(t)
	s.send(t, root, http.MethodPut, groupsPath+"/sales", `{"data":{}}`).has(t, "the group", http.StatusOK, "")
	s.send(t, root, http.MethodPut, groupsPath+"/sales/members/ben", "").has(t, "the member", http.StatusOK, "")
	for id, owner := range map[string]string{"202601-a": "ben", "202601-b": "ben", "202601-c": "eva"} {
		days := map[string]int{"ben": 40, "eva": 4}[owner]
		err := s.store.Put(t.Context(), &recording.Recording{
			Account: tenant, ID: id, Owner: owner, Document: "{}", Created: recording.SecondsOf(today.AddDate(0, 0, -days)),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.send(t, root, http.MethodPut, retentionPath, `{"rules":[{"name":"trainees","days":1,"group":"trainees"},
		{"name":"sales","days":3650,"group":"sales"},{"name":"rest","days":5}]}`).has(t, "the policy", http.StatusOK, "")
	return s, root
}

// A change of the members of a group that would remove recordings wants their number. Until then,
// nothing is changed.
func TestMembersAreConfirmed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method, path string
		count              int
	}{
		{"a group", http.MethodDelete, groupsPath + "/sales", 2},
		{"a member", http.MethodDelete, groupsPath + "/sales/members/ben", 2},
		{"a member of a group with a shorter rule", http.MethodPut, groupsPath + "/trainees/members/eva", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, root := newTeamAPI(t)
			s.send(t, root, http.MethodPut, groupsPath+"/trainees", `{}`).has(t, "the other group", http.StatusOK, "")
			question := fmt.Sprintf(`"preview":{"complete":true,"count":%d,`, c.count)
			for _, number := range []string{"", "?confirm=7"} {
				s.send(t, root, c.method, c.path+number, "").has(t, "the change"+number, http.StatusConflict, question)
				members, _, err := s.directory.Members(t.Context(), tenant, "sales", "", 10)
				more, _, e := s.directory.Members(t.Context(), tenant, "trainees", "", 10)
				if err != nil || e != nil || !slices.Equal(members, []string{"ben"}) || len(more) > 0 {
					t.Errorf("after the 409 the members are %q and %q, %v %v, want them as before", members, more, err, e)
				}
			}
			s.sendUnchecked(t, root, c.method, c.path+"?confirm=x", "").has(t, "no number", http.StatusBadRequest, `"confirm":{"type"`)
			path := fmt.Sprintf("%s?confirm=%d", c.path, c.count)
			s.send(t, root, c.method, path, "").has(t, "the change with its number", http.StatusOK, "")
			if c.path != groupsPath+"/sales" { // a group that is gone is a 404
				s.send(t, root, c.method, path, "").has(t, "a retry", http.StatusOK, "")
			}
		})
	}
}

// A question is no change, so the audit trail has only what was confirmed.
func TestUnconfirmedMembersAreNotRecorded(t *testing.T) {
	t.Parallel()
	s, root := newTeamAPI(t)
	s.env.Audit = audit.NewTrail(s.store, audit.Options{Level: audit.All, Now: s.env.Now, Random: rand.Reader})
	s.handlers[OpAccess] = Manage(s.env, s.store, s.sealer, nil)
	for _, c := range []struct {
		path string
		want bool
	}{{"/sales/members/ben", false}, {"/sales/members/ben?confirm=2", true}} {
		s.send(t, root, http.MethodDelete, groupsPath+c.path, "")
		if has, err := audit.NewReader(s.store).Exists(t.Context(), tenant); err != nil || has != c.want {
			t.Errorf("after DELETE %s the trail has entries: %v, %v, want %v", c.path, has, err, c.want)
		}
	}
}

// What removes nothing asks for nothing.
func TestMembersWithoutAQuestion(t *testing.T) {
	t.Parallel()
	s, root := newTeamAPI(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodPut, groupsPath + "/sales/members/eva", 200},    // her recordings are kept for longer
		{http.MethodDelete, groupsPath + "/sales/members/eva", 200}, // and for four days more than they are old
		{http.MethodPut, groupsPath + "/sales/members/ben", 200},
		{http.MethodDelete, groupsPath + "/sales/members/gus", 200},
		{http.MethodPut, groupsPath + "/trainees/members/eva", 404}, // there is no such group
		{http.MethodDelete, groupsPath + "/trainees", 404},
		{http.MethodPut, groupsPath + "/leads", 200},
		{http.MethodPut, groupsPath + "/leads/members/ben", 200},
		{http.MethodDelete, groupsPath + "/leads", 200},
		{http.MethodPut, usersPath + "/ben", 200},
		{http.MethodDelete, usersPath + "/ben", 200}, // he stays in sales
	} {
		body := ""
		if c.method == http.MethodPut && !strings.Contains(c.path, "/members/") {
			body = `{"data":{"name":"x"}}`
		}
		s.send(t, root, c.method, c.path, body).has(t, c.method+" "+c.path, c.status, "")
	}
}

// A removal that died partway is finished by the next PUT of the group, which wants the number
// again: the recordings may be others by now.
func TestPutOfAGroupThatIsBeingRemoved(t *testing.T) {
	t.Parallel()
	s, root := newTeamAPI(t)
	whole := s.handlers[OpAccess]
	s.sendUnchecked(t, root, http.MethodPut, groupsPath+"/sales?confirm=9223372036854775808", `{}`).has(t, "no number", http.StatusBadRequest, `"confirm":{"type"`)
	s.send(t, root, http.MethodDelete, groupsPath+"/sales", "").has(t, "the question", http.StatusConflict, `"count":2`)
	s.handlers[OpAccess] = Manage(s.env, &dying{ManagedStore: s.store}, s.sealer, nil)
	s.send(t, root, http.MethodDelete, groupsPath+"/sales?confirm=2", "").has(t, "the removal that dies", http.StatusServiceUnavailable, "")
	s.handlers[OpAccess] = whole
	s.send(t, root, http.MethodPut, groupsPath+"/sales", `{}`).has(t, "PUT", http.StatusConflict, `"count":2`)
	s.send(t, root, http.MethodPut, groupsPath+"/sales?confirm=2", `{}`).has(t, "PUT with the number", http.StatusOK, "")
	if members, _, err := s.directory.Members(t.Context(), tenant, "sales", "", 10); err != nil || len(members) != 0 {
		t.Errorf("members %q, %v, want none", members, err)
	}
}

func TestManageRejects(t *testing.T) {
	t.Parallel()
	s, root := newManagedAPI(t)
	leaders := `"u0"`
	for i := range access.MaxLeaders {
		leaders = fmt.Sprintf(`"u%d",%s`, i+1, leaders)
	}
	for _, c := range []struct{ path, body, want string }{
		{usersPath + "/u", `{"data":{"role":"owner"}}`, `"role":{"enum":`},
		{usersPath + "/u", `{"data":{"role":"Admin"}}`, `"role":{"enum":`},
		{usersPath + "/u", `{"data":{"role":null}}`, `"role":{"type":`},
		{usersPath + "/u", `{"data":{"role":7,"name":[]}}`, `"name":{"type":`},
		{usersPath + "/u", `{"data":{"priv_level":"admin"}}`, `"priv_level":{"additionalProperties":`},
		{usersPath + "/u", `{"data":{"leads":["g"]}}`, `"leads":{"additionalProperties":`},
		{usersPath + "/u", `{"data":{"name":"` + strings.Repeat("x", 201) + `"}}`, `"wrong_format"`},
		{usersPath + "/u", `{"data":"admin"}`, `"data":{"type":`},
		{usersPath + "/u", `[]`, `"data":{"type":`},
		{usersPath + "/u", `{"role":"user","role":"admin"}`, `parse_error`},
		{usersPath + "/u", ``, `parse_error`},
		{groupsPath + "/g", `{"data":{"leaders":"anna"}}`, `"leaders":{"type":`},
		{groupsPath + "/g", `{"data":{"leaders":[null]}}`, `"leaders":{"type":`},
		{groupsPath + "/g", `{"data":{"leaders":["a/b"]}}`, `"wrong_format"`},
		{groupsPath + "/g", `{"data":{"leaders":[` + leaders + `]}}`, `"maxItems"`},
	} {
		answer := s.sendUnchecked(t, root, http.MethodPut, c.path, c.body)
		if answer.Code != http.StatusBadRequest || !strings.Contains(string(answer.body), c.want) {
			t.Errorf("PUT %s %.60s = %d %s, want 400 with %s", c.path, c.body, answer.Code, answer.body, c.want)
		}
	}
	for _, query := range []string{"?page_size=0", "?page_size=x", "?start_key=a/b"} {
		if answer := s.sendUnchecked(t, root, http.MethodGet, usersPath+query, ""); answer.Code != http.StatusBadRequest {
			t.Errorf("%s = %d %s, want 400", query, answer.Code, answer.body)
		}
	}
	if left, err := s.store.PageEntries(t.Context(), store.EntryQuery{Partition: access.Partition(tenant), Limit: 10}); err != nil || len(left.Entries) != 1 {
		t.Errorf("a rejected request stored %+v, %v", left.Entries, err)
	}
}

// Only administrators manage, and a change counts for the next grant.
func TestManagedRightsCount(t *testing.T) {
	t.Parallel()
	s, root := newManagedAPI(t)
	s.put(t, entry{id: "202603-mine", owner: "anna", created: daysAgo(1)}, entry{id: "202603-bens", owner: "ben", created: daysAgo(2)})
	anna := s.bearer(t, tenant, "anna")
	for _, path := range []string{usersPath, usersPath + "/anna", groupsPath} {
		s.send(t, anna, http.MethodGet, path, "").wantRefusal(t, "manage")
	}
	s.send(t, anna, http.MethodPut, usersPath+"/anna", `{"data":{"role":"admin"}}`).wantRefusal(t, "manage")
	for _, step := range []struct {
		path, body string
		sees       []string
	}{
		{usersPath + "/anna", `{"data":{"role":"supervisor"}}`, []string{"202603-mine"}},
		{groupsPath + "/g", `{"data":{"leaders":["anna"]}}`, []string{"202603-mine"}},
		{groupsPath + "/g/members/ben", ``, []string{"202603-mine", "202603-bens"}},
		{usersPath + "/anna", `{"data":{"role":"user"}}`, []string{"202603-mine"}},
		{usersPath + "/anna", `{"data":{"role":"auditor"}}`, []string{"202603-mine", "202603-bens"}},
	} {
		s.send(t, root, http.MethodPut, step.path, step.body).want(t, http.StatusOK, "")
		if ids := s.send(t, anna, http.MethodGet, tenantList, "").ids(t); !slices.Equal(ids, step.sees) {
			t.Errorf("after PUT %s %s the list shows %q, want %q", step.path, step.body, ids, step.sees)
		}
	}
}

func TestRequireReason(t *testing.T) {
	t.Parallel()
	s := newRuledAPI(t, func(e *Env) {
		e.RequireReason = access.Reasons([]string{"listen", "delete"})
	})
	s.put(t, entry{id: "202603-call", owner: "me", created: daysAgo(1)})
	me, item := s.bearer(t, tenant, "me"), tenantList+"/202603-call"
	for name, c := range map[string]struct {
		method, path string
		header       []string
		status       int
		message      string
	}{
		"read needs none":         {http.MethodGet, item, nil, 200, ""},
		"listen":                  {http.MethodGet, item + "/audio", nil, 403, "reason_required"},
		"listen by accept":        {http.MethodGet, item + "?accept=audio", nil, 403, "reason_required"},
		"listen to an unknown ID": {http.MethodGet, tenantList + "/202603-none/audio", nil, 403, "reason_required"},
		"a reason in the header":  {http.MethodGet, item + "/audio", []string{"X-Reason", "complaint 7"}, 404, "bad_identifier"},
		"a reason in the query":   {http.MethodGet, item + "/audio?reason=Beschwerde%20%C3%BC", nil, 404, "bad_identifier"},
		"an empty reason":         {http.MethodGet, item + "/audio?reason=", []string{"X-Reason", "  "}, 403, "reason_required"},
		"undefined":               {http.MethodGet, item + "/audio?reason=undefined", nil, 403, "reason_required"},
		"control characters":      {http.MethodGet, item + "/audio?reason=a%0Ab", nil, 400, "validation error"},
		"bad text":                {http.MethodGet, item + "/audio?reason=%FF", nil, 400, "validation error"},
		"too long":                {http.MethodGet, item + "/audio?reason=" + strings.Repeat("x", 501), nil, 400, "validation error"},
		"ignored where not asked": {http.MethodGet, item + "?reason=a%0Ab", nil, 200, ""},
		"no right comes first":    {http.MethodDelete, item, nil, 403, "forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			s.sendUnchecked(t, me, c.method, c.path, "", c.header...).want(t, c.status, c.message)
		})
	}
	if text := s.log.String(); strings.Contains(text, "complaint") || strings.Contains(text, "Beschwerde") {
		t.Errorf("the log has a reason: %s", text)
	}
}
