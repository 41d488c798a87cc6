package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/google/go-cmp/cmp"
)

// start makes w a stream, as handlers do.
func start(t testing.TB, w http.ResponseWriter, r *http.Request) (context.Context, func()) {
	t.Helper()
	ctx, end, err := w.(interface {
		Stream(ctx context.Context) (context.Context, func(), error)
	}).Stream(r.Context())
	if err != nil {
		t.Errorf("Stream = %v", err)
		return r.Context(), func() {}
	}
	return ctx, end
}

// received is a streamed response, taken apart as API Gateway does.
type received struct {
	Status int                 `json:"statusCode"`
	Multi  map[string][]string `json:"multiValueHeaders"`
	Single map[string]string   `json:"headers"`
	Cookie []string            `json:"cookies"`

	body string
	err  error // how the body ended
}

// stream handles an event and reads the whole response.
func stream(t *testing.T, h http.Handler, event string) received {
	t.Helper()
	s, err := newHandler(h, io.Discard).invokeStreaming(t.Context(), json.RawMessage(event))
	if err != nil {
		t.Fatalf("invokeStreaming = %v", err)
	}
	defer s.Close() //nolint:errcheck // always nil
	if got := s.ContentType(); got != "application/vnd.awslambda.http-integration-response" {
		t.Errorf("ContentType = %q", got)
	}
	data, readErr := io.ReadAll(s)
	prelude, body, ok := bytes.Cut(data, make([]byte, 8))
	if !ok {
		t.Fatalf("response = %q, want 8 zero bytes in it", data)
	}
	r := received{body: string(body), err: readErr}
	if err := json.Unmarshal(prelude, &r); err != nil {
		t.Fatalf("prelude %q: %v", prelude, err)
	}
	return r
}

// An answer that is not streamed has the format of a stream too.
func TestOrdinaryAnswersOfAStreamingFunction(t *testing.T) {
	t.Parallel()
	h := handlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		switch r.URL.Path {
		case "/304":
			w.WriteHeader(http.StatusNotModified)
		case "/416":
			w.Header().Set("Content-Range", "bytes */9")
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			_, _ = io.WriteString(w, `{}`)
		case "/206":
			w.Header().Set("Content-Type", "audio/mpeg")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write([]byte{0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 1})
		case "/panic":
			panic("boom")
		case "/large":
			_, _ = w.Write(make([]byte, MaxResponse))
			_, _ = w.Write([]byte{1})
		default:
			_, _ = io.WriteString(w, `{"a":"é"}`)
		}
	})
	cookies := []string{"a=1", "b=2"}
	for _, c := range []struct {
		event  string
		status int
		length string // Content-Length; "" for none
		body   string
	}{
		{rest("GET", "/"), 200, "10", `{"a":"é"}`},
		{rest("HEAD", "/"), 200, "10", ""},
		{rest("GET", "/304"), 304, "", ""},
		{rest("GET", "/416"), 416, "2", "{}"},
		{rest("GET", "/206"), 206, "11", "\x00\xff\x00\x00\x00\x00\x00\x00\x00\x00\x01"},
	} {
		got := stream(t, h, c.event)
		if got.Status != c.status || got.body != c.body || got.err != nil {
			t.Errorf("%s = %d %q %v, want %d %q", c.event, got.Status, got.body, got.err, c.status, c.body)
		}
		if length := strings.Join(got.Multi["Content-Length"], ","); length != c.length {
			t.Errorf("%s: Content-Length %q, want %q", c.event, length, c.length)
		}
		if diff := cmp.Diff(cookies, got.Multi["Set-Cookie"]); diff != "" {
			t.Errorf("%s: cookies (-want +got):\n%s", c.event, diff)
		}
	}
	for _, path := range []string{"/panic", "/large"} {
		if got := stream(t, h, rest("GET", path)); got.Status != 500 || !strings.Contains(got.body, "unspecified_fault") {
			t.Errorf("%s = %d %.100q, want a 500", path, got.Status, got.body)
		}
	}
	got := stream(t, h, v2("GET", "/"))
	if got.Single["Content-Type"] != "application/json" || !cmp.Equal(got.Cookie, cookies) || got.body != `{"a":"é"}` {
		t.Errorf("version 2 = %+v", got)
	}
	if _, err := newHandler(h, io.Discard).invokeStreaming(t.Context(), json.RawMessage(`{"Records":[]}`)); !errors.Is(err, ErrEvent) {
		t.Errorf("another event = %v, want ErrEvent", err)
	}
}

