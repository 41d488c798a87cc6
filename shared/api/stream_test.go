package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/media"
)

const streamed = audioPath + "&delivery=stream"

// streaming is a gateway that streams audio of up to 6,000,000 bytes.
var streaming = Delivery{Default: media.Stream, StreamLimit: 6_000_000}

// The test requests audio and ranges around both limits, where the gateway streams.
func TestStreamedDeliveries(t *testing.T) {
	t.Parallel()
	const redirected, tooLarge = http.StatusFound, http.StatusRequestEntityTooLarge
	const limit = 6_000_000
	apis := map[int]*single{}
	for _, size := range []int{1, gatewayLimit + 1, limit, limit + 1} {
		apis[size] = newSingle(t, streaming)
		apis[size].put(t, noise(size), nil)
	}
	for _, tt := range []struct {
		size     int
		ranges   string
		delivery media.Delivery
		status   int
		length   int // of a 200 or 206
	}{
		{1, "", media.Stream, 200, 1},
		{1, "bytes=0-0", media.Stream, 206, 1},
		{1, "bytes=1-", media.Stream, 416, 0},
		{1, "", "", 200, 1},
		{gatewayLimit + 1, "", "", 200, gatewayLimit + 1},
		{gatewayLimit + 1, "", media.Auto, 200, gatewayLimit + 1},
		{gatewayLimit + 1, "", media.Inline, tooLarge, 0},
		{gatewayLimit + 1, "", media.Redirect, redirected, 0},
		{gatewayLimit + 1, "bytes=0-", media.Auto, 206, gatewayLimit + 1},
		{gatewayLimit + 1, "bytes=-1", media.Stream, 206, 1},
		{gatewayLimit + 1, "bytes=7-20", media.Stream, 206, 14},
		{gatewayLimit + 1, "bytes=0-0,2-2", media.Stream, 200, gatewayLimit + 1},
		{gatewayLimit + 1, "bytes=x-y", media.Stream, 200, gatewayLimit + 1},
		{gatewayLimit + 1, "bytes=9-3", media.Stream, 200, gatewayLimit + 1},
		{gatewayLimit + 1, "bytes=99999999999999999999-", media.Stream, 416, 0},
		{gatewayLimit + 1, "bytes=9000000-", media.Stream, 416, 0},
		{limit, "", media.Stream, 200, limit},
		{limit + 1, "", media.Stream, tooLarge, 0},
		{limit + 1, "", "", redirected, 0},
		{limit + 1, "", media.Auto, redirected, 0},
		{limit + 1, "bytes=1-", media.Stream, 206, limit},
	} {
		name := strconv.Itoa(tt.size) + " " + tt.ranges + " " + string(tt.delivery)
		t.Run(name, func(t *testing.T) {
			s, url := apis[tt.size], audioPath
			if tt.delivery != "" {
				url += "&delivery=" + string(tt.delivery)
			}
			var header []string
			if tt.ranges != "" {
				header = []string{"Range", tt.ranges}
			}
			p := s.do(t, http.MethodGet, url, "", header...)
			if p.status != tt.status {
				t.Fatalf("status = %d, want %d; body %.200s", p.status, tt.status, p.body)
			}
			if tt.length > 0 && (len(p.body) != tt.length || p.header.Get("Content-Length") != strconv.Itoa(tt.length)) {
				t.Errorf("got %d bytes with the length %s, want %d", len(p.body), p.header.Get("Content-Length"), tt.length)
			}
			if tt.status == tooLarge && !strings.Contains(p.text(t, "data", "details"), "delivery=redirect") {
				t.Errorf("body = %s, want it to name the alternatives", p.body)
			}
			head := s.do(t, http.MethodHead, url, "", header...)
			if got := head.header.Get("Content-Length"); head.status != 200 || got != strconv.Itoa(tt.size) || head.body != "" {
				t.Errorf("HEAD = %d with length %s, want 200 with %d", head.status, got, tt.size)
			}
		})
	}
}

