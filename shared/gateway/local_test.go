package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// serve starts a server with the handler behind Local.
func serve(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(Local(h))
	t.Cleanup(s.Close)
	return s
}

// raw sends a request exactly as written; http.Client would normalize it.
func raw(t *testing.T, s *httptest.Server, request string) (*http.Response, []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	return resp, body
}

func TestLocalRequest(t *testing.T) {
	t.Parallel()
	var got captured
	s := serve(t, capture(&got))
	raw(t, s, "PATCH /v2/a%2Fb//c%20d?b=2&a=1&a=%zz&filter_x&c=1;d&&e=x+y HTTP/1.1\nHost: api.example.com\nContent-Length: 3\n"+
		"Accept: a/b\naccept: c/d\nX-Forwarded-For: 192.0.2.7\nConnection: close\nX-GoLambdaProxy-ApiGw-Context: {}\n\n\x00\xff\n")
	id := got.GatewayID
	got.GatewayID, got.Remote = "", ""
	want := captured{
		Method: "PATCH", Path: "/v2/a/b//c d", Escaped: "/v2/a%2Fb//c%20d", Query: "a=1&a=%25zz&b=2&c=1%3Bd&e=x+y&filter_x=",
		URI: "/v2/a%2Fb//c%20d?a=1&a=%25zz&b=2&c=1%3Bd&e=x+y&filter_x=", Host: "api.example.com",
		Header: http.Header{
			"Accept": {"a/b", "c/d"}, "X-Forwarded-For": {"192.0.2.7, 127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "Content-Length": {"3"},
		},
		Body: "\x00\xff\r", Length: 3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Errorf("the gateway's ID is %q, want a UUID", id)
	}
}

func TestLocalResponse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, method string
		do           handlerFunc
		status       int
		length       string
		body         string
	}{
		{"JSON", "GET", write("application/json", `{"a":"é"}`), 200, "10", `{"a":"é"}`},
		{"audio", "GET", write("audio/mpeg", "\x00\xff\xfe"), 200, "3", "\x00\xff\xfe"},
		{"empty", "GET", func(http.ResponseWriter, *http.Request) {}, 200, "0", ""},
		{"HEAD", "HEAD", write("audio/mpeg", "12345"), 200, "5", ""},
		{"204", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, 204, "", ""},
		{"304", "GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, 304, "", ""},
		{"a wrong length", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "2")
			write("application/json", `"12345"`)(w, r)
		}, 200, "7", `"12345"`},
		{"hop-by-hop headers", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Transfer-Encoding", "chunked")
			w.Header().Set("Trailer", "X")
			write("text/plain", "x")(w, r)
		}, 200, "1", "x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resp, body := raw(t, serve(t, tt.do), tt.method+" / HTTP/1.1\nHost: h\nConnection: close\n\n")
			if resp.StatusCode != tt.status || string(body) != tt.body || resp.Header.Get("Content-Length") != tt.length || resp.Header.Get("Trailer") != "" {
				t.Errorf("%d, length %q, %q, want %d, %q, %q", resp.StatusCode, resp.Header.Get("Content-Length"), body, tt.status, tt.length, tt.body)
			}
		})
	}
}

func TestLocalKeepsAllValues(t *testing.T) {
	t.Parallel()
	h := handlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Vary"] = []string{"Accept", "Origin"}
		w.Header()["etag"] = []string{`"x"`}
	})
	resp, _ := raw(t, serve(t, h), "GET / HTTP/1.1\nHost: h\nConnection: close\n\n")
	if diff := cmp.Diff([]string{"Accept", "Origin"}, resp.Header.Values("Vary")); diff != "" || resp.Header.Get("Etag") != `"x"` {
		t.Errorf("headers %v (-want +got):\n%s", resp.Header, diff)
	}
}

// Local rejects the same requests as API Gateway, with the error in the envelope. They
// never reach the handler.
func TestLocalEnforcesLimits(t *testing.T) {
	t.Parallel()
	s := serve(t, handlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") }))
	for _, tt := range []struct {
		name, request, code string
		status              int
	}{
		{"a body over 10 MB", body(MaxRequest + 1), "entity_too_large", 413},
		{"an event over 6 MB", body(5 << 20), "entity_too_large", 413},
		{"headers over 10 KB", "GET / HTTP/1.1\nHost: h\nX-A: " + strings.Repeat("a", MaxHeader) + "\n\n", "request_header_fields_too_large", 431},
		{"a long query", "GET /?" + strings.Repeat("a", MaxHeader) + " HTTP/1.1\nHost: h\n\n", "request_header_fields_too_large", 431},
		{"broken chunks", "PATCH / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\nzz\n", "parse_error", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resp, body := raw(t, s, tt.request)
			var e envelope
			if err := json.Unmarshal(body, &e); err != nil {
				t.Fatalf("%d %.200q: %v", resp.StatusCode, body, err)
			}
			if resp.StatusCode != tt.status || e.Message != tt.code || e.Error != strconv.Itoa(tt.status) || e.Status != "error" || e.Data.Message == "" {
				t.Errorf("%d %+v, want %d %s", resp.StatusCode, e, tt.status, tt.code)
			}
			if resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("Access-Control-Allow-Origin") != "*" || e.RequestID != resp.Header.Get("X-Request-Id") || e.RequestID == "" {
				t.Errorf("headers %v, ID %q", resp.Header, e.RequestID)
			}
		})
	}
}

