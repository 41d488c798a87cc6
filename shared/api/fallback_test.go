package api

import "testing"

func TestDefinition(t *testing.T) {
	t.Parallel()
	s := newShelf(t, nil)
	h := Fallback(s.env, []byte(`{"openapi":"3.1.0"}`))
	for _, tt := range []struct {
		method, path string
		want         int
		body         string
	}{
		{"GET", "/v2/openapi.json", 200, `{"openapi":"3.1.0"}`},
		{"GET", "/v1/openapi.json/", 200, `{"openapi":"3.1.0"}`},
		{"HEAD", "/v2/openapi.json", 200, ""},
		{"POST", "/v2/openapi.json", 405, ""},
		{"GET", "/v3/openapi.json", 401, ""},
		{"GET", "/openapi.json", 401, ""},
	} {
		g := s.askOf(t, h, tt.method, tt.path, "X-Auth-Token", "-")
		if g.Code != tt.want || tt.want == 200 && string(g.body) != tt.body {
			t.Errorf("%s %s = %d %s, want %d %s", tt.method, tt.path, g.Code, g.body, tt.want, tt.body)
		}
		if got := g.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s %s: Content-Type = %s", tt.method, tt.path, got)
		}
	}
}
