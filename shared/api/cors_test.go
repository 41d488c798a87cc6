package api

import (
	"strings"
	"testing"
)

func TestPreflight(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	const item = "OPTIONS, GET, HEAD, PATCH, DELETE"
	for _, tt := range []struct{ name, path, asked, allow, methods string }{
		{"list", tenantList, "GET", "OPTIONS, GET, PUT", "OPTIONS, GET, PUT"},
		{"item", tenantList + "/202601-a", "DELETE", item, item},
		{"no requested method", tenantBase + "/users/" + alice + "/recordings/x", "", item, item},
		{"unsupported method", tenantList, "POST", "OPTIONS, GET, PUT", "OPTIONS, GET, PUT, POST"},
		{"no such path", "/nosuch", "GET", "OPTIONS", "OPTIONS, GET"},
		{"malformed account", "/v2/accounts/%20/recordings", "GET", "OPTIONS, GET, PUT", "OPTIONS, GET, PUT"},
		{"not a method", tenantList, "a b", "OPTIONS, GET, PUT", "OPTIONS, GET, PUT"},
		{"long", tenantList, strings.Repeat("X", 40), "OPTIONS, GET, PUT", "OPTIONS, GET, PUT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := s.askHandler(t, Fallback(s.env, nil), "OPTIONS", tt.path, "X-Auth-Token", "-",
				"Origin", "https://example.com", "Access-Control-Request-Method", tt.asked)
			if g.Code != 200 || len(g.body) != 0 {
				t.Fatalf("answer = %d %q, want 200 and no body", g.Code, g.body)
			}
			if got := g.Header().Get("Allow"); got != tt.allow {
				t.Errorf("Allow = %s, want %s", got, tt.allow)
			}
			if got := g.Header().Get("Access-Control-Allow-Methods"); got != tt.methods {
				t.Errorf("Access-Control-Allow-Methods = %s, want %s", got, tt.methods)
			}
		})
	}
}

func TestConfiguredOrigin(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	s.env.Origin = "https://console.example.com"
	for _, method := range []string{"GET", "OPTIONS"} {
		g := s.askHandler(t, Fallback(s.env, nil), method, "/nosuch", "Origin", "https://evil.example.com")
		if got := g.Header().Get("Access-Control-Allow-Origin"); got != s.env.Origin {
			t.Errorf("%s: Access-Control-Allow-Origin = %s, want %s", method, got, s.env.Origin)
		}
	}
}

func TestContractsHeadersAreAllowed(t *testing.T) {
	t.Parallel()
	for list, names := range map[string]string{
		allowHeaders:  "authorization range if-none-match if-range x-auth-token content-type if-match x-file-name",
		exposeHeaders: "content-disposition content-range accept-ranges etag retry-after x-request-id location",
	} {
		for name := range strings.FieldsSeq(names) {
			if !strings.Contains(", "+list+",", ", "+name+",") {
				t.Errorf("%s is not in %s", name, list)
			}
		}
	}
}
