package s3server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
)

// The CORS headers are those of the contract (Document or audio), so that a
// browser can follow a redirect. It then sends the origin "null".
func TestCORS(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	b := bucket(t, s, "local", "secret")
	put(t, b, "key", "audio/mpeg", "some text")
	link, err := b.Presign(t.Context(), "key", media.Grant{TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	forged := link[:len(link)-1] + string('0'+(link[len(link)-1]-'0'+1)%10)
	for _, origin := range []string{"null", "https://app.example.com", "http://localhost:3000"} {
		for _, asked := range []string{"x-auth-token", "X-Auth-Token, Range, If-Range, authorization", "x-anything"} {
			for _, method := range []string{"GET", "HEAD", "PUT"} {
				res := do(t, http.MethodOptions, link, http.Header{
					"Origin": {origin}, "Access-Control-Request-Method": {method}, "Access-Control-Request-Headers": {asked},
				})
				if res.StatusCode/100 != 2 {
					t.Errorf("preflight for %s from %s = %d, want 2xx", method, origin, res.StatusCode)
				}
				wantHeader(t, res, "Access-Control-Allow-Origin", "*")
				wantHeader(t, res, "Access-Control-Allow-Methods", "GET", "HEAD", "PUT")
				wantHeader(t, res, "Access-Control-Allow-Headers", strings.Split(asked, ", ")...)
			}
		}
		for _, c := range []struct {
			link   string
			ranges string
			status int
		}{{link, "", 200}, {link, "bytes=1-3", 206}, {link, "bytes=100-", 416}, {forged, "", 403}} {
			header := http.Header{"Origin": {origin}, "X-Auth-Token": {"some.jwt"}}
			if c.ranges != "" {
				header.Set("Range", c.ranges)
			}
			res := do(t, http.MethodGet, c.link, header)
			if res.StatusCode != c.status {
				t.Errorf("GET %s from %s = %d, want %d", c.ranges, origin, res.StatusCode, c.status)
			}
			wantHeader(t, res, "Access-Control-Allow-Origin", "*")
			wantHeader(t, res, "Access-Control-Expose-Headers", "content-range", "accept-ranges", "etag", "content-disposition", "retry-after")
			if c.status < 400 {
				wantHeader(t, res, "Accept-Ranges", "bytes")
			}
		}
	}
	res := do(t, http.MethodOptions, link, http.Header{"Origin": {"null"}, "Access-Control-Request-Method": {"DELETE"}})
	if res.StatusCode != http.StatusForbidden || res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight for DELETE = %d, %v, want 403", res.StatusCode, res.Header)
	}
}

// wantHeader checks that the list in a header contains all of want.
func wantHeader(t *testing.T, res *http.Response, name string, want ...string) {
	t.Helper()
	got := strings.ToLower(", " + strings.Join(res.Header.Values(name), ", ") + ",")
	for _, w := range want {
		if !strings.Contains(got, ", "+strings.ToLower(w)+",") {
			t.Errorf("%d to %s: %s = %q, want %q in it", res.StatusCode, res.Request.Method, name, res.Header.Values(name), w)
		}
	}
}
