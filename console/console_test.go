package console

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/gateway"
)

const bucket = "https://bucket.s3.eu-central-1.amazonaws.com"

// small is a page with one script that is long enough to be compressed.
func small() fstest.MapFS {
	return fstest.MapFS{
		"page/index.html": {Data: []byte(`<link href="page.css"><script src="app.js"></script><a href="other.html" href="#x">`)},
		"page/app.js":     {Data: []byte("// A comment.\n" + strings.Repeat("  first();\n", 100))},
		"page/page.css":   {Data: []byte("p { color: red }")},
	}
}

// sent are the files of small as they are sent.
var sent = map[string]string{"app.js": strings.TrimSuffix(strings.Repeat("first(),", 100), ","), "page.css": "p{color:red}"}

// newConsole returns a console with the files in the folder page.
func newConsole(t *testing.T, files fstest.MapFS, origins ...string) *Console {
	t.Helper()
	a, err := load(files, "page")
	if err != nil {
		t.Fatal(err)
	}
	return &Console{
		assets:  a,
		Options: Options{Origins: func(*http.Request) []string { return origins }, Log: slog.New(slog.DiscardHandler), Now: time.Now},
	}
}

// get sends a GET, with header fields given as name and value in turn.
func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

// text returns the body of an answer.
func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// version returns the version in the index of a console.
func version(t *testing.T, c *Console) string {
	t.Helper()
	m := regexp.MustCompile(`src="([0-9a-f]{20})/app\.js"`).FindStringSubmatch(text(t, get(t, c, "/console/")))
	if m == nil {
		t.Fatal("the index has no versioned reference to app.js")
	}
	return m[1]
}

func TestTheIndexNamesVersionedAssets(t *testing.T) {
	t.Parallel()
	c := newConsole(t, small())
	v := version(t, c)
	want := `<link href="` + v + `/page.css"><script src="` + v + `/app.js"></script><a href="other.html" href="#x">`
	for _, path := range []string{"/console/", "/console/index.html"} {
		resp := get(t, c, path)
		if got := text(t, resp); resp.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s = %d %s, want %s", path, resp.StatusCode, got, want)
		}
		if got := resp.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s: Cache-Control %q, want no-cache", path, got)
		}
	}
}

// A stage of API Gateway puts a segment before the path, so the redirect is relative.
func TestThePathWithoutASlash(t *testing.T) {
	t.Parallel()
	resp := get(t, newConsole(t, small()), "/console")
	if got := resp.Header.Get("Location"); resp.StatusCode != http.StatusPermanentRedirect || got != "console/" {
		t.Errorf("/console = %d to %q, want 308 to console/", resp.StatusCode, got)
	}
}

func TestAssetsAreImmutable(t *testing.T) {
	t.Parallel()
	c := newConsole(t, small())
	v := version(t, c)
	for name, kind := range map[string]string{"app.js": "text/javascript; charset=utf-8", "page.css": "text/css; charset=utf-8"} {
		resp := get(t, c, "/console/"+v+"/"+name)
		if got := text(t, resp); got != sent[name] || resp.StatusCode != http.StatusOK {
			t.Errorf("%s = %d %q", name, resp.StatusCode, got)
		}
		if got := resp.Header.Get("Content-Type"); got != kind {
			t.Errorf("%s: Content-Type %q, want %q", name, got, kind)
		}
		if got := resp.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
	}
	// The version of another deployment gets the file, but no cache keeps it.
	resp := get(t, c, "/console/0123456789abcdef0123/app.js")
	if got := resp.Header.Get("Cache-Control"); resp.StatusCode != http.StatusOK || got != "no-store" {
		t.Errorf("another version: %d with Cache-Control %q, want 200 with no-store", resp.StatusCode, got)
	}
}

// Every change of a file, of a name and of the policy makes another version.
func TestVersionsDiffer(t *testing.T) {
	t.Parallel()
	changed, added := small(), small()
	changed["page/page.css"] = &fstest.MapFile{Data: []byte("p { color: tan }")}
	added["page/more.js"] = &fstest.MapFile{}
	seen := map[string]string{}
	for name, c := range map[string]*Console{
		"small": newConsole(t, small()), "changed": newConsole(t, changed), "added": newConsole(t, added), "policy": newConsole(t, small(), bucket),
	} {
		v := version(t, c)
		if seen[v] != "" {
			t.Errorf("%s and %s have the version %s", name, seen[v], v)
		}
		seen[v] = name
	}
	if a, b := version(t, newConsole(t, small())), version(t, newConsole(t, small())); a != b {
		t.Errorf("the same files have the versions %s and %s", a, b)
	}
}

func TestEntityTags(t *testing.T) {
	t.Parallel()
	c := newConsole(t, small())
	path := "/console/" + version(t, c) + "/app.js"
	plain, zipped := get(t, c, path), get(t, c, path, "Accept-Encoding", "gzip")
	etag, gzipTag := plain.Header.Get("Etag"), zipped.Header.Get("Etag")
	if !regexp.MustCompile(`^"[0-9a-f]{20}"$`).MatchString(etag) || gzipTag != strings.TrimSuffix(etag, `"`)+`-gzip"` {
		t.Errorf("the entity tags are %s and %s, want strong ones that differ", etag, gzipTag)
	}
	for _, f := range []struct {
		name   string
		header []string
		want   int
	}{
		{"the same", []string{"If-None-Match", etag}, http.StatusNotModified},
		{"the same in gzip", []string{"If-None-Match", gzipTag, "Accept-Encoding", "gzip"}, http.StatusNotModified},
		{"the other representation", []string{"If-None-Match", etag, "Accept-Encoding", "gzip"}, http.StatusOK},
		{"any", []string{"If-None-Match", "*"}, http.StatusNotModified},
		{"another", []string{"If-None-Match", `"x"`}, http.StatusOK},
		{"a condition that fails", []string{"If-Match", `"x"`}, http.StatusPreconditionFailed},
	} {
		resp := get(t, c, path, f.header...)
		if resp.StatusCode != f.want {
			t.Errorf("%s: %d, want %d", f.name, resp.StatusCode, f.want)
		}
		if body := text(t, resp); f.want == http.StatusNotModified && (body != "" || resp.Header.Get("Etag") == "" || resp.Header.Get("Cache-Control") == "") {
			t.Errorf("%s: 304 with the body %q and the header %v", f.name, body, resp.Header)
		}
	}
}

