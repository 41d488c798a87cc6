package api

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/store"
)

// kazooRestrictions let users only read, and let API keys do everything but delete, also
// below their account. Administrators have no restrictions.
const kazooRestrictions = `{
	"_": {"user": {"recordings": [{"allowed_accounts": ["{AUTH_ACCOUNT_ID}"], "rules": {"#": ["GET"]}}]}},
	"cb_api_auth": {"_": {"recordings": [{"allowed_accounts": ["_"], "rules": {"/": ["_"], "*": ["GET", "PATCH"]}}]}}
}`

// restrictedAPI is an API that accepts the tokens of a Kazoo with restrictions.
type restrictedAPI struct {
	*listAPI
	private *ecdsa.PrivateKey
	handler map[Operation]http.Handler
}

func newRestrictedAPI(t *testing.T, restrictions string) *restrictedAPI {
	t.Helper()
	s := &restrictedAPI{listAPI: newListAPI(t, nil)}
	var err error
	if s.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&s.private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	r := issuer.Record{Name: "kazoo", Keys: issuer.Keys{List: []issuer.Key{{ID: "k", Algorithms: []string{"ES256"}, DER: der}}}}
	r.Definition = issuer.Definition{Iss: "kazoo", Algorithms: []string{"ES256"}, AccountClaim: "account_id", OwnerClaim: "owner_id", RoleClaim: "role"}
	if restrictions != "" {
		r.Restrictions = json.RawMessage(restrictions)
	}
	if err := (issuer.Book{Entries: s.store}).Put(t.Context(), r, false); err != nil {
		t.Fatal(err)
	}
	s.env.Verifier.Issuers = issuer.NewRegistry(s.store, s.env.Now)
	s.env.Access = access.NewResolver(s.store, access.Options{Now: s.env.Now})
	s.put(t, entry{id: "202603-a", owner: alice, created: daysAgo(1)})
	s.handler = map[Operation]http.Handler{
		OpList: List(s.env, s.store, s.sealer, true), OpPatch: Patch(s.env, s.store), OpFallback: Fallback(s.env, nil),
	}
	return s
}

// kazooToken returns a token as Kazoo makes it, for an account.
func (s *restrictedAPI) kazooToken(t *testing.T, method, owner, role string) string {
	t.Helper()
	claims := jwt.MapClaims{"iss": "kazoo", "account_id": tenant, "method": method, "exp": today.Add(time.Hour).Unix()}
	if owner != "" {
		claims["owner_id"] = owner
	}
	if role != "" {
		claims["role"] = role
	}
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["kid"] = "k"
	text, err := token.SignedString(s.private)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (s *restrictedAPI) status(t *testing.T, method, path, token string) got {
	t.Helper()
	r := s.request(t, method, path, "X-Auth-Token", token, "Content-Type", "application/merge-patch+json")
	if method == http.MethodPatch {
		r.Body = http.NoBody
	}
	return serveUnchecked(t, s.handler[Match(method, r.URL.EscapedPath())], r)
}

// Kazoo's token restrictions are honored for tokens of an issuer that has them.
func TestTokenRestrictions(t *testing.T) {
	t.Parallel()
	s := newRestrictedAPI(t, kazooRestrictions)
	user, admin := s.kazooToken(t, "cb_user_auth", alice, "user"), s.kazooToken(t, "cb_user_auth", bob, "admin")
	unknown, key := s.kazooToken(t, "cb_user_auth", alice, ""), s.kazooToken(t, "cb_api_auth", "", "")
	for _, tt := range []struct {
		name, method, path, token string
		denied                    bool
	}{
		{"a user lists", http.MethodGet, tenantList, user, false},
		{"a user lists under users/", http.MethodGet, tenantBase + "/users/" + alice + "/recordings", user, false},
		{"a user patches", http.MethodPatch, tenantList + "/202603-a", user, true},
		{"a user patches under an alias", http.MethodPatch, tenantBase + "/" + alice + "/recordings/202603-a", user, true},
		{"an administrator patches", http.MethodPatch, tenantList + "/202603-a", admin, false},
		{"an unknown user acts as administrator", http.MethodPatch, tenantList + "/202603-a", unknown, false},
		{"an API key patches", http.MethodPatch, tenantList + "/202603-a", key, false},
		{"an API key lists", http.MethodGet, tenantList, key, false},
		{"an unknown path", http.MethodGet, tenantList + "/a/b/c/d/e", key, false},
		{"the static keys have none", http.MethodPatch, tenantList + "/202603-a", s.token, false},
	} {
		a := s.status(t, tt.method, tt.path, tt.token)
		denied := a.Code == http.StatusForbidden && strings.Contains(string(a.body), `"cause":"access denied by token restrictions"`)
		if denied != tt.denied || a.Code == http.StatusUnauthorized {
			t.Errorf("%s: %d %s, want denied %t", tt.name, a.Code, a.body, tt.denied)
		}
	}
	if !strings.Contains(s.log.String(), "the token restrictions of the issuer do not list the request") {
		t.Errorf("the log does not name the rule: %s", s.log)
	}
}

// The audio of a recording counts as the recording, and escapes do not get around a rule.
func TestRestrictedPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		tenantList: "", tenantList + "/": "", tenantList + "/202603-a": "202603-a", tenantList + "/202603-a/audio": "202603-a",
		tenantBase + "/users/u/recordings/202603-a": "202603-a", tenantBase + "/recordings/2026%3003-a": "2026003-a",
		"/v2/accounts/recordings/recordings/202603-a": "202603-a",
	} {
		p := parseTarget(path)
		if p.resource == nil {
			t.Errorf("%s: no route", path)
			continue
		}
		if got := p.belowRecordings(path); got != want {
			t.Errorf("belowRecordings(%s) = %q, want %q", path, got, want)
		}
	}
}

