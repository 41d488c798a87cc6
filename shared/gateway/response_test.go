package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/version"
)

type handlerFunc = http.HandlerFunc

// write returns a handler that sends a body with a content type.
func write(contentType, body string) handlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		_, _ = io.WriteString(w, body)
	}
}

// both returns one request as an event of each payload version.
func both(method string) map[string]string {
	return map[string]string{"REST": rest(method, "/"), "HTTP": v2(method, "/")}
}

func TestStatusAsInNetHTTP(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		do     handlerFunc
		status int
		body   string
	}{
		{"nothing written", func(http.ResponseWriter, *http.Request) {}, 200, ""},
		{"headers only", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("A", "1") }, 200, ""},
		{"status only", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, 404, ""},
		{"two statuses", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			w.WriteHeader(http.StatusInternalServerError)
		}, 404, ""},
		{"status after body", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "x")
			w.WriteHeader(http.StatusInternalServerError)
		}, 200, "x"},
		{"informational", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNotFound)
		}, 404, ""},
		{"status 0", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(0) }, 500, ""},
		{"status 1000", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(1000) }, 500, ""},
		{"empty write", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil) }, 200, ""},
	} {
		for shape, event := range both("GET") {
			if got := invoke(t, tt.do, event); got.StatusCode != tt.status || string(got.bytes(t)) != tt.body {
				t.Errorf("%s, %s: %d %q, want %d %q", tt.name, shape, got.StatusCode, got.Body, tt.status, tt.body)
			}
		}
	}
}

func TestHeadersAreFrozenWithTheStatus(t *testing.T) {
	t.Parallel()
	h := handlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Set-Cookie"] = []string{"a=1", "b=2"}
		w.Header().Add("Vary", "Accept")
		w.Header().Add("Vary", "Origin")
		w.Header().Set("Content-Disposition", "attachment; filename=\"a\r\nX-Evil: 1\"")
		w.WriteHeader(http.StatusOK)
		w.Header().Set("X-Late", "1")
		w.Header().Set("Vary", "late")
	})
	rest := invoke(t, h, rest("GET", "/"))
	want := map[string][]string{
		"Set-Cookie": {"a=1", "b=2"}, "Vary": {"Accept", "Origin"}, "Content-Disposition": {`attachment; filename="a  X-Evil: 1"`},
	}
	if diff := cmp.Diff(want, rest.MultiValueHeaders); diff != "" || rest.Headers != nil {
		t.Errorf("REST headers %v (-want +got):\n%s", rest.Headers, diff)
	}
	http := invoke(t, h, v2("GET", "/"))
	single := map[string]string{"Vary": "Accept, Origin", "Content-Disposition": `attachment; filename="a  X-Evil: 1"`}
	if diff := cmp.Diff(single, http.Headers); diff != "" || http.MultiValueHeaders != nil || !slices.Equal(http.Cookies, []string{"a=1", "b=2"}) {
		t.Errorf("HTTP headers, cookies %q (-want +got):\n%s", http.Cookies, diff)
	}
}

func TestResponsesWithoutBody(t *testing.T) {
	t.Parallel()
	h := write("application/json", `{"data":1}`)
	for shape, event := range both("HEAD") {
		got := invoke(t, h, event)
		if got.Body != "" || got.header("Content-Length") != "10" || got.header("Content-Type") != "application/json" {
			t.Errorf("%s: HEAD = %+v, want only headers", shape, got)
		}
	}
	own := handlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "200000000") })
	if got := invoke(t, own, rest("HEAD", "/")); got.header("Content-Length") != "200000000" {
		t.Errorf("HEAD = %+v, want the handler's own length", got)
	}
	for _, status := range []int{http.StatusNoContent, http.StatusNotModified} {
		var err error
		got := invoke(t, handlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, err = io.WriteString(w, "x")
		}), rest("GET", "/"))
		if got.Body != "" || got.StatusCode != status || !errors.Is(err, http.ErrBodyNotAllowed) {
			t.Errorf("%d: %+v, Write = %v", status, got, err)
		}
	}
}