func body(n int) string {
	return fmt.Sprintf("PATCH / HTTP/1.1\nHost: h\nConnection: close\nContent-Length: %d\n\n%s", n, strings.Repeat("a", n))
}

func TestLocalPassesLargeBodies(t *testing.T) {
	t.Parallel()
	var got captured
	raw(t, serve(t, capture(&got)), body(4<<20))
	if len(got.Body) != 4<<20 {
		t.Errorf("a body of 4 MB arrives with %d bytes", len(got.Body))
	}
}

func TestLocalDeadline(t *testing.T) {
	t.Parallel()
	var left time.Duration
	raw(t, serve(t, handlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		deadline, _ := r.Context().Deadline()
		left = time.Until(deadline)
	})), "GET / HTTP/1.1\nHost: h\nConnection: close\n\n")
	if left > Deadline || left < Deadline-5*time.Second {
		t.Errorf("the handler has %v left, want almost %v", left, Deadline)
	}
}

// The context is canceled if the client disconnects.
func TestLocalClientDisconnects(t *testing.T) {
	t.Parallel()
	begun, ended := make(chan struct{}), make(chan error, 1)
	s := serve(t, handlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		ended <- r.Context().Err()
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := s.Client().Do(req); err == nil {
		_ = resp.Body.Close()
		t.Fatal("the request succeeded")
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler's context ended with %v, want %v", err, context.Canceled)
	}
}

func TestRespondRejectsBadJSON(t *testing.T) {
	t.Parallel()
	for _, out := range []string{"", "x", "[]", `{"statusCode":200,"body":"%","isBase64Encoded":true}`} {
		w := httptest.NewRecorder()
		if err := respond(w, http.MethodGet, []byte(out)); err == nil || w.Body.Len() > 0 || len(w.Header()) > 0 {
			t.Errorf("respond(%q) = %v, wrote %v %q", out, err, w.Header(), w.Body)
		}
	}
}

// An empty method never arrives through a net/http server, only through a direct
// call.
func TestLocalWithoutAnEvent(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	l := &local{handler: newHandler(http.NotFoundHandler(), &stderr)}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Method = ""
	l.ServeHTTP(w, r)
	if w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), `"bad_gateway"`) || !strings.Contains(stderr.String(), "no response") {
		t.Errorf("%d %s, logged %s", w.Code, w.Body, &stderr)
	}
}

// FuzzLocal checks that a path and a query reach the handler as net/http would parse
// them, and that the body comes back unchanged.
func FuzzLocal(f *testing.F) {
	f.Add("/v2/a%2Fb", "a=1&b=%zz;c", []byte("x"))
	f.Add("//", "&&=", []byte("\xff\x00"))
	f.Add("/100%", "?#", []byte{})
	var path, escapedPath string
	var query url.Values
	h := Local(handlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, escapedPath, query = r.URL.Path, r.URL.EscapedPath(), r.URL.Query()
		_, _ = io.Copy(w, r.Body)
	}))
	f.Fuzz(func(t *testing.T, rawPath, rawQuery string, body []byte) {
		u, err := url.ParseRequestURI("/" + rawPath)
		if err != nil || len(rawPath)+len(rawQuery) > MaxHeader/2 {
			return
		}
		u.RawQuery = rawQuery
		r := httptest.NewRequest(http.MethodPatch, "/", bytes.NewReader(body))
		r.URL = u
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), body) {
			t.Fatalf("%d %q, want the body %q", w.Code, w.Body, body)
		}
		if path != u.Path && !strings.ContainsRune(u.Path, '\uFFFD') {
			t.Fatalf("path %q arrives as %q (%s)", u.Path, path, escapedPath)
		}
		want, err := url.ParseQuery(rawQuery)
		if err == nil && !cmp.Equal(want, query) && json.Valid([]byte(`"`+rawQuery+`"`)) && validUTF8(want) {
			t.Fatalf("query %q arrives as %v, want %v", rawQuery, query, want)
		}
	})
}

// validUTF8 reports whether a query survives the encoding of an event as JSON.
func validUTF8(values url.Values) bool {
	for name, list := range values {
		for _, s := range append(list, name) {
			if strings.ToValidUTF8(s, "") != s {
				return false
			}
		}
	}
	return true
}
