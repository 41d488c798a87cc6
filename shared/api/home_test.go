package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/auth"
)

// Browsers at the root are redirected to the page, if the service has one. All other requests
// for the root get the same answer as without a page.
func TestHome(t *testing.T) {
	t.Parallel()
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, c := range []struct {
		name, method, path, accept, home, token string
		status                                  int
	}{
		{"a browser", "GET", "/", browser, "console/", "", http.StatusSeeOther},
		{"a browser with HEAD", "HEAD", "/", browser, "console/", "", http.StatusSeeOther},
		{"a browser with a query", "GET", "/?x=1", browser, "console/", "", http.StatusSeeOther},
		{"a browser, no page", "GET", "/", browser, "", "", http.StatusUnauthorized},
		{"curl", "GET", "/", "*/*", "console/", "", http.StatusUnauthorized},
		{"a client without Accept", "GET", "/", "", "console/", "", http.StatusUnauthorized},
		{"any text", "GET", "/", "text/*", "console/", "", http.StatusUnauthorized},
		{"a client that excludes HTML", "GET", "/", "text/html;q=0, */*", "console/", "", http.StatusUnauthorized},
		{"another method", "PUT", "/", browser, "console/", "", http.StatusUnauthorized},
		{"another path", "GET", "/v2", browser, "console/", "", http.StatusUnauthorized},
		{"a client with a token", "GET", "/", "*/*", "console/", "yes", http.StatusNotFound},
	} {
		keys, err := auth.ParseKeys([]byte(`{"keys":[{"kty":"oct","kid":"k","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
		clock := func() time.Time { return now }
		h := api.Fallback(api.Env{Verifier: auth.NewVerifier(keys, clock), Now: clock, Home: c.home}, nil)
		r := httptest.NewRequest(c.method, c.path, http.NoBody)
		r.Header.Set("Accept", c.accept)
		if c.token != "" {
			token, err := auth.Sign([]byte(`{"keys":[{"kty":"oct","kid":"k","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}`), auth.Claims{Account: "3f2a3f2a3f2a3f2a3f2a3f2a3f2a3f2a", Expires: now.Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Auth-Token", token)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %s %s = %d %s, want %d", c.name, c.method, c.path, w.Code, w.Body, c.status)
		}
		if got := w.Header().Get("Location"); (got == "console/") != (c.status == http.StatusSeeOther) {
			t.Errorf("%s: Location %q", c.name, got)
		}
	}
}