func TestTypeDecidesBetweenTextAndBase64(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		contentType, encoding, body string
		base64                      bool
	}{
		{"application/json", "", `{"a":"é\n\u0000"}`, false},
		{"application/json", "identity", "{}", false},
		{"application/json", "gzip", "\x1f\x8b", true},
		{"application/json", "gzip", "valid UTF-8", true},
		{"application/json", "", "\xff", true},
		{"application/problem+json; charset=utf-8", "", "{}", false},
		{"text/csv; charset=utf-8", "", "a,\"b\"\r\n\t\u2028", false},
		{"TEXT/HTML", "", "<&>\x7f\x01", false},
		{"audio/mpeg", "", "valid UTF-8", true},
		{"audio/x-wav", "", "RIFF\x00\xff", true},
		{"application/octet-stream", "", "x", true},
		{"", "", "<html>", true},
		{"audio/mpeg", "", "", false},
	} {
		h := handlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if tt.encoding != "" {
				w.Header().Set("Content-Encoding", tt.encoding)
			}
			write(tt.contentType, tt.body)(w, r)
		})
		for shape, event := range both("GET") {
			got := invoke(t, h, event)
			if got.IsBase64Encoded != tt.base64 || string(got.bytes(t)) != tt.body {
				t.Errorf("%s: %s %s %q: base64 %t, %q", shape, tt.contentType, tt.encoding, tt.body, got.IsBase64Encoded, got.Body)
			}
			if tt.contentType == "" && got.header("Content-Type") != "application/octet-stream" {
				t.Errorf("%s: a body without a type is sent as %q", shape, got.header("Content-Type"))
			}
		}
	}
}

// envelope is the body of an error that this package returns.
type envelope struct {
	Data struct {
		Message string `json:"message"`
	} `json:"data"`
	Error     string `json:"error"`
	Message   string `json:"message"`
	RequestID string `json:"request_id"`
	Status    string `json:"status"`
	Version   string `json:"version"`
}

// faulty sends an event through a handler that fails. It returns the response, its
// envelope and the line on stderr.
func faulty(t *testing.T, h http.Handler, event string) (reply, envelope, map[string]any) {
	t.Helper()
	var stderr bytes.Buffer
	out, err := newHandler(h, &stderr).Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatalf("Invoke: %v", err)
	}
	if len(out) > MaxResponse {
		t.Fatalf("the response has %d bytes", len(out))
	}
	var line map[string]any
	if err := json.Unmarshal(stderr.Bytes(), &line); err != nil {
		t.Fatalf("stderr is not one line of JSON: %v: %.200s", err, stderr.Bytes())
	}
	got := parseReply(t, out)
	var e envelope
	if body := got.bytes(t); len(body) > 0 {
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatalf("body %.200q: %v", body, err)
		}
	}
	return got, e, line
}

func TestPanicReturnsAnEnvelope(t *testing.T) {
	t.Parallel()
	h := handlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://portal.example.com")
		w.Header().Set("X-Request-Id", "client-1")
		w.Header().Set("Content-Disposition", "attachment")
		w.Header().Set("Content-Length", "5")
		_, _ = io.WriteString(w, "half ")
		panic("boom")
	})
	for shape, event := range both("GET") {
		got, e, line := faulty(t, h, event)
		want := envelope{Error: "500", Message: "unspecified_fault", RequestID: "client-1", Status: "error", Version: version.Number}
		want.Data.Message = "unspecified fault"
		if diff := cmp.Diff(want, e); diff != "" || got.StatusCode != http.StatusInternalServerError || got.IsBase64Encoded {
			t.Errorf("%s: %d (-want +got):\n%s", shape, got.StatusCode, diff)
		}
		for name, want := range map[string]string{
			"Content-Type": "application/json", "Access-Control-Allow-Origin": "https://portal.example.com", "X-Request-Id": "client-1",
			"Cache-Control": "no-store", "Content-Disposition": "", "Content-Length": "",
		} {
			if got.header(name) != want {
				t.Errorf("%s: header %s = %q, want %q", shape, name, got.header(name), want)
			}
		}
		if line["panic"] != "a string" || line["level"] != "ERROR" || !strings.Contains(line["stack"].(string), "response_test.go") {
			t.Errorf("%s: logged %v", shape, line)
		}
	}
}

func TestPanicWithAnyValue(t *testing.T) {
	t.Parallel()
	for _, p := range []any{http.ErrAbortHandler, errors.New("x"), 7, struct{}{}} {
		got, e, line := faulty(t, handlerFunc(func(http.ResponseWriter, *http.Request) { panic(p) }), rest("HEAD", "/"))
		if got.StatusCode != http.StatusInternalServerError || got.Body != "" || e != (envelope{}) || line["gateway_id"] != "g1" {
			t.Errorf("panic(%v) = %+v, %v", p, got, line)
		}
		if got.header("X-Request-Id") != "g1" || got.header("Access-Control-Allow-Origin") != "*" {
			t.Errorf("panic(%v): headers %v", p, got.MultiValueHeaders)
		}
	}
}

