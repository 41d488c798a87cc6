package api

import (
	"testing"

	"github.com/callrecordings/api/shared/openapi"
)

func TestDefinition(t *testing.T) {
	t.Parallel()
	s := newListAPI(t, nil)
	h := Fallback(s.env, openapi.JSON)
	for _, tt := range []struct {
		method, path string
		want         int
		body         string
	}{
		{"GET", "/v2/openapi.json", 200, string(openapi.JSON)},
		{"GET", "/v1/openapi.json/", 200, string(openapi.JSON)},
		{"HEAD", "/v2/openapi.json", 200, ""},
		{"POST", "/v2/openapi.json", 405, ""},
		{"GET", "/v3/openapi.json", 401, ""},
		{"GET", "/openapi.json", 401, ""},
	} {
		g := s.askHandler(t, h, tt.method, tt.path, "X-Auth-Token", "-")
		if g.Code != tt.want || tt.want == 200 && string(g.body) != tt.body {
			t.Errorf("%s %s = %d %s, want %d %s", tt.method, tt.path, g.Code, g.body[:min(len(g.body), 300)], tt.want, tt.body[:min(len(tt.body), 300)])
		}
		if got := g.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s %s: Content-Type = %s", tt.method, tt.path, got)
		}
	}
}