// Without restrictions, Kazoo's tokens may do everything, as in Kazoo. A minute
// after an issuer is removed, its tokens are rejected.
func TestKazooTokensWithoutRestrictions(t *testing.T) {
	t.Parallel()
	s := newRestrictedAPI(t, "")
	token := s.kazooToken(t, "cb_user_auth", alice, "")
	if a := s.status(t, http.MethodGet, tenantList, token); a.Code != http.StatusOK {
		t.Errorf("%d %s", a.Code, a.body)
	}
	if err := (issuer.Book{Entries: s.store}).Remove(t.Context(), "kazoo"); err != nil {
		t.Fatal(err)
	}
	if a := s.status(t, http.MethodGet, tenantList, token); a.Code != http.StatusOK {
		t.Errorf("within a minute of the removal: %d %s", a.Code, a.body)
	}
	s.env.Verifier.Issuers = issuer.NewRegistry(s.store, s.env.Now) // as after a minute
	if a := s.status(t, http.MethodGet, tenantList, token); a.Code != http.StatusUnauthorized {
		t.Errorf("after the removal: %d %s", a.Code, a.body)
	}
}

// An unreachable table is a 503 for tokens of issuers, and nothing for static keys.
func TestUnreadableIssuers(t *testing.T) {
	t.Parallel()
	s := newRestrictedAPI(t, "")
	s.env.Verifier.Issuers = issuer.NewRegistry(unreachable{}, s.env.Now)
	token := s.kazooToken(t, "cb_user_auth", "", "")
	const path = tenantBase + "/nothing"
	if a := s.status(t, http.MethodGet, path, token); a.Code != http.StatusServiceUnavailable || a.Header().Get("Retry-After") == "" {
		t.Errorf("a token of an issuer: %d %s", a.Code, a.body)
	}
	if a := s.status(t, http.MethodGet, path, s.token); a.Code != http.StatusNotFound {
		t.Errorf("a token of a static key: %d %s", a.Code, a.body)
	}
}

// unreachable is a table that does not answer.
type unreachable struct{ store.EntryReader }

func (unreachable) PageEntries(context.Context, store.EntryQuery) (store.EntryPage, error) {
	return store.EntryPage{}, store.ErrUnavailable
}

// If the restrictions of a token forbid the audio, the token cannot make a link to it either.
func TestRestrictedLinks(t *testing.T) {
	t.Parallel()
	for rules, want := range map[string]int{
		`{"*/links": ["POST"], "*": ["GET"]}`: http.StatusCreated,
		`{"*/links": ["POST"]}`:               http.StatusForbidden,
	} {
		s := newRestrictedAPI(t, `{"_": {"user": {"recordings": [{"allowed_accounts": ["_"], "rules": `+rules+`}]}}}`)
		share := Share(s.env, s.store, link.New(s.store, s.env.Now, rand.Reader), noAudio{}, Delivery{}, "")
		r := s.request(t, http.MethodPost, tenantList+"/202603-a/links", "X-Auth-Token", s.kazooToken(t, "cb_user_auth", alice, "user"))
		r.Body = io.NopCloser(strings.NewReader("{}"))
		if got := serveUnchecked(t, share, r); got.Code != want {
			t.Errorf("with the rules %s: %d %s, want %d", rules, got.Code, got.body, want)
		}
	}
}
