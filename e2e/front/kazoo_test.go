//go:build e2e

package front

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testKazoo checks that nginx passes all other requests to Kazoo unchanged.
func (f *front) testKazoo(t *testing.T) {
	t.Run("request", f.testRequest)
	t.Run("answer", f.testAnswer)
	t.Run("statuses", f.testStatuses)
	t.Run("upload", f.testUpload)
	t.Run("download", f.testDownload)
	t.Run("stream", f.testStream)
	t.Run("websocket", f.testWebsocket)
}

func (f *front) testRequest(t *testing.T) {
	f.kazoo.take()
	f.do(t, "PUT", "/v2/user_auth?a=%2F&b=1&a=2", strings.NewReader(`{"data":{}}`),
		"Authorization", "Basic dTpw", "X-Auth-Token", "token", "X-Request-Id", "mine", "Content-Type", "application/json", "Cookie", "a=1",
		"Accept", "application/json", "Accept", "text/csv", "If-None-Match", `"a"`, "Range", "bytes=0-9", "X_Under_Score", "kept",
		"X-Forwarded-For", "203.0.113.7", "Accept-Encoding", "gzip, br")
	seen := f.kazoo.take()
	if len(seen) != 1 {
		t.Fatalf("Kazoo got %d requests", len(seen))
	}
	r := seen[0]
	got := r.Header.Clone()
	got.Del("User-Agent")
	want := http.Header{
		"Authorization": {"Basic dTpw"}, "X-Auth-Token": {"token"}, "X-Request-Id": {"mine"}, "Content-Type": {"application/json"}, "Cookie": {"a=1"},
		"Accept": {"application/json", "text/csv"}, "If-None-Match": {`"a"`}, "Range": {"bytes=0-9"}, "X_under_score": {"kept"},
		"X-Forwarded-For": {"203.0.113.7, 127.0.0.1"}, "X-Forwarded-Proto": {"https"}, "Accept-Encoding": {"gzip, br"}, "Content-Length": {"11"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if r.Host != f.addr || r.RequestURI != "/v2/user_auth?a=%2F&b=1&a=2" {
		t.Errorf("arrived at %s as %s", r.Host, r.RequestURI)
	}
}

func (f *front) testAnswer(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS"} {
		resp, body := f.do(t, method, "/v2/headers", nil, "Accept-Encoding", "gzip")
		want := http.Header{
			"Set-Cookie": {"a=1; Path=/", "b=2; HttpOnly"}, "Server": {"Cowboy"}, "Date": {"Thu, 01 Jan 1998 00:00:00 GMT"}, "X-Auth-Token": {"fresh"},
			"Location": {f.kazoo.url + "/v2/elsewhere"}, "Etag": {`"strong"`}, "Content-Type": {"text/html; charset=utf-8"},
			"Access-Control-Allow-Origin": {"*"}, "Www-Authenticate": {"Basic"},
		}
		got := resp.Header.Clone()
		got.Del("Connection")
		got.Del("Content-Length")
		if diff := cmp.Diff(want, got); diff != "" || resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d, headers (-want +got):\n%s", method, resp.StatusCode, diff)
		}
		if wantBody := strings.Repeat("<p>compressible</p>", 1000); method != http.MethodHead && body != wantBody {
			t.Errorf("%s: a body of %d bytes, want %d", method, len(body), len(wantBody))
		}
	}
}

func (f *front) testStatuses(t *testing.T) {
	for _, code := range []int{200, 202, 301, 400, 401, 402, 403, 404, 405, 409, 413, 416, 429, 500, 501, 502, 503, 504} {
		resp, body := f.do(t, "GET", fmt.Sprint("/v2/status?code=", code), nil)
		if want := fmt.Sprintf(`{"error":"%d"}`, code); resp.StatusCode != code || body != want || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%d arrived as %d %s", code, resp.StatusCode, body)
		}
	}
}

// testUpload sends 10 MB in chunks. It sends only 10 bytes until the first byte
// has arrived, so nginx must not buffer the body.
func (f *front) testUpload(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789"), 1024*1024)
	read, write := io.Pipe()
	go func() {
		_, _ = write.Write(body[:10])
		select {
		case <-f.kazoo.release:
			_, _ = write.Write(body[10:])
			_ = write.Close()
		case <-time.After(10 * time.Second):
			_ = write.CloseWithError(errors.New("nginx buffers the body"))
		}
	}()
	_, got := f.do(t, "POST", "/v2/upload", read)
	sum := sha256.Sum256(body)
	if want := fmt.Sprint(len(body), " ", hex.EncodeToString(sum[:]), " <nil> <nil> [chunked]"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func (f *front) testDownload(t *testing.T) {
	_, got := f.do(t, "GET", "/v2/large", nil)
	if want := strings.Repeat("0123456789abcde\n", 64*10*1024); got != want {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
}

// testStream reads the first line of an answer before the handler sends the
// second.
func (f *front) testStream(t *testing.T) {
	resp, err := f.client.Get(f.url + "/v2/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewReader(resp.Body)
	first, err := lines.ReadString('\n')
	if err != nil || first != "first\n" {
		t.Fatalf("first line %q, %v", first, err)
	}
	select {
	case f.kazoo.release <- struct{}{}:
	case <-time.After(5 * time.Second):
		t.Fatal("the first line arrived only with the second")
	}
	if rest, err := io.ReadAll(lines); err != nil || string(rest) != "last\n" {
		t.Errorf("the rest is %q, %v", rest, err)
	}
}

func (f *front) testWebsocket(t *testing.T) {
	conn, err := tls.Dial("tcp", f.addr, &tls.Config{RootCAs: f.roots})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, "GET /v2/websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	in := bufio.NewReader(conn)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", resp, err)
	}
	_, _ = io.WriteString(conn, "hello\n")
	if line, err := in.ReadString('\n'); line != "echo hello\n" {
		t.Errorf("%q, %v", line, err)
	}
	// nginx does not forward upgrades to other protocols.
	f.kazoo.take()
	f.do(t, "GET", "/v2/user_auth", nil, "Connection", "Upgrade, HTTP2-Settings", "Upgrade", "h2c", "Http2-Settings", "AAMAAABkAAQAAP__")
	if seen := f.kazoo.take(); slices.ContainsFunc(seen, func(r *http.Request) bool { return r.Header.Get("Upgrade") != "" }) {
		t.Error("nginx passed on an upgrade to h2c")
	}
}