// The first byte arrives while the handler still writes, and the response is not held in
// memory: the handler writes no more than is read.
func TestAStreamIsSentWhileItIsWritten(t *testing.T) {
	t.Parallel()
	proceed, written := make(chan struct{}), make(chan int, 1)
	h := handlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, end := start(t, w, r)
		defer end()
		w.Header().Set("Content-Length", strconv.Itoa(10*MaxResponse))
		n, _ := w.Write([]byte("first"))
		<-proceed
		for n < 10*MaxResponse {
			m, err := w.Write(make([]byte, min(64<<10, 10*MaxResponse-n)))
			if n += m; err != nil {
				t.Errorf("Write = %v", err)
				break
			}
		}
		written <- n
	})
	s, err := newHandler(h, io.Discard).invokeStreaming(t.Context(), json.RawMessage(rest("GET", "/")))
	if err != nil {
		t.Fatal(err)
	}
	begin := fmt.Sprintf(`{"statusCode":200,"multiValueHeaders":{"Content-Length":["%d"],"Content-Type":["application/octet-stream"]}}`, 10*MaxResponse)
	begin += strings.Repeat("\x00", 8) + "first"
	got := make([]byte, len(begin))
	if _, err := io.ReadFull(s, got); err != nil || string(got) != begin {
		t.Errorf("the response begins with %q (%v), want %q", got, err, begin)
	}
	close(proceed)
	select {
	case n := <-written:
		t.Errorf("the handler has written %d bytes that were not read", n)
	case <-time.After(10 * time.Millisecond):
	}
	if n, err := io.Copy(io.Discard, s); n != 10*MaxResponse-5 || err != nil {
		t.Errorf("read %d more bytes (%v), want %d", n, err, 10*MaxResponse-5)
	}
	if n := <-written; n != 10*MaxResponse {
		t.Errorf("the handler has written %d bytes", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A stream that breaks off ends with an error for the trailer, without any text of the
// handler's.
func TestAStreamThatBreaksOff(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(){"too short": func() {}, "panic": func() { panic("secret") }} {
		h := handlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, end := start(t, w, r)
			defer end()
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			fail()
		})
		got := stream(t, h, rest("GET", "/"))
		cause, ok := errors.AsType[messages.InvokeResponse_Error](got.err)
		if got.Status != 200 || got.body != "half" || !ok || cause.Type != "Stream.Truncated" || strings.Contains(cause.Message, "secret") {
			t.Errorf("%s = %d %q, ended by %#v", name, got.Status, got.body, got.err)
		}
	}
}

// A handler that has started a stream but written nothing of it answers as any other.
func TestAStreamThatDoesNotBegin(t *testing.T) {
	t.Parallel()
	h := handlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, end := start(t, w, r)
		end()
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "no")
	})
	if got := stream(t, h, rest("GET", "/")); got.Status != 503 || got.body != "no" || got.err != nil || got.Multi["Content-Length"][0] != "2" {
		t.Errorf("response = %+v", got)
	}
	w := newResponse(http.MethodGet)
	if _, _, err := w.Stream(t.Context()); err == nil {
		t.Error("Stream = nil without an outlet, want an error")
	}
}

// When the response is closed early, because the client has left, the handler's context
// ends, its writes fail, and Close returns after the handler.
func TestClosingAStreamEndsItsHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		returned := false
		h := handlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, end := start(t, w, r)
			defer end()
			var err error
			for err == nil {
				_, err = w.Write(make([]byte, 1000))
			}
			<-ctx.Done()
			time.Sleep(time.Minute)
			returned = true
		})
		s, err := newHandler(h, io.Discard).invokeStreaming(t.Context(), json.RawMessage(rest("GET", "/")))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(make([]byte, 100)); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil || !returned {
			t.Errorf("Close = %v before the handler has returned", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("the second Close = %v", err)
		}
	})
}

// A stream outlasts the deadline of ordinary requests, and ends before its invocation
// does.
func TestAStreamEndsBeforeItsInvocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		h := handlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, end := start(t, w, r)
			defer end()
			w.Header().Set("Content-Length", "1000000")
			for {
				if _, err := io.WriteString(w, "x"); err != nil {
					break
				}
				time.Sleep(time.Second)
			}
			<-ctx.Done()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
		defer cancel()
		s, err := newHandler(h, io.Discard).invokeStreaming(ctx, json.RawMessage(rest("GET", "/")))
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, s)
		if took := time.Since(began); err == nil || took != 15*time.Minute-2*time.Second {
			t.Errorf("the stream ended after %v with %v, want an error two seconds before 15 minutes", took, err)
		}
		_ = s.Close()
	})
}