// The 413 for audio that does not fit into one answer names a stream where one would do.
func TestTooLargeNamesStreams(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		delivery Delivery
		size     int
		want     string
	}{
		{streaming, gatewayLimit + 1, "or for delivery=stream, delivery=redirect or delivery=auto\""},
		{streaming, 6_000_001, "or for delivery=redirect or delivery=auto\""},
		{Delivery{}, gatewayLimit + 1, "or for delivery=redirect or delivery=auto\""},
	} {
		s := newSingle(t, tt.delivery)
		s.put(t, noise(tt.size), nil)
		p := s.do(t, http.MethodGet, audioPath+"&delivery=inline", "")
		p.wantStatus(t, http.StatusRequestEntityTooLarge, "entity_too_large")
		if !strings.Contains(p.body, tt.want) {
			t.Errorf("%d bytes: %s, want %q", tt.size, p.body, tt.want)
		}
	}
}

// A stream has the bytes and headers of an inline answer, and honors the same conditions.
func TestAStreamHasTheHeadersOfAudio(t *testing.T) {
	t.Parallel()
	s := newSingle(t, streaming)
	data := noise(200_000)
	s.put(t, data, nil)
	inline, p := s.do(t, http.MethodGet, audioPath+"&delivery=inline", ""), s.do(t, http.MethodGet, streamed, "")
	if p.body != string(data) {
		t.Errorf("got %d bytes that differ from the %d bytes of audio", len(p.body), len(data))
	}
	for name := range inline.header {
		if name != "X-Request-Id" && p.header.Get(name) != inline.header.Get(name) {
			t.Errorf("%s: %q, inline it is %q", name, p.header.Get(name), inline.header.Get(name))
		}
	}
	s.do(t, http.MethodGet, streamed, "", "If-None-Match", p.header.Get("ETag")).wantStatus(t, http.StatusNotModified, "")
	s.do(t, http.MethodGet, streamed, "", "If-Match", `"other"`).wantStatus(t, http.StatusPreconditionFailed, "")
	if got := s.do(t, http.MethodGet, streamed, "", "Range", "bytes=5-9", "If-Range", p.header.Get("ETag")); got.body != string(data[5:10]) {
		t.Errorf("the range has the %d bytes %q", len(got.body), got.body)
	}
}

// cutReader breaks off each read after a number of bytes.
type cutReader struct {
	media.Reader
	after int64
	opens []media.Part
	etags []string
	done  int // how many were closed
	// replace, if not nil, is called before the second read.
	replace func()
}

func (c *cutReader) Open(ctx context.Context, key, etag string, part *media.Part) (io.ReadCloser, media.Object, error) {
	c.opens, c.etags = append(c.opens, *part), append(c.etags, etag)
	if c.replace != nil && len(c.opens) == 2 {
		c.replace()
	}
	body, o, err := c.Reader.Open(ctx, key, etag, part)
	if err != nil {
		return nil, o, err
	}
	return &cutBody{io.MultiReader(io.LimitReader(body, c.after), &resetReader{}), body, &c.done}, o, nil
}

type resetReader struct{}

func (*resetReader) Read([]byte) (int, error) { return 0, errors.New("connection reset by peer") }

type cutBody struct {
	io.Reader
	io.Closer

	done *int
}

func (c *cutBody) Close() error {
	*c.done++
	return c.Closer.Close()
}

func newCutSingle(t *testing.T, after int64) (*single, *cutReader) {
	t.Helper()
	cut := &cutReader{after: after}
	return newFaultySingle(t, streaming, faults{audio: func(r media.Reader) media.Reader { cut.Reader = r; return cut }}), cut
}

// A read that breaks off goes on with the rest of the same object, up to five times.
func TestAStreamGoesOnAfterAReset(t *testing.T) {
	t.Parallel()
	s, cut := newCutSingle(t, 100_000)
	data := noise(550_000)
	s.put(t, data, nil)
	p := s.do(t, http.MethodGet, streamed, "", "Range", "bytes=1000-")
	p.wantStatus(t, http.StatusPartialContent, "")
	if p.body != string(data[1000:]) {
		t.Errorf("got %d bytes that are not those of the range", len(p.body))
	}
	if len(cut.opens) != 6 || cut.opens[1] != (media.Part{Offset: 101_000, Length: 449_000}) || cut.etags[5] == "" || cut.etags[5] != p.header.Get("ETag") {
		t.Errorf("reads = %v with the ETags %q, want 6 of the same object", cut.opens, cut.etags)
	}
	if cut.done != 6 {
		t.Errorf("%d of 6 reads were closed", cut.done)
	}
	if log := s.log.String(); strings.Contains(log, "reset") {
		t.Errorf("log = %s, want no cause", log)
	}
}

