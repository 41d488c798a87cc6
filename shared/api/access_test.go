package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// ruledAPI is the API over one store, with access rules.
type ruledAPI struct {
	*listAPI
	directory *access.Directory
	handlers  map[Operation]http.Handler
}

// newRuledAPI returns an API in which users without a role have their own recordings.
// change, if not nil, changes the environment.
func newRuledAPI(t testing.TB, change func(*Env)) *ruledAPI {
	t.Helper()
	s := &ruledAPI{listAPI: newListAPI(t, nil)}
	s.directory = access.NewDirectory(s.store)
	s.env.Access = access.NewResolver(s.store, access.Options{Default: access.OwnOnly, Now: s.env.Now, TTL: -1}) // keeps nothing
	if change != nil {
		change(&s.env)
	}
	s.handlers = map[Operation]http.Handler{
		OpList: List(s.env, s.store, s.sealer, true), OpGet: Get(s.env, s.store, noAudio{}, Delivery{}),
		OpPatch: Patch(s.env, s.store), OpDelete: Delete(s.env, s.store, noAudio{}, 0),
		OpCreate: Create(s.env, s.store, Uploads{Audio: noAudio{}, MaxBytes: 1 << 20, TTL: time.Minute}),
		OpAccess: Manage(s.env, s.store, s.sealer, nil), OpFallback: Fallback(s.env, nil),
		OpRetention: Retention(s.env, s.store, hold.NewBook(s.store, s.env.Now, rand.Reader, false)),
	}
	return s
}

// noAudio is a bucket without objects.
type noAudio struct {
	media.Reader
	media.Uploader
}

// PresignPut implements media.Uploader.
func (noAudio) PresignPut(_ context.Context, key string, _ media.Admission) (media.SignedRequest, error) {
	return media.SignedRequest{Method: http.MethodPut, URL: "http://bucket.test/" + key, Header: map[string]string{"If-None-Match": "*"}, Expires: today}, nil
}

// Purge implements media.Purger.
func (noAudio) Purge(ctx context.Context, _ []string, confirm func(context.Context) error) error {
	return confirm(ctx)
}

