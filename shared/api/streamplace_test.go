package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/store"
)

// countedPlaces are places that count what is taken of each account, and given back.
type countedPlaces struct {
	most    int
	taken   map[string]int
	asked   int
	longest time.Duration
	err     error // of Take
}

func (c *countedPlaces) Take(_ context.Context, account string, longest time.Duration) (release func(), ok bool, err error) {
	c.asked++
	c.longest = longest
	if c.err != nil || c.taken[account] == c.most {
		return nil, false, c.err
	}
	if c.taken == nil {
		c.taken = map[string]int{}
	}
	c.taken[account]++
	return func() { c.taken[account]-- }, true, nil
}

// longAudio is the length of audio that needs a stream.
const longAudio = gatewayLimit + 1

// withPlaces returns an API that streams in places, with audio that needs a stream.
func withPlaces(t *testing.T, p Places) *single {
	t.Helper()
	d := streaming
	d.Streams = p
	s := newSingle(t, d)
	s.put(t, noise(longAudio), nil)
	return s
}

// While an account has no place for a stream, auto redirects, and delivery=stream is a 429 with
// Retry-After. That does not touch another account.
func TestStreamsWithoutAPlace(t *testing.T) {
	t.Parallel()
	p := &countedPlaces{most: 1}
	s := withPlaces(t, p)
	s.do(t, http.MethodGet, streamed, "").wantStatus(t, http.StatusOK, "")
	p.taken["other"] = 1 // all places of another account
	s.do(t, http.MethodGet, streamed, "").wantStatus(t, http.StatusOK, "")
	p.taken[oneAccount] = 1
	refused := s.do(t, http.MethodGet, streamed, "")
	refused.wantStatus(t, http.StatusTooManyRequests, "too_many_requests")
	if got := refused.header.Get("Retry-After"); got != "5" {
		t.Errorf("Retry-After = %q, want 5", got)
	}
	for _, url := range []string{audioPath, audioPath + "&delivery=auto"} {
		redirected := s.do(t, http.MethodGet, url, "")
		redirected.wantStatus(t, http.StatusFound, "")
		if redirected.header.Get("Location") == "" {
			t.Errorf("%s: no Location in %v", url, redirected.header)
		}
	}
	if p.taken[oneAccount] != 1 {
		t.Errorf("%d places are taken, want the one of the test", p.taken[oneAccount])
	}
}

// A stream has its place until its end, and gives it back also if the client leaves or the
// audio cannot be read.
func TestAStreamGivesItsPlaceBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		after int64 // when the reads break off
		most  int   // how many chunks the client takes
	}{
		"whole": {1 << 30, 1 << 30}, "the client leaves": {1 << 30, 1}, "unreadable": {0, 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, d := &countedPlaces{most: 1}, streaming
			d.Streams = p
			s := newFaultySingle(t, d, faults{audio: func(r media.Reader) media.Reader { return &cutReader{Reader: r, after: tt.after} }})
			s.put(t, noise(longAudio), nil)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, streamed, nil)
			r.Header.Set("X-Auth-Token", s.token)
			w := &placedWriter{ResponseRecorder: httptest.NewRecorder(), places: p, most: tt.most}
			s.get.ServeHTTP(w, r)
			if tt.after > 0 && w.held != 1 {
				t.Errorf("%d places were taken during the stream, want 1", w.held)
			}
			if p.asked != 1 || p.taken[oneAccount] != 0 || p.longest != 15*time.Minute {
				t.Errorf("asked %d times, for %v; %d places are still taken, want 1, 15m and 0", p.asked, p.longest, p.taken[oneAccount])
			}
		})
	}
}

// placedWriter notes how many places are taken while it is written to. It fails after most
// chunks.
type placedWriter struct {
	*httptest.ResponseRecorder
	places       *countedPlaces
	chunks, most int
	held         int
}

func (w *placedWriter) Write(p []byte) (int, error) {
	w.held = w.places.taken[oneAccount]
	if w.chunks++; w.chunks > w.most {
		return 0, errors.New("broken pipe")
	}
	return len(p), nil
}

// What is no stream, or a stream that would fit into one answer, takes no place.
func TestOnlyLongStreamsTakeAPlace(t *testing.T) {
	t.Parallel()
	p := &countedPlaces{}
	s := withPlaces(t, p)
	for _, tt := range []struct {
		method, url, ranges string
		status              int
	}{
		{http.MethodGet, onePath, "", http.StatusOK},
		{http.MethodHead, streamed, "", http.StatusOK},
		{http.MethodGet, streamed, "bytes=1-", http.StatusPartialContent}, // gatewayLimit bytes
		{http.MethodGet, audioPath, "bytes=0-9", http.StatusPartialContent},
		{http.MethodGet, audioPath + "&delivery=redirect", "", http.StatusFound},
		{http.MethodGet, audioPath + "&delivery=inline", "", http.StatusRequestEntityTooLarge},
	} {
		var header []string
		if tt.ranges != "" {
			header = []string{"Range", tt.ranges}
		}
		if got := s.do(t, tt.method, tt.url, "", header...); got.status != tt.status {
			t.Errorf("%s %s %s = %d, want %d", tt.method, tt.url, tt.ranges, got.status, tt.status)
		}
	}
	if p.asked != 0 {
		t.Errorf("%d places were asked for, want none", p.asked)
	}
}

// If the store cannot give a place, the stream is sent without one, and the log has the cause.
func TestStreamsWhilePlacesAreLost(t *testing.T) {
	t.Parallel()
	s := withPlaces(t, &countedPlaces{err: store.ErrUnavailable})
	for _, url := range []string{streamed, audioPath} {
		if p := s.do(t, http.MethodGet, url, ""); p.status != http.StatusOK || len(p.body) != longAudio {
			t.Errorf("%s = %d with %d bytes, want 200 with all", url, p.status, len(p.body))
		}
	}
	if log := s.log.String(); !strings.Contains(log, "the stream is not counted") {
		t.Errorf("log = %s, want the cause", log)
	}
}

// A gateway without room for a stream has the same outcome as an account without a place.
func TestAutoRedirectsWithoutRoomForAStream(t *testing.T) {
	t.Parallel()
	s := newSingle(t, streaming)
	s.put(t, noise(longAudio), nil)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, audioPath, nil)
	r.Header.Set("X-Auth-Token", s.token)
	w := httptest.NewRecorder()
	s.get.ServeHTTP(fullWriter{w}, r)
	if w.Code != http.StatusFound || w.Header().Get("Location") == "" {
		t.Errorf("the answer is %d with %v, want 302 with a Location", w.Code, w.Header())
	}
}
