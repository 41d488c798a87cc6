package auth

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestToken(t *testing.T) {
	t.Parallel()
	h := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	for _, tt := range []struct {
		name, method, query string
		header              http.Header
		want                string
	}{
		{"no token", "GET", "", h(), ""},
		{"header", "GET", "", h("X-Auth-Token", "a"), "a"},
		{"header on PATCH", "PATCH", "", h("x-auth-token", " a "), "a"},
		{"bearer", "GET", "", h("Authorization", "Bearer b"), "b"},
		{"bearer in any case", "DELETE", "", h("Authorization", "bEARER   b "), "b"},
		{"query", "GET", "auth_token=c", h(), "c"},
		{"query on HEAD", "HEAD", "_=1&auth_token=c&accept=mp3", h(), "c"},
		{"query on PATCH", "PATCH", "auth_token=c", h(), ""},
		{"query on DELETE", "DELETE", "auth_token=c", h(), ""},
		{"query on OPTIONS", "OPTIONS", "auth_token=c", h(), ""},
		{"query escaped", "GET", "auth%5Ftoken=c%2Ed", h(), "c.d"},
		{"query not escaped", "GET", "auth_token=%zz", h(), "%zz"},
		{"query twice", "GET", "auth_token=c&auth_token=d", h(), "c"},
		{"query in other case", "GET", "Auth_Token=c", h(), ""},
		{"semicolons", "GET", "a=1;auth_token=c", h(), ""},
		{"header over bearer", "GET", "auth_token=c", h("X-Auth-Token", "a", "Authorization", "Bearer b"), "a"},
		{"bearer over query", "GET", "auth_token=c", h("Authorization", "Bearer b"), "b"},
		{"a bad token decides", "GET", "auth_token=c", h("X-Auth-Token", "undefined"), "undefined"},
		{"an empty header is absent", "GET", "auth_token=c", h("X-Auth-Token", ""), "c"},
		{"an empty bearer is absent", "GET", "auth_token=c", h("Authorization", "Bearer "), "c"},
		{"another scheme is absent", "GET", "auth_token=c", h("Authorization", "Basic eDp5"), "c"},
		{"two schemes", "GET", "", h("Authorization", "Basic eDp5", "Authorization", "Bearer b"), "b"},
		{"no scheme", "GET", "", h("Authorization", "b"), ""},
		{"scheme without a space", "GET", "", h("Authorization", "Bearerb"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tt.method, "/", http.NoBody)
			r.URL.RawQuery, r.Header = tt.query, tt.header
			if got := Token(r); got != tt.want {
				t.Errorf("Token(%s ?%s %v) = %q, want %q", tt.method, tt.query, tt.header, got, tt.want)
			}
		})
	}
}

// FuzzToken checks that a token in X-Auth-Token always wins and that the query counts
// only for GET and HEAD.
func FuzzToken(f *testing.F) {
	f.Add("GET", "a", "Bearer b", "auth_token=c")
	f.Add("PATCH", "", "bearer", "auth_token=c&auth_token=%zz")
	f.Add("HEAD", " ", "Basic x", "&&=&auth%5Ftoken=%2e;a")
	f.Fuzz(func(t *testing.T, method, header, authorization, query string) {
		r := &http.Request{Method: method, Header: http.Header{}, URL: &url.URL{RawQuery: query}}
		r.Header["X-Auth-Token"], r.Header["Authorization"] = []string{header}, []string{authorization}
		got := Token(r)
		if want := strings.TrimSpace(header); want != "" && got != want {
			t.Fatalf("Token = %q, want the header's %q", got, want)
		}
		if method != http.MethodGet && method != http.MethodHead {
			r.URL.RawQuery = ""
			if other := Token(r); other != got {
				t.Fatalf("Token of a %s = %q, from its query", method, got)
			}
		}
	})
}
