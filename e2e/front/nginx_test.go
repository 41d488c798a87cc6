//go:build e2e

package front

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNginx(t *testing.T) {
	f := start(t)
	t.Run("paths", f.testPaths)
	t.Run("kazoo", f.testKazoo)
	t.Run("recordings", f.testRecordings)
	t.Run("unreachable", f.testUnreachable)
	t.Run("moved", f.testMoved)
	t.Run("logs", f.testLogs)
}

// testPaths sends every target of the rule unchanged. It cycles through the methods
// that clients use.
func (f *front) testPaths(t *testing.T) {
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"}
	for i, r := range rule {
		f.gateway.take()
		f.kazoo.take()
		method := methods[i%len(methods)]
		resp := f.raw(t, method, r.target)
		recordings, rest := f.gateway.take(), f.kazoo.take()
		if r.refused {
			if resp.StatusCode != http.StatusNotFound || len(recordings)+len(rest) != 0 {
				t.Errorf("%s %s = %d, reached recordings %d times and Kazoo %d times, want 404 from nginx", method, r.target, resp.StatusCode, len(recordings), len(rest))
			}
			if got := resp.Header.Values("X-Content-Type-Options"); !slices.Equal(got, []string{"nosniff"}) {
				t.Errorf("%s %s: X-Content-Type-Options = %q, want nosniff", method, r.target, got)
			}
			continue
		}
		got, at := recordings, "/live"
		if !r.recordings {
			got, at = rest, ""
		}
		if len(recordings)+len(rest) != 1 || len(got) != 1 {
			t.Errorf("%s %s reached recordings %d times and Kazoo %d times, want recordings: %v", method, r.target, len(recordings), len(rest), r.recordings)
			continue
		}
		if got[0].Method != method || got[0].RequestURI != at+r.target {
			t.Errorf("%s %s arrived as %s %s", method, r.target, got[0].Method, got[0].RequestURI)
		}
	}
}

// raw sends a request with exactly this target, which a client library might change.
func (f *front) raw(t *testing.T, method, target string) *http.Response {
	t.Helper()
	conn, err := tls.Dial("tcp", f.addr, &tls.Config{RootCAs: f.roots})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: pbx.example.com\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", method, target); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp
}

// do sends a request. header holds alternating names and values.
func (f *front) do(t *testing.T, method, target string, body io.Reader, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, f.url+target, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := f.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return resp, string(text)
}

// testMoved changes the IP address of the service's name, as AWS does, and waits
// until nginx uses the new one.
func (f *front) testMoved(t *testing.T) {
	defer f.gateway.addr.Store("127.0.0.1")
	f.gateway.addr.Store("127.0.0.9")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		f.do(t, "OPTIONS", "/v2/accounts/A/recordings", nil)
		f.gateway.take()
		text, err := os.ReadFile(f.file("recordings-front.log"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"127.0.0.9:`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nginx did not resolve the name again")
		}
	}
}

// testUnreachable resolves the service's name to an address without a server.
func (f *front) testUnreachable(t *testing.T) {
	defer f.gateway.addr.Store("127.0.0.1")
	f.gateway.addr.Store("240.0.0.1")
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		resp, body := f.do(t, "GET", "/v2/accounts/A/recordings?auth_token="+f.demo["TOKEN"], nil)
		if resp.StatusCode == http.StatusServiceUnavailable {
			h := resp.Header
			if !strings.Contains(body, `"message":"datastore_unreachable"`) || !strings.Contains(body, `"request_id":"`+h.Get("X-Request-ID")+`"`) {
				t.Errorf("body %s", body)
			}
			if h.Get("Content-Type") != "application/json" || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Retry-After") == "" {
				t.Errorf("header %v", h)
			}
			if got := h.Values("X-Content-Type-Options"); !slices.Equal(got, []string{"nosniff"}) {
				t.Errorf("X-Content-Type-Options = %q, want nosniff", got)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("status %d, want 503", resp.StatusCode)
		}
	}
}

// underSecret matches the S that stands for a secret after the account A.
var underSecret = regexp.MustCompile(`(A(?:/|%(?:25)*2[Ff])+)S(\b|%|$)`)

// testLogs runs last and checks that no log contains a token.
func (f *front) testLogs(t *testing.T) {
	secret := "secret-in-the-query"
	f.do(t, "GET", "/v2/accounts/A/recordings/202601-x?auth_token="+secret, nil)
	f.do(t, "GET", "/v2/accounts/A/devices?auth_token="+secret, nil)
	f.do(t, "PUT", "/v2/storage/A/"+secret+"/x.mp3?from=a", nil)
	for _, r := range rule {
		// The path with a secret that cannot be recognized by its form, and one that can.
		f.raw(t, "PUT", underSecret.ReplaceAllString(r.target, "${1}"+secret+"${2}"))
		f.raw(t, "PUT", underSecret.ReplaceAllString(r.target, "${1}"+shaped+"${2}"))
	}
	f.raw(t, "PUT", "/v2/accounts/A/storage/"+secret+"/x.mp3")
	f.raw(t, "PUT", "/v2/storage/A/"+shaped+"%zz/x.mp3") // malformed
	for _, line := range []string{
		`"GET /v2/accounts/A/recordings/202601-x HTTP/1.1" 401 `,
		`"PUT /v2/storage/A/- HTTP/1.1" 401 `,
		`"PUT /v2/storage/- HTTP/1.1" 404 `,
		`"PUT /v2/accounts/A/recordings/- HTTP/1.1" `,
		`"PUT /v2/accounts/A/recordings/202601-a/links/0a1b2c3d4e5f6071/- HTTP/1.1" `,
	} {
		if text := f.awaitLog(t, line); !strings.Contains(text, line) {
			t.Errorf("the access log has no line %s", line)
		}
	}
	for _, name := range []string{"recordings-front.log", "recordings-front.error.log", "main.log", "nginx.out"} {
		text, err := os.ReadFile(f.file(name))
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range []string{secret, shaped, strings.ToUpper(shaped[:8]), f.demo["TOKEN"], "auth_token"} {
			for line := range strings.Lines(string(text)) {
				if strings.Contains(line, token) {
					t.Errorf("%s contains a token: %s", name, line)
				}
			}
		}
	}
}

// awaitLog returns the access log once it contains line, at most 5 s later. nginx
// writes the line after it has sent the answer.
func (f *front) awaitLog(t *testing.T, line string) (text string) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !strings.Contains(text, line) && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		all, err := os.ReadFile(f.file("recordings-front.log"))
		if err != nil {
			t.Fatal(err)
		}
		text = string(all)
	}
	return text
}
