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

// alteredReader does something between the look at the object and the read.
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

// The bytes and the headers are of one object, even if it is replaced while
// it is being answered.
func TestAudioReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	altered := new(alteredReader)
	s := newFaultySingle(t, Delivery{}, faults{audio: func(r media.Reader) media.Reader { altered.Reader = r; return altered }})
	rec := s.put(t, []byte("old sound"), nil)
	stats, sounds := 0, 0
	replaceUntil := func(n int) func() {
		return func() {
			if stats++; stats > n {
				return
			}
			sounds++
			data := []byte("new sound " + strconv.Itoa(sounds))
			if err := s.bucket.Put(t.Context(), rec.AudioKey(), "audio/mpeg", bytes.NewReader(data), int64(len(data))); err != nil {
				t.Errorf("Put = %v", err)
			}
		}
	}
	altered.afterStat = replaceUntil(1)
	p := s.do(t, http.MethodGet, soundPath, "")
	p.wantStatus(t, http.StatusOK, "")
	object, err := s.bucket.Stat(t.Context(), rec.AudioKey())
	if err != nil || p.body != "new sound 1" || p.header.Get("ETag") != object.ETag {
		t.Errorf("got %q with ETag %s, want the new sound with %s (%v)", p.body, p.header.Get("ETag"), object.ETag, err)
	}
	stats = 0
	altered.afterStat = replaceUntil(100)
	p = s.do(t, http.MethodGet, soundPath, "")
	p.wantStatus(t, http.StatusServiceUnavailable, "datastore_unreachable")
	if stats != 2 {
		t.Errorf("looked %d times, want 2", stats)
	}
}

func TestAudioThatBreaksOff(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(io.ReadCloser) io.ReadCloser{
		"with an error": func(io.ReadCloser) io.ReadCloser { return io.NopCloser(iotest.ErrReader(errors.New("reset"))) },
		"too short":     func(b io.ReadCloser) io.ReadCloser { return io.NopCloser(io.LimitReader(b, 5)) },
	} {
		s := newFaultySingle(t, Delivery{}, faults{audio: func(r media.Reader) media.Reader {
			return &alteredReader{Reader: r, open: open}
		}})
		s.put(t, noise(100), nil)
		p := s.do(t, http.MethodGet, soundPath, "")
		p.wantStatus(t, http.StatusServiceUnavailable, "datastore_unreachable")
		if p.header.Get("Accept-Ranges") != "" || strings.Contains(p.body, "reset") {
			t.Errorf("%s: %v %s, want nothing of the audio or the cause", name, p.header, p.body)
		}
	}
}
