package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// browse sends a GET to a box and returns the answer.
func browse(t *testing.T, b *box, host, path, accept string) *http.Response {
	t.Helper()
	h, err := b.handler()
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "http://"+host+path, http.NoBody)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// The console has its paths, and leads browsers there. Everything else is the API's.
func TestConsolePaths(t *testing.T) {
	t.Parallel()
	b, _, _ := newBox(t)
	for _, c := range []struct {
		console      bool
		path, accept string
		status       int
		kind         string
	}{
		{true, "/console/", "text/html", http.StatusOK, "text/html; charset=utf-8"},
		{true, "/console", "text/html", http.StatusPermanentRedirect, "text/plain; charset=utf-8"},
		{true, "/console/x/none.js", "*/*", http.StatusNotFound, "text/plain; charset=utf-8"},
		{true, "/", "text/html", http.StatusSeeOther, ""},
		{true, "/", "*/*", http.StatusUnauthorized, "application/json"},
		{true, "/consoles", "text/html", http.StatusUnauthorized, "application/json"},
		{false, "/console/", "text/html", http.StatusUnauthorized, "application/json"},
		{false, "/console", "text/html", http.StatusUnauthorized, "application/json"},
		{false, "/", "text/html", http.StatusUnauthorized, "application/json"},
	} {
		b.settings.Console = c.console
		resp := browse(t, b, "127.0.0.1:8000", c.path, c.accept)
		if got := resp.Header.Get("Content-Type"); resp.StatusCode != c.status || c.kind != "" && got != c.kind {
			t.Errorf("console %v: GET %s for %s = %d %s, want %d %s", c.console, c.path, c.accept, resp.StatusCode, got, c.status, c.kind)
		}
	}
}

// The page may load audio from where its presigned URLs lead.
func TestConsoleOrigins(t *testing.T) {
	t.Parallel()
	b, _, _ := newBox(t)
	b.settings.Console = true
	everywhere := hostBucket{b.bucket, "8001"}
	for _, c := range []struct {
		name, public, host string
		all                bool
		want               string
	}{
		{"one address", "", "localhost:8000", false, b.s3.URL()},
		{"all addresses", "", "pbx.example.com:8000", true, "http://pbx.example.com:8001"},
		{"a public endpoint", "https://audio.example.com", "localhost:8000", false, "https://audio.example.com"},
	} {
		b.settings.S3PublicEndpoint, b.audio = c.public, b.bucket
		if c.all {
			b.audio = everywhere
		}
		got := browse(t, b, c.host, "/console/", "text/html").Header.Get("Content-Security-Policy")
		want := fmt.Sprintf("connect-src 'self' %s; media-src 'self' blob: %[1]s;", c.want)
		if !strings.Contains(got, want) {
			t.Errorf("%s: the policy is %q, want %q in it", c.name, got, want)
		}
	}
}

// The start prints a link that logs in, if it may show the token.
func TestLinkToTheConsole(t *testing.T) {
	t.Parallel()
	var got []string
	for _, g := range []greeting{{url: "http://h", token: "T"}, {url: "http://h", token: "T", hideToken: true}, {url: "http://h"}} {
		got = append(got, g.link())
	}
	want := []string{"http://h/console/#token=T", "http://h/console/", "http://h/console/"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
}