// A response that fits is sent; a larger one becomes a 500, never a failed
// invocation.
func TestResponseMustFitLambda(t *testing.T) {
	t.Parallel()
	// The contract promises that 4,400,000 bytes of audio fit.
	for _, tt := range []struct {
		name, contentType string
		body              []byte
		fits              bool
	}{
		{"audio that fits", "audio/mpeg", bytes.Repeat([]byte{0xff}, 4_400_000), true},
		{"audio that just does not fit", "audio/mpeg", bytes.Repeat([]byte{0xff}, MaxResponse/4*3), false},
		{"audio of 7 MB", "audio/mpeg", make([]byte, 7<<20), false},
		{"JSON of 5 MB", "application/json", bytes.Repeat([]byte("x"), 5<<20), true},
		{"JSON full of quotes", "application/json", bytes.Repeat([]byte(`"`), 4<<20), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := handlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				_, _ = io.Copy(w, bytes.NewReader(tt.body))
			})
			if tt.fits {
				if got := invoke(t, h, rest("GET", "/")); got.StatusCode != http.StatusOK || !bytes.Equal(got.bytes(t), tt.body) {
					t.Errorf("%d with %d characters, want the body", got.StatusCode, len(got.Body))
				}
				return
			}
			got, e, line := faulty(t, h, rest("GET", "/"))
			if got.StatusCode != http.StatusInternalServerError || e.Message != "unspecified_fault" || e.RequestID != "g1" || line["bytes"].(float64) < float64(len(tt.body)) {
				t.Errorf("%d %+v, logged %v", got.StatusCode, e, line)
			}
		})
	}
}

// Memory stays bounded even if the handler keeps writing.
func TestOverflowIsDropped(t *testing.T) {
	t.Parallel()
	a := newResponse(http.MethodGet)
	chunk := make([]byte, 1<<20)
	var err error
	for range 64 {
		_, err = a.Write(chunk)
	}
	if !errors.Is(err, http.ErrContentLength) || len(a.body) > MaxResponse || !a.overflowed {
		t.Errorf("after 64 MB, Write = %v, and %d bytes are kept", err, len(a.body))
	}
}

// A wrong or malformed Content-Length allocates nothing of that size.
func TestDeclaredLengthIsOnlyAHint(t *testing.T) {
	t.Parallel()
	for _, n := range []string{"-1", "x", "99999999999999999999", "6291457", "3"} {
		h := handlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", n)
			write("audio/mpeg", "12345")(w, r)
		})
		if got := invoke(t, h, rest("GET", "/")); string(got.bytes(t)) != "12345" {
			t.Errorf("Content-Length %s: body %q", n, got.bytes(t))
		}
	}
}

// Every body arrives byte for byte, as text or base64, in both payload versions.
func TestEveryBodyArrives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		body := rapid.OneOf(
			rapid.SliceOf(rapid.Byte()),
			rapid.Map(rapid.String(), func(s string) []byte { return []byte(s) }),
			rapid.Map(rapid.StringOf(rapid.RuneFrom([]rune("\"\\\n\r\t\b\f\x00\x1f\x7f<>&/\u2028é😀"))), func(s string) []byte { return []byte(s) }),
		).Draw(rt, "body")
		kind := rapid.SampledFrom([]string{"application/json", "text/csv", "audio/mpeg"}).Draw(rt, "type")
		for shape, event := range both("GET") {
			got := invoke(t, write(kind, string(body)), event)
			if !bytes.Equal(got.bytes(t), body) {
				rt.Fatalf("%s: %s of %q arrives as %q", shape, kind, body, got.bytes(t))
			}
			if wantText := kind != "audio/mpeg" && utf8.Valid(body) || len(body) == 0; got.IsBase64Encoded == wantText {
				rt.Fatalf("%s: %s of %q: base64 %t", shape, kind, body, got.IsBase64Encoded)
			}
		}
	})
}

// WriteOwned keeps the bytes instead of a copy, and otherwise does what Write does.
func TestWriteOwned(t *testing.T) {
	t.Parallel()
	body := []byte("body")
	r := newResponse(http.MethodGet)
	if n, err := r.WriteOwned(body); n != len(body) || err != nil || &r.body[0] != &body[0] {
		t.Errorf("WriteOwned = %d, %v, or made a copy", n, err)
	}
	if _, err := r.Write([]byte(" and more")); err != nil || string(r.body) != "body and more" {
		t.Errorf("body = %q, %v", r.body, err)
	}
	if _, err := r.WriteOwned(make([]byte, MaxResponse)); !errors.Is(err, http.ErrContentLength) || !r.overflowed {
		t.Errorf("WriteOwned of too much = %v, want ErrContentLength", err)
	}
	head := newResponse(http.MethodHead)
	if n, err := head.WriteOwned(body); n != len(body) || err != nil || head.body != nil || head.written != len(body) {
		t.Errorf("WriteOwned for HEAD = %d, %v, body %q", n, err, head.body)
	}
}