func TestGzip(t *testing.T) {
	t.Parallel()
	c := newConsole(t, small())
	v := version(t, c)
	resp := get(t, c, "/console/"+v+"/app.js", "Accept-Encoding", "br, gzip")
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(z)
	if err != nil || string(got) != sent["app.js"] {
		t.Errorf("gzip has %q, %v", got, err)
	}
	if resp.Header.Get("Content-Encoding") != "gzip" || resp.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("the header is %v", resp.Header)
	}
	for name, encodings := range map[string]string{"app.js": "gzip;q=0", "page.css": "gzip"} {
		resp := get(t, c, "/console/"+v+"/"+name, "Accept-Encoding", encodings)
		if got := resp.Header.Get("Content-Encoding"); got != "" {
			t.Errorf("%s with Accept-Encoding: %s has Content-Encoding %q", name, encodings, got)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	c := newConsole(t, small(), bucket, "audio.example.com:*")
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self' " + bucket + " audio.example.com:*; media-src 'self' blob: " + bucket + " audio.example.com:*; " +
		"worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	for _, path := range []string{"/console", "/console/", "/console/x/app.js", "/console/x/none.js"} {
		h := get(t, c, path).Header
		got := map[string]string{}
		want := map[string]string{"Content-Security-Policy": policy}
		for _, f := range securityHeaders {
			want[f.name] = f.value
		}
		for name := range want {
			got[name] = h.Get(name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: other pages may read it", path)
		}
	}
}

func TestOtherRequests(t *testing.T) {
	t.Parallel()
	c := newConsole(t, small())
	v := version(t, c)
	for _, path := range []string{"/console/none.js", "/console/" + v + "/", "/console/" + v, "/console/" + v + "/none.js", "/console/" + v + "/index.html", "/console/" + v + "/../app.js", "/console//app.js/", "/console/%2e%2e/app.js/x"} {
		if resp := get(t, c, path); resp.StatusCode != http.StatusNotFound || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s = %d with Cache-Control %q, want 404 with no-store", path, resp.StatusCode, resp.Header.Get("Cache-Control"))
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "BREW"} {
		w := httptest.NewRecorder()
		c.ServeHTTP(w, httptest.NewRequest(method, "/console/", http.NoBody))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s = %d with Allow %q, want 405", method, w.Code, w.Header().Get("Allow"))
		}
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/console/"+v+"/app.js", http.NoBody))
	if w.Body.Len() > 0 || w.Header().Get("Content-Length") != "799" || w.Code != http.StatusOK {
		t.Errorf("HEAD = %d with %d bytes and the header %v", w.Code, w.Body.Len(), w.Header())
	}
}

func TestServes(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/console": true, "/console/": true, "/console/a/b": true, "/consoles": false, "/v2/console": false, "/": false, "/Console/": false, "": false, "/console%2f": false,
	} {
		if got := Serves(path); got != want {
			t.Errorf("Serves(%q) = %v, want %v", path, got, want)
		}
	}
}

// The log has one line per request, without the path.
func TestLog(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	c := newConsole(t, small())
	c.Log = slog.New(slog.NewJSONHandler(&lines, nil))
	h := gateway.Local(c)
	for _, path := range []string{"/console/", "/console/x/none.js"} {
		_ = text(t, get(t, h, path))
	}
	var got []map[string]any
	for line := range strings.Lines(lines.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if id := fields["gateway_id"]; id == "" || id != fields["request_id"] {
			t.Errorf("the IDs are %v and %v", id, fields["request_id"])
		}
		maps.DeleteFunc(fields, func(name string, _ any) bool {
			return !slices.Contains([]string{"msg", "route", "method", "status", "bytes"}, name)
		})
		got = append(got, fields)
	}
	want := []map[string]any{
		{"msg": "request", "route": "console", "method": "GET", "status": 200.0, "bytes": 125.0},
		{"msg": "request", "route": "console", "method": "GET", "status": 404.0, "bytes": 10.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

// failing is a body that must not be read.
type failing struct{ t *testing.T }

func (f failing) Read([]byte) (int, error) {
	f.t.Error("the body was read")
	return 0, io.EOF
}

// The console makes no server hold a body in memory.
func TestBodiesAreNotHeld(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPost, "/console/", failing{t})
	r.ContentLength = 1000
	r.Header.Set("Expect", "100-continue")
	w := httptest.NewRecorder()
	gateway.Local(newConsole(t, small())).ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("a body gets %d, want 405", w.Code)
	}
}

func TestFaultyAssets(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]fstest.MapFS{
		"no index":     {"page/app.js": {}},
		"unknown type": {"page/index.html": {}, "page/a.exe": {}},
		"no folder":    {},
		"faulty code":  {"page/index.html": {}, "page/a.js": {Data: []byte("let let = ;")}},
	} {
		if _, err := load(files, "page"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
