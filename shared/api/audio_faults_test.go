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

	"callrecordings/shared/media"
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
// replaced during the request.
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
	p := s.do(t, http.MethodGet, audioPath, "")
	p.wantStatus(t, http.StatusOK, "")
	object, err := s.bucket.Stat(t.Context(), rec.AudioKey())
	if err != nil || p.body != "new audio 1" || p.header.Get("ETag") != object.ETag {
		t.Errorf("got %q with ETag %s, want the new audio with %s (%v)", p.body, p.header.Get("ETag"), object.ETag, err)
	}
	stats = 0
	altered.afterStat = replaceUntil(100)
	p = s.do(t, http.MethodGet, audioPath, "")
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