// After too many resets, or if the object has changed, the body ends short of its
// Content-Length.
func TestAStreamEndsShortOfItsLength(t *testing.T) {
	t.Parallel()
	data := noise(650_000)
	t.Run("too many resets", func(t *testing.T) {
		t.Parallel()
		s, cut := newCutSingle(t, 100_000)
		s.put(t, data, nil)
		p := s.broken(t)
		if p.Body.Len() != 600_000 || len(cut.opens) != 6 || cut.done != 6 {
			t.Errorf("got %d bytes in %d reads, of which %d were closed, want 600000 bytes in 6 reads", p.Body.Len(), len(cut.opens), cut.done)
		}
		if !strings.Contains(s.log.String(), "connection reset by peer") {
			t.Errorf("log = %s, want the cause", s.log)
		}
	})
	t.Run("another object", func(t *testing.T) {
		t.Parallel()
		s, cut := newCutSingle(t, 100_000)
		rec := s.put(t, data, nil)
		cut.replace = func() {
			if err := s.bucket.Put(t.Context(), rec.AudioKey(), "audio/mpeg", bytes.NewReader(noise(10)), 10); err != nil {
				t.Error(err)
			}
		}
		if p := s.broken(t); !bytes.Equal(p.Body.Bytes(), data[:100_000]) {
			t.Errorf("got %d bytes, want the first 100000 of the old object", p.Body.Len())
		}
	})
	t.Run("resets without a byte", func(t *testing.T) {
		t.Parallel()
		s, cut := newCutSingle(t, 0)
		s.put(t, data, nil)
		s.do(t, http.MethodGet, streamed, "").wantStatus(t, http.StatusServiceUnavailable, "datastore_unreachable")
		if len(cut.opens) != 6 {
			t.Errorf("%d reads, want 6", len(cut.opens))
		}
	})
}

// broken requests a stream that breaks off after its headers. Its answer does not conform
// to the API's definition.
func (s *single) broken(t *testing.T) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, streamed, nil)
	r.Header.Set("X-Auth-Token", s.token)
	w := httptest.NewRecorder()
	s.get.ServeHTTP(w, r)
	if w.Code != http.StatusOK || w.Header().Get("Content-Length") != "650000" {
		t.Errorf("the answer is %d with the length %s, want 200 with 650000", w.Code, w.Header().Get("Content-Length"))
	}
	return w
}

// goneWriter fails after the first chunk, as when the client has left.
type goneWriter struct {
	*httptest.ResponseRecorder

	chunks int
}

func (g *goneWriter) Write(p []byte) (int, error) {
	if g.chunks++; g.chunks > 1 {
		return 0, errors.New("broken pipe")
	}
	return len(p), nil
}

// When the client leaves, nothing more is read, and the read is closed.
func TestAStreamEndsWithItsClient(t *testing.T) {
	t.Parallel()
	s, cut := newCutSingle(t, 1<<30)
	s.put(t, noise(650_000), nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, streamed, nil)
	r.Header.Set("X-Auth-Token", s.token)
	w := &goneWriter{ResponseRecorder: httptest.NewRecorder()}
	s.get.ServeHTTP(w, r)
	if w.chunks != 2 || len(cut.opens) != 1 || cut.done != 1 {
		t.Errorf("%d writes, %d reads, %d of them closed, want 2, 1 and 1", w.chunks, len(cut.opens), cut.done)
	}
	if !strings.Contains(s.log.String(), errClientLeft.Error()) {
		t.Errorf("log = %s, want the cause", s.log)
	}
}

// fullWriter has no room for a stream.
type fullWriter struct{ *httptest.ResponseRecorder }

func (fullWriter) Stream(context.Context) (context.Context, func(), error) {
	return nil, nil, errors.New("no room")
}

func TestTooManyStreams(t *testing.T) {
	t.Parallel()
	s := newSingle(t, streaming)
	s.put(t, noise(650_000), nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, streamed, nil)
	r.Header.Set("X-Auth-Token", s.token)
	w := httptest.NewRecorder()
	s.get.ServeHTTP(fullWriter{w}, r)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "5" {
		t.Errorf("the answer is %d with Retry-After %q, want 429 with 5", w.Code, w.Header().Get("Retry-After"))
	}
}
