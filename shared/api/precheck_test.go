package api

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// unread is a body that fails the test if it is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, errors.New("the body was read")
}

// Precheck rejects what ServeHTTP would reject before the body, with the same
// answer and the same line in the log. It lets everything else pass.
func TestPrecheckAnswersAsServeHTTP(t *testing.T) {
	t.Parallel()
	s := sample(t)
	d := newStorageFixture(t)
	for _, c := range []struct {
		name   string
		h      http.Handler
		method string
		path   string
		token  string
		admits bool
		status int
	}{
		{name: "no token", h: s.list, method: "GET", path: tenantList, status: 401},
		{name: "a bad token", h: s.list, method: "PUT", path: tenantList, token: "rubbish", status: 401},
		{name: "another account", h: s.list, method: "GET", path: tenantList, token: s.tokenOf(t, otherTenant), status: 403},
		{name: "no route", h: s.list, method: "GET", path: "/nosuch", token: s.token, status: 404},
		{name: "a wrong method", h: s.list, method: "POST", path: tenantList, token: s.token, status: 405},
		{name: "a token", h: s.list, method: "GET", path: tenantList, token: s.token, admits: true},
		{name: "a preflight", h: s.list, method: "OPTIONS", path: tenantList, admits: true},
		{name: "a bad secret", h: d.handler, method: "PUT", path: "/v2/storage/" + oneAccount + "/no-secret/call.mp3", status: 401},
		{name: "a secret", h: d.handler, method: "PUT", path: d.base + "call.mp3", admits: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			request := func() *http.Request {
				r := httptest.NewRequest(c.method, c.path, unread{t})
				r.ContentLength = 1000
				r.Header.Set("X-Auth-Token", c.token)
				r.Header.Set("X-Request-Id", "same")
				return r
			}
			checked := httptest.NewRecorder()
			check, ok := c.h.(interface {
				Precheck(w http.ResponseWriter, r *http.Request) bool
			})
			if !ok {
				t.Fatal("the handler has no Precheck")
			}
			s.log.Reset()
			if got := check.Precheck(checked, request()); got != c.admits {
				t.Fatalf("Precheck = %t, want %t: %s", got, c.admits, checked.Body)
			}
			if c.admits {
				if checked.Body.Len() > 0 || len(checked.Header()) > 0 || s.log.Len() > 0 {
					t.Errorf("it wrote %s, %v, and logged %s", checked.Body, checked.Header(), s.log)
				}
				return
			}
			lines := strings.Count(s.log.String(), "\n")
			served := httptest.NewRecorder()
			c.h.ServeHTTP(served, request())
			if checked.Code != c.status || checked.Code != served.Code || checked.Body.String() != served.Body.String() {
				t.Errorf("Precheck answers %d %s, ServeHTTP %d %s, want the same %d", checked.Code, checked.Body, served.Code, served.Body, c.status)
			}
			if c.h == s.list && lines != 1 {
				t.Errorf("%d lines in the log, want 1", lines)
			}
		})
	}
}

// A request that Precheck refuses is in the audit trail, as if ServeHTTP had refused it.
func TestPrecheckIsAudited(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	trail := &memoryTrail{}
	s.env.Audit = trail
	patch := Patch(s.env, s.store)
	check, ok := patch.(interface {
		Precheck(w http.ResponseWriter, r *http.Request) bool
	})
	if !ok {
		t.Fatal("the handler has no Precheck")
	}
	r := s.request(t, http.MethodPatch, tenantList+"/202603-a", "X-Auth-Token", s.tokenOf(t, otherTenant))
	if check.Precheck(httptest.NewRecorder(), r) {
		t.Error("Precheck admits the token of another account")
	}
	trail.want(t, "Precheck", "tag refused 202603-aaccount/"+tenant)
}
