package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/link"
)

// linkAPI is the API of links, with access rules, an audit trail and a clock that tests
// advance.
type linkAPI struct {
	*single
	trail     *memoryTrail
	directory *access.Directory
	tree      *access.Tree
	share     http.Handler
	jwks      []byte
	links     *link.Links
	issuers   namedIssuers
	elapsed   atomic.Int64 // since oneNow
}

func (s *linkAPI) now() time.Time { return oneNow.Add(time.Duration(s.elapsed.Load())) }

func (s *linkAPI) advance(d time.Duration) { s.elapsed.Add(int64(d)) }

// newLinkAPI returns an API in which users without a role have their own recordings. The
// recording oneID belongs to oneUser and has 100 bytes of audio.
func newLinkAPI(t testing.TB, d Delivery, publicURL string) *linkAPI {
	t.Helper()
	return newLinkAPIOf(t, d, publicURL, noise(100))
}

// newLinkAPIOf is newLinkAPI with other audio.
func newLinkAPIOf(t testing.TB, d Delivery, publicURL string, audio []byte) *linkAPI {
	t.Helper()
	s := &linkAPI{trail: &memoryTrail{}}
	s.single = newFaultySingle(t, d, faults{env: func(e *Env) { e.Now = s.now }})
	s.directory, s.tree = access.NewDirectory(s.store), access.NewTree(s.store)
	env := oneEnv(t, s.single)
	env.Now, env.Audit = s.now, s.trail
	env.Access = access.NewResolver(s.store, access.Options{Default: access.OwnOnly, Now: s.now, TTL: -1}) // keeps nothing
	var err error
	if s.jwks, err = auth.NewKeys(rand.Reader, "links"); err != nil {
		t.Fatal(err)
	}
	keys, err := auth.ParseKeys(s.jwks)
	if err != nil {
		t.Fatal(err)
	}
	env.Verifier = auth.NewVerifier(keys, s.now)
	s.issuers = namedIssuers{}
	env.Verifier.Issuers = s.issuers
	s.links = link.New(s.store, s.now, rand.Reader)
	s.share = Share(env, s.store, s.links, s.bucket, d, publicURL)
	s.put(t, audio, nil)
	return s
}

// namedIssuers are issuers by their names.
type namedIssuers map[string]*auth.Issuer

func (n namedIssuers) ByIss(context.Context, string) ([]*auth.Issuer, error) { return nil, nil }

func (n namedIssuers) Named(_ context.Context, name string) (*auth.Issuer, error) {
	return n[name], nil
}

func (n namedIssuers) Reread(_ context.Context, i *auth.Issuer) (*auth.Issuer, error) {
	return n[i.Name], nil
}

// as returns a token of an account, and of a user of it unless owner is "".
func (s *linkAPI) as(t testing.TB, account, owner string) string {
	t.Helper()
	token, err := auth.Sign(s.jwks, auth.Claims{Account: account, Owner: owner, Expires: oneNow.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// role gives a user of oneAccount a role.
func (s *linkAPI) role(t testing.TB, user string, role access.Role) {
	t.Helper()
	if _, err := s.directory.SetUser(t.Context(), oneAccount, user, access.UserEntry{Role: role}); err != nil {
		t.Fatal(err)
	}
}

// ask sends a request with a token, "" for none. header alternates names and values.
func (s *linkAPI) ask(t testing.TB, token, method, target, body string, header ...string) reply {
	t.Helper()
	return s.askUnchecked(t, token, method, target, body, true, header...)
}

// askUnchecked is like ask for a request that need not conform to the definition.
func (s *linkAPI) askUnchecked(t testing.TB, token, method, target, body string, conforming bool, header ...string) reply {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("X-Request-ID", "req-1")
	if token != "" {
		r.Header.Set("X-Auth-Token", token)
	}
	for i := 0; i < len(header); i += 2 {
		if r.Header.Set(header[i], header[i+1]); header[i] == "Remote" {
			r.Header.Del("Remote")
			r.RemoteAddr = header[i+1]
		}
	}
	w := httptest.NewRecorder()
	sent := record(r)
	s.share.ServeHTTP(w, r)
	g := got{w, w.Body.Bytes()}
	if conforming {
		conforms(t, r, sent, g)
	}
	return reply{status: w.Code, header: w.Result().Header, body: w.Body.String(), whole: g}
}

const linksPath = onePath + "/links"

// made makes a link with a body and returns its ID and the path of its URL.
func (s *linkAPI) made(t testing.TB, token, body string) (id, path string) {
	t.Helper()
	made := s.ask(t, token, http.MethodPost, linksPath, body)
	made.wantStatus(t, http.StatusCreated, "")
	u, err := url.Parse(made.text(t, "data", "url"))
	if err != nil {
		t.Fatal(err)
	}
	return made.text(t, "data", "id"), u.Path
}

// data decodes the data of an answer.
func (p reply) data(t testing.TB, into any) {
	t.Helper()
	envelope := struct{ Data any }{into}
	if err := json.Unmarshal([]byte(p.body), &envelope); err != nil {
		t.Fatalf("%v: %.300s", err, p.body)
	}
}
