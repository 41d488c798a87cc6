package api

import (
	"strings"
	"testing"
)

func TestBodiesAreCompressed(t *testing.T) {
	t.Parallel()
	s := sample(t)
	for _, tt := range []struct {
		name, target string
		status       int
		want         string
	}{
		{"list", tenantList, 200, "gzip"},
		{"unpaged list", tenantList + "?paginate=false", 200, "gzip"},
		{"CSV", tenantList + "?accept=csv", 200, "gzip"},
		{"error", tenantList + "?page_size=" + strings.Repeat("x", 300), 400, "gzip"},
		{"short error", "/nosuch", 404, ""},
		{"short unpaged list", tenantList + "?paginate=false&filter_x=y", 200, ""},
		{"short CSV", tenantList + "?accept=csv&columns=id&page_size=1", 200, ""},
		{"empty CSV", tenantList + "?accept=csv&columns=id&filter_x=y", 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := s.ask(t, "GET", tt.target, "Accept-Encoding", "br, gzip")
			g.want(t, tt.status, "")
			if got := g.Header().Get("Content-Encoding"); got != tt.want {
				t.Errorf("Content-Encoding = %q, want %q", got, tt.want)
			}
			if got := g.Header().Get("Vary"); !strings.Contains(got, "Accept-Encoding") {
				t.Errorf("Vary = %q", got)
			}
			plain := s.ask(t, "GET", tt.target)
			if plain.Header().Get("Content-Encoding") != "" || string(plain.body) != string(g.body) {
				t.Errorf("the plain answer differs: %s", plain.body)
			}
		})
	}
}