// bearer returns a token of a user of an account; "" is the whole account.
func (s *ruledAPI) bearer(t testing.TB, account, owner string) string {
	t.Helper()
	token, err := auth.Sign(s.jwks, auth.Claims{Account: account, Owner: owner, Expires: today.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// send sends a request with a token to the handler that serves it.
func (s *ruledAPI) send(t testing.TB, token, method, target, body string, header ...string) got {
	t.Helper()
	r := ruledRequest(t, token, method, target, body, header)
	return serve(t, s.handlers[Match(method, r.URL.EscapedPath())], r)
}

// sendUnchecked is like send for a request that need not conform to the definition.
func (s *ruledAPI) sendUnchecked(t testing.TB, token, method, target, body string, header ...string) got {
	t.Helper()
	r := ruledRequest(t, token, method, target, body, header)
	return serveUnchecked(t, s.handlers[Match(method, r.URL.EscapedPath())], r)
}

func ruledRequest(t testing.TB, token, method, target, body string, header []string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("X-Auth-Token", token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// staff gives each role to the user of that name, and makes "member" a member of the
// group that "supervisor" leads.
func (s *ruledAPI) staff(t testing.TB) {
	t.Helper()
	for _, role := range access.Roles {
		if _, err := s.directory.SetUser(t.Context(), tenant, string(role), access.UserEntry{Role: role}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.directory.SetGroup(t.Context(), tenant, "group", access.Group{Leaders: []string{"supervisor"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.directory.AddMembers(t.Context(), tenant, "group", "member"); err != nil {
		t.Fatal(err)
	}
}

// owners are the owners of the recordings of a test for a caller.
func owners(caller string) []string { return []string{caller, "member", "other", ""} }

// The table of rights holds for each role and each recording, on every path.
func TestRights(t *testing.T) {
	t.Parallel()
	for _, caller := range append([]string{"stranger"}, roleNames()...) {
		t.Run(caller, func(t *testing.T) {
			t.Parallel()
			s := newRuledAPI(t, nil)
			s.staff(t)
			token, grant := s.bearer(t, tenant, caller), access.Grant{Role: access.Role(caller), Owner: caller, Members: []string{"member"}}
			if caller == "stranger" {
				grant.Role = access.User
			}
			for i, owner := range owners(caller) {
				s.put(t, entry{id: fmt.Sprintf("202603-%s%d", "call", i), owner: owner, created: daysAgo(i)})
			}
			s.checkLists(t, token, grant)
			for i, owner := range owners(caller) {
				s.checkSingle(t, token, grant, fmt.Sprintf("202603-call%d", i), owner)
				s.checkCreate(t, token, grant, fmt.Sprintf("202603-new%d", i), owner)
			}
			manage := s.send(t, token, http.MethodGet, tenantList+"/access/users", "")
			if grant.Has(access.Manage) {
				manage.want(t, http.StatusOK, "")
			} else {
				manage.wantRefusal(t, "manage")
			}
		})
	}
}

func roleNames() []string {
	var names []string
	for _, role := range access.Roles {
		names = append(names, string(role))
	}
	return names
}

// wantRefusal checks a 403 that names the missing action.
func (g got) wantRefusal(t testing.TB, action string) {
	t.Helper()
	g.want(t, http.StatusForbidden, "forbidden")
	var data struct{ Cause string }
	if err := json.Unmarshal(g.page(t).Data, &data); err != nil || data.Cause != action {
		t.Errorf("data = %s, want the cause %s", g.page(t).Data, action)
	}
}

// checkLists compares every kind of list with the rights of the caller.
func (s *ruledAPI) checkLists(t *testing.T, token string, grant access.Grant) {
	t.Helper()
	var visible []string
	for i, owner := range owners(grant.Owner) {
		if grant.May(access.List, owner) {
			visible = append(visible, fmt.Sprintf("202603-call%d", i))
		}
	}
	for _, query := range []string{"", "?paginate=false", "?page_size=1000", "?filter_direction=inbound"} {
		if ids := s.send(t, token, http.MethodGet, tenantList+query, "").ids(t); !slices.Equal(ids, visible) {
			t.Errorf("list %q shows %q, want %q", query, ids, visible)
		}
	}
	table := s.send(t, token, http.MethodGet, tenantList+"?accept=csv&columns=id", "")
	if want := strings.Join(append([]string{"id"}, visible...), "\r\n") + "\r\n"; string(table.body) != want {
		t.Errorf("CSV = %q, want %q", table.body, want)
	}
	for i, owner := range owners(grant.Owner) {
		if owner == "" {
			continue
		}
		for _, path := range []string{"/users/" + owner, "/" + owner} {
			list := s.send(t, token, http.MethodGet, tenantBase+path+"/recordings", "")
			if !grant.May(access.List, owner) {
				list.wantRefusal(t, "list")
			} else if ids := list.ids(t); !slices.Contains(ids, fmt.Sprintf("202603-call%d", i)) {
				t.Errorf("list of %s shows %q", owner, ids)
			}
		}
	}
}

// checkSingle compares the answers about one recording with the rights of the caller.
// Out of reach, they are those for an unknown ID.
func (s *ruledAPI) checkSingle(t *testing.T, token string, grant access.Grant, id, owner string) {
	t.Helper()
	const unknown = "202603-none0"
	for _, c := range []struct {
		action       access.Action
		method, path string
		body         string
		status       int // if the caller has the right
	}{
		{access.Read, http.MethodGet, "", "", http.StatusOK},
		{access.Read, http.MethodHead, "", "", http.StatusOK},
		{access.Listen, http.MethodGet, "?accept=audio", "", http.StatusNotFound},
		{access.Listen, http.MethodGet, "/audio", "", http.StatusNotFound},
		{access.Tag, http.MethodPatch, "", `{"data":{"user_metadata":{"tag":"x"}}}`, http.StatusOK},
		{access.Delete, http.MethodDelete, "", "", http.StatusOK},
	} {
		for _, base := range []string{tenantList + "/", tenantBase + "/users/" + owner + "/recordings/"} {
			if owner == "" && base != tenantList+"/" || c.action == access.Delete && base == tenantList+"/" && owner != "" {
				continue // delete by one path only
			}
			answer := s.send(t, token, c.method, base+id+c.path, c.body)
			other := s.send(t, token, c.method, base+unknown+c.path, c.body)
			switch name := fmt.Sprintf("%s %s%s of %q", c.method, base, c.path, owner); {
			case !grant.Has(c.action):
				if c.method != http.MethodHead {
					answer.wantRefusal(t, string(c.action))
				}
				if answer.Code != http.StatusForbidden || other.Code != http.StatusForbidden {
					t.Errorf("%s = %d, %d for an unknown ID, want 403", name, answer.Code, other.Code)
				}
			case grant.May(c.action, owner):
				if answer.Code != c.status || c.action == access.Listen && !strings.Contains(string(answer.body), "has not arrived") {
					t.Errorf("%s = %d %s, want %d", name, answer.Code, answer.body, c.status)
				}
			default:
				if want := strings.ReplaceAll(string(other.body), unknown, id); other.Code != http.StatusNotFound || answer.Code != other.Code || string(answer.body) != want {
					t.Errorf("%s = %d %s, want the answer for an unknown ID, %d %s", name, answer.Code, answer.body, other.Code, want)
				}
			}
		}
	}
}

// checkCreate creates a recording of an owner.
func (s *ruledAPI) checkCreate(t *testing.T, token string, grant access.Grant, id, owner string) {
	t.Helper()
	body := fmt.Sprintf(`{"data":{"id":%q}}`, id)
	if owner != "" {
		body = fmt.Sprintf(`{"data":{"id":%q,"owner_id":%q}}`, id, owner)
	}
	answer := s.send(t, token, http.MethodPut, tenantList, body, "Content-Type", "application/json")
	own := owner == "" && grant.Scope(access.Create) == access.Own
	if !grant.May(access.Create, owner) && !own {
		answer.wantRefusal(t, "create")
		return
	}
	answer.want(t, http.StatusCreated, "")
	var doc struct {
		Owner string `json:"owner_id"`
	}
	if err := json.Unmarshal(answer.page(t).Data, &doc); err != nil {
		t.Fatal(err)
	}
	if own && doc.Owner != grant.Owner || !own && doc.Owner != owner {
		t.Errorf("created for %q: owner %q", owner, doc.Owner)
	}
}

// A user cannot take over a recording by its ID.
func TestCreateOutOfReach(t *testing.T) {
	t.Parallel()
	s := newRuledAPI(t, nil)
	s.put(t, entry{id: "202603-theirs", owner: "other", created: daysAgo(1)})
	arrived := &recording.Recording{
		Account: tenant, ID: "202603-arrived", Created: daysAgo(1), Modified: daysAgo(1), Made: recording.MadeOfAudio, Document: `{}`,
		Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 1},
	}
	if err := s.store.Put(t.Context(), arrived); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"202603-theirs", "202603-arrived"} {
		answer := s.send(t, s.bearer(t, tenant, "me"), http.MethodPut, tenantList, fmt.Sprintf(`{"data":{"id":%q}}`, id))
		answer.want(t, http.StatusConflict, "datastore_conflict")
		rec, err := s.store.Get(t.Context(), tenant, id)
		if err != nil || rec.Owner == "me" {
			t.Errorf("%s belongs to %q, %v", id, rec.Owner, err)
		}
	}
}

// A reseller's client sends its own token with the path of a descendant, as monster-ui
// does when a person masquerades.
func TestMasquerading(t *testing.T) {
	t.Parallel()
	s := newRuledAPI(t, func(e *Env) { e.Access.(*access.Resolver).Default = access.WholeAccount })
	tree := access.NewTree(s.store)
	for _, a := range [][2]string{{"", "reseller"}, {"reseller", tenant}, {"reseller", otherTenant}} {
		if err := tree.Add(t.Context(), a[1], a[0], ""); err != nil {
			t.Fatal(err)
		}
	}
	s.put(t, entry{id: "202603-call", owner: alice, created: daysAgo(1)})
	reseller := s.bearer(t, "reseller", "person")
	if ids := s.send(t, reseller, http.MethodGet, tenantList, "").ids(t); !slices.Equal(ids, []string{"202603-call"}) {
		t.Errorf("the list of a descendant shows %q", ids)
	}
	s.send(t, reseller, http.MethodPatch, tenantList+"/202603-call", `{"data":{"user_metadata":{"a":1},"ui_metadata":{}}}`).want(t, http.StatusOK, "")
	s.send(t, reseller, http.MethodPut, tenantList+"/access/users/u", `{"data":{"role":"user"}}`).want(t, http.StatusOK, "")
	for _, other := range []string{otherTenant, "unknown", "reseller"} {
		s.send(t, s.bearer(t, tenant, ""), http.MethodGet, "/v2/accounts/"+other+"/recordings", "").want(t, http.StatusForbidden, "forbidden")
	}
	if err := tree.Disable(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{reseller, s.bearer(t, tenant, "")} {
		disabled := s.send(t, token, http.MethodGet, tenantList, "")
		if disabled.want(t, http.StatusForbidden, "forbidden"); !strings.Contains(string(disabled.body), `"account disabled"`) {
			t.Errorf("a disabled account: %s", disabled.body)
		}
	}
}

// The log has the rule that refused a request, and no user.
func TestRefusalIsLogged(t *testing.T) {
	t.Parallel()
	s := newRuledAPI(t, nil)
	s.staff(t)
	s.send(t, s.bearer(t, tenant, "auditor"), http.MethodDelete, tenantList+"/202603-call", "").wantRefusal(t, "delete")
	if text := s.log.String(); !strings.Contains(text, "the role auditor has no right to delete here") {
		t.Errorf("log = %s", text)
	}
	s.send(t, s.bearer(t, tenant, "me"), http.MethodGet, tenantList+"/202603-call", "").want(t, http.StatusNotFound, "bad_identifier")
	if text := s.log.String(); strings.Contains(text, `"me"`) {
		t.Errorf("the log names the user: %s", text)
	}
}

// A grant that cannot be found out is a 503.
func TestAccessWithoutTheStore(t *testing.T) {
	t.Parallel()
	s := newRuledAPI(t, func(e *Env) { e.Access = noAccess{} })
	s.send(t, s.bearer(t, tenant, ""), http.MethodGet, tenantList, "").want(t, http.StatusServiceUnavailable, "datastore_unreachable")
}

type noAccess struct{}

func (noAccess) Grant(context.Context, auth.Bearer, string) (access.Grant, error) {
	return access.Grant{}, fmt.Errorf("read: %w", store.ErrUnavailable)
}
