package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/shared/media"
)

// alteredReader calls afterStat between stat and read, and wraps opened objects.
type alteredReader struct {
	media.Reader
	afterStat func()
	open      func(io.ReadCloser) io.ReadCloser
}

func (a *alteredReader) Stat(ctx context.Context, key string) (media.Object, error) {
	o, err := a.Reader.Stat(ctx, key)
	if a.afterStat != nil {
		a.afterStat()
	}
	return o, err
}

func (a *alteredReader) Open(ctx context.Context, key, etag string, part *media.Part) (io.ReadCloser, media.Object, error) {
	body, o, err := a.Reader.Open(ctx, key, etag, part)
	if err == nil && a.open != nil {
		body = a.open(body)
	}
	return body, o, err
}

// Bytes and headers come from the same version of the object, even if it is
// replaced between the HEAD and the GET of a request with a condition.
func TestAudioReplacedDuringRequest(t *testing.T) {
	t.Parallel()
	altered := new(alteredReader)
	s := newFaultySingle(t, Delivery{}, faults{audio: func(r media.Reader) media.Reader { altered.Reader = r; return altered }})
	rec := s.put(t, []byte("old audio 0"), nil)
	stats, versions := 0, 0
	replaceUntil := func(n int) func() {
		return func() {
			if stats++; stats > n {
				return
			}
			versions++
			data := []byte("new audio " + strconv.Itoa(versions))
			if err := s.bucket.Put(t.Context(), rec.AudioKey(), "audio/mpeg", bytes.NewReader(data), int64(len(data))); err != nil {
				t.Errorf("Put = %v", err)
			}
		}
	}
	altered.afterStat = replaceUntil(1)
	p := s.do(t, http.MethodGet, audioPath, "", "If-None-Match", `"x"`)
	p.wantStatus(t, http.StatusOK, "")
	object, err := s.bucket.Stat(t.Context(), rec.AudioKey())
	if err != nil || p.body != "new audio 1" || p.header.Get("ETag") != object.ETag {
		t.Errorf("got %q with ETag %s, want the new audio with %s (%v)", p.body, p.header.Get("ETag"), object.ETag, err)
	}
	stats = 0
	altered.afterStat = replaceUntil(100)
	p = s.do(t, http.MethodGet, audioPath, "", "If-None-Match", `"x"`)
	p.wantStatus(t, http.StatusServiceUnavailable, "datastore_unreachable")
	if stats != 2 {
		t.Errorf("Stat was called %d times, want 2", stats)
	}
}

// Audio is damaged, for example after a crash, if its size differs from the size in the
// recording. The answer is then the 404 for missing audio, not the damaged bytes.
func TestDamagedAudioIsMissing(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 99, 101} {
		s := newSingle(t, Delivery{})
		rec := s.put(t, noise(100), nil)
		if err := s.bucket.Put(t.Context(), rec.AudioKey(), "audio/mpeg", bytes.NewReader(noise(size)), int64(size)); err != nil {
			t.Fatalf("Put = %v", err)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if p := s.do(t, method, audioPath, ""); p.status != http.StatusNotFound {
				t.Errorf("%s with %d bytes instead of 100 = %d, want 404", method, size, p.status)
			}
		}
		if log := s.log.String(); !strings.Contains(log, "is damaged: it has") {
			t.Errorf("the log does not mention the damage: %s", log)
		}
	}
}

func TestAudioReadFails(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(io.ReadCloser) io.ReadCloser{
		"with an error": func(io.ReadCloser) io.ReadCloser { return io.NopCloser(iotest.ErrReader(errors.New("reset"))) },
		"too short":     func(b io.ReadCloser) io.ReadCloser { return io.NopCloser(io.LimitReader(b, 5)) },
	} {
		s := newFaultySingle(t, Delivery{}, faults{audio: func(r media.Reader) media.Reader {
			return &alteredReader{Reader: r, open: open}
		}})
		s.put(t, noise(100), nil)
		p := s.do(t, http.MethodGet, audioPath, "")
		p.wantStatus(t, http.StatusServiceUnavailable, "datastore_unreachable")
		if p.header.Get("Accept-Ranges") != "" || strings.Contains(p.body, "reset") {
			t.Errorf("%s: %v %s, want neither headers of the audio nor the cause", name, p.header, p.body)
		}
	}
}

// countedReader counts the calls of an audio store.
type countedReader struct {
	media.Reader
	stats, opens int
}

func (c *countedReader) Stat(ctx context.Context, key string) (media.Object, error) {
	c.stats++
	return c.Reader.Stat(ctx, key)
}

func (c *countedReader) Open(ctx context.Context, key, etag string, part *media.Part) (io.ReadCloser, media.Object, error) {
	c.opens++
	return c.Reader.Open(ctx, key, etag, part)
}

// Inline audio costs one call of the store. Only a condition, or audio that does not have
// the size in its recording, costs another.
func TestAudioCalls(t *testing.T) {
	t.Parallel()
	counted := new(countedReader)
	s := newFaultySingle(t, Delivery{}, faults{audio: func(r media.Reader) media.Reader { counted.Reader = r; return counted }})
	data := noise(100)
	rec := s.put(t, data, nil)
	tag := s.do(t, http.MethodHead, audioPath, "").header.Get("ETag")
	tests := []struct {
		name, method, query string
		header              []string
		status              int
		body                []byte
		stats, opens        int
	}{
		{"whole", "GET", "", nil, 200, data, 0, 1},
		{"inline", "GET", "&delivery=inline", nil, 200, data, 0, 1},
		{"range", "GET", "", []string{"Range", "bytes=10-19"}, 206, data[10:20], 0, 1},
		{"suffix", "GET", "", []string{"Range", "bytes=-5"}, 206, data[95:], 0, 1},
		{"range of everything", "GET", "", []string{"Range", "bytes=0-"}, 206, data, 0, 1},
		{"malformed range", "GET", "", []string{"Range", "pages=1-"}, 200, data, 0, 1},
		{"resumed", "GET", "", []string{"Range", "bytes=50-", "If-Range", tag}, 206, data[50:], 0, 1},
		{"not resumed", "GET", "", []string{"Range", "bytes=50-", "If-Range", `"x"`}, 200, data, 1, 2},
		{"range beyond the end", "GET", "", []string{"Range", "bytes=100-"}, 416, nil, 1, 0},
		{"unchanged", "GET", "", []string{"If-None-Match", tag}, 304, nil, 1, 0},
		{"changed", "GET", "", []string{"If-None-Match", `"x"`}, 200, data, 1, 1},
		{"other version", "GET", "", []string{"If-Match", `"x"`}, 412, nil, 1, 0},
		{"head", "HEAD", "", nil, 200, nil, 1, 0},
		{"redirect", "GET", "&delivery=redirect", nil, 302, nil, 1, 0},
	}
	for _, tt := range tests {
		counted.stats, counted.opens = 0, 0
		p := s.do(t, tt.method, audioPath+tt.query, "", tt.header...)
		if p.status != tt.status || (tt.body != nil && p.body != string(tt.body)) {
			t.Errorf("%s: %d with %d bytes, want %d with %d", tt.name, p.status, len(p.body), tt.status, len(tt.body))
		}
		if counted.stats != tt.stats || counted.opens != tt.opens {
			t.Errorf("%s: %d HEAD and %d GET, want %d and %d", tt.name, counted.stats, counted.opens, tt.stats, tt.opens)
		}
	}
	// A missing object.
	if err := s.bucket.Remove(t.Context(), rec.AudioKey()); err != nil {
		t.Fatal(err)
	}
	counted.stats, counted.opens = 0, 0
	if p := s.do(t, http.MethodGet, audioPath, ""); p.status != http.StatusNotFound || counted.stats != 0 || counted.opens != 1 {
		t.Errorf("missing: %d after %d HEAD and %d GET, want 404 after one GET", p.status, counted.stats, counted.opens)
	}
}

// A Range is judged by the size in the recording. Audio that has another size is damaged,
// whether it has the bytes of the Range or not.
func TestRangeOfDamagedAudio(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 49, 99, 101} {
		s := newSingle(t, Delivery{})
		rec := s.put(t, noise(100), nil)
		if err := s.bucket.Put(t.Context(), rec.AudioKey(), "audio/mpeg", bytes.NewReader(noise(size)), int64(size)); err != nil {
			t.Fatalf("Put = %v", err)
		}
		for _, header := range []string{"bytes=10-19", "bytes=50-", "bytes=99-", "bytes=100-", "bytes=-100"} {
			if p := s.do(t, http.MethodGet, audioPath, "", "Range", header); p.status != http.StatusNotFound {
				t.Errorf("%s with %d bytes instead of 100 = %d, want 404", header, size, p.status)
			}
		}
		if log := s.log.String(); strings.Count(log, "is damaged: it has") != 5 {
			t.Errorf("the log does not mention the damage each time: %s", log)
		}
	}
}

// A single GET has the same headers as a GET after a HEAD, and as the HEAD itself.
func TestAudioHeadersAgree(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{})
	s.put(t, noise(100), nil)
	direct := s.do(t, http.MethodGet, audioPath, "")
	examined := s.do(t, http.MethodGet, audioPath, "", "If-None-Match", `"x"`)
	head := s.do(t, http.MethodHead, audioPath, "")
	for _, p := range []*reply{&direct, &examined, &head} {
		p.header.Del("X-Request-Id")
	}
	if diff := cmp.Diff(examined.header, direct.header); diff != "" || examined.body != direct.body {
		t.Errorf("headers after a HEAD and without one (-after +without):\n%s", diff)
	}
	if diff := cmp.Diff(head.header, direct.header); diff != "" {
		t.Errorf("headers of HEAD and GET (-HEAD +GET):\n%s", diff)
	}
}
