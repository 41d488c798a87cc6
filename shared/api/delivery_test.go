package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
)

// The test requests audio and ranges around the size limit of one answer, with each
// delivery.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	const redirected, tooLarge = http.StatusFound, http.StatusRequestEntityTooLarge
	whole := "bytes=0-" // as large as the whole audio
	tests := []struct {
		size     int
		ranges   string
		delivery media.Delivery
		status   int
		length   int // of a 200 or 206
	}{
		{1, "", media.Auto, 200, 1},
		{1, "", media.Inline, 200, 1},
		{1, "", media.Redirect, redirected, 0},
		{1, "bytes=0-0", media.Redirect, redirected, 0},
		{gatewayLimit, "", media.Auto, 200, gatewayLimit},
		{gatewayLimit, "", media.Inline, 200, gatewayLimit},
		{gatewayLimit, whole, media.Inline, 206, gatewayLimit},
		{gatewayLimit + 1, "", media.Auto, redirected, 0},
		{gatewayLimit + 1, "", media.Inline, tooLarge, 0},
		{gatewayLimit + 1, "", media.Redirect, redirected, 0},
		{gatewayLimit + 1, whole, media.Auto, redirected, 0},
		{gatewayLimit + 1, whole, media.Inline, tooLarge, 0},
		{gatewayLimit + 1, "bytes=1-", media.Auto, 206, gatewayLimit},
		{gatewayLimit + 1, "bytes=1-", media.Inline, 206, gatewayLimit},
		{gatewayLimit + 1, "bytes=0-4399999", media.Auto, 206, gatewayLimit},
		{gatewayLimit + 1, "bytes=0-4400000", media.Auto, redirected, 0},
		{gatewayLimit + 1, "bytes=-1", media.Auto, 206, 1},
		{gatewayLimit + 1, "bytes=-4400001", media.Inline, tooLarge, 0},
		{gatewayLimit + 1, "bytes=0-0,2-2", media.Auto, redirected, 0},
		{gatewayLimit + 1, "bytes=9000000-", media.Auto, 416, 0},
		{gatewayLimit + 1, "bytes=9000000-", media.Redirect, 416, 0},
	}
	apis := map[int]*single{}
	for _, size := range []int{1, gatewayLimit, gatewayLimit + 1} {
		apis[size] = newSingle(t, Delivery{})
		apis[size].put(t, noise(size), nil)
	}
	for _, tt := range tests {
		name := strconv.Itoa(tt.size) + " " + tt.ranges + " " + string(tt.delivery)
		t.Run(name, func(t *testing.T) {
			s := apis[tt.size]
			var header []string
			if tt.ranges != "" {
				header = []string{"Range", tt.ranges}
			}
			p := s.do(t, http.MethodGet, audioPath+"&delivery="+string(tt.delivery), "", header...)
			if p.status != tt.status {
				t.Fatalf("status = %d, want %d; body %.200s", p.status, tt.status, p.body)
			}
			if tt.length > 0 && (len(p.body) != tt.length || p.header.Get("Content-Length") != strconv.Itoa(tt.length)) {
				t.Errorf("got %d bytes, want %d", len(p.body), tt.length)
			}
			if tt.status == tooLarge && !strings.Contains(p.text(t, "data", "details"), "delivery=redirect") {
				t.Errorf("body = %s, want it to name the alternatives", p.body)
			}
			head := s.do(t, http.MethodHead, audioPath+"&delivery="+string(tt.delivery), "", header...)
			if got := head.header.Get("Content-Length"); head.status != 200 || got != strconv.Itoa(tt.size) || head.header.Get("Location") != "" {
				t.Errorf("HEAD = %d with length %s, want 200 with %d", head.status, got, tt.size)
			}
		})
	}
}

func TestDefaultDelivery(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{Default: media.Redirect})
	s.put(t, noise(10), nil)
	for query, status := range map[string]int{
		"": 302, "&delivery=": 302, "&delivery=undefined": 302, "&delivery=null": 302,
		"&delivery=auto": 200, "&delivery=inline": 200, "&delivery=AUTO": 400,
	} {
		if p := s.do(t, http.MethodGet, audioPath+query, ""); p.status != status {
			t.Errorf("GET with %q = %d, want %d", query, p.status, status)
		}
	}
	p := s.do(t, http.MethodGet, audioPath+"&delivery=stream", "")
	p.wantStatus(t, http.StatusBadRequest, "validation error")
	for _, name := range []media.Delivery{media.Auto, media.Inline, media.Redirect} {
		if !strings.Contains(p.body, `"`+string(name)+`"`) {
			t.Errorf("body = %s, want it to name %s", p.body, name)
		}
	}
	if strings.Contains(p.body, `"stream"]`) || strings.Contains(p.body, `"stream",`) {
		t.Errorf("body = %s, want no mention of stream, because this gateway does not stream", p.body)
	}
}

// deliveryNames lists the deliveries of transports.
func TestDeliveryNames(t *testing.T) {
	t.Parallel()
	if len(deliveryNames) != len(transports) {
		t.Errorf("%d names for %d transports", len(deliveryNames), len(transports))
	}
	for _, name := range deliveryNames {
		if _, ok := transportOf(media.Delivery(name)); !ok {
			t.Errorf("no delivery %q", name)
		}
	}
}

func TestRedirect(t *testing.T) {
	t.Parallel()
	s := newSingle(t, Delivery{Default: media.Redirect})
	data := noise(1000)
	rec := s.put(t, data, nil)
	p := s.do(t, http.MethodGet, audioPath+"&inline=true", "")
	p.wantStatus(t, http.StatusFound, "")
	if got := p.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q, want no-store", got)
	}
	if got := p.text(t, "status"); got != "success" || p.header.Get("Content-Type") != "application/json" {
		t.Errorf("body = %s of %s, want the envelope", p.body, p.header.Get("Content-Type"))
	}
	location, err := url.Parse(p.header.Get("Location"))
	if err != nil || location.Query().Get("X-Amz-Expires") != "724" || !strings.HasSuffix(location.Path, rec.AudioKey()) {
		t.Errorf("Location = %v, %v, want the object, valid for 724 s", location, err)
	}
	if strings.Contains(p.header.Get("Location"), s.token) {
		t.Error("Location holds the token")
	}
	got := follow(t, p, "X-Auth-Token", s.token, "Origin", "null")
	got.wantStatus(t, http.StatusOK, "")
	for name, want := range map[string]string{
		"Content-Type": "audio/mpeg", "Content-Disposition": `inline; filename="call.mp3"`, "Cache-Control": "private, no-cache",
		"ETag": s.do(t, http.MethodHead, audioPath, "").header.Get("ETag"),
	} {
		if value := got.header.Get(name); value != want {
			t.Errorf("%s = %q, want %q", name, value, want)
		}
	}
	if got.body != string(data) {
		t.Errorf("the body has %d bytes or differs", len(got.body))
	}
	part := follow(t, p, "Range", "bytes=10-19")
	part.wantStatus(t, http.StatusPartialContent, "")
	if part.body != string(data[10:20]) {
		t.Errorf("part = %q", part.body)
	}
	s.do(t, http.MethodGet, audioPath, "", "If-None-Match", got.header.Get("ETag")).wantStatus(t, http.StatusNotModified, "")
}

// A presigned URL lasts as long as listening takes.
func TestLifetime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ ttl, duration, want time.Duration }{
		{5 * time.Minute, time.Second, 10*time.Minute + 2*time.Second},
		{5 * time.Minute, 20 * time.Minute, 50 * time.Minute},
		{5 * time.Minute, 25 * time.Minute, time.Hour},
		{5 * time.Minute, 8 * time.Hour, time.Hour},
		{5 * time.Minute, 0, time.Hour},
		{30 * time.Minute, time.Minute, 30 * time.Minute},
		{2 * time.Hour, time.Minute, 2 * time.Hour},
	} {
		if got := (Delivery{PresignTTL: c.ttl}).lifetime(c.duration); got != c.want {
			t.Errorf("lifetime of %v with PresignTTL %v = %v, want %v", c.duration, c.ttl, got, c.want)
		}
	}
	s := newSingle(t, Delivery{Default: media.Redirect})
	s.put(t, noise(10), func(r *recording.Recording) { r.Document = `{"duration":1200,"duration_ms":1200000}` })
	location, err := url.Parse(s.do(t, http.MethodGet, audioPath, "").header.Get("Location"))
	if err != nil || location.Query().Get("X-Amz-Expires") != "3000" {
		t.Errorf("Location = %v, %v, want it valid for 3000 s", location, err)
	}
}

// A presigned URL ends with the recording, unless a hold keeps that.
func TestLifetimeUntilTheExpiry(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	soon := recording.SecondsOf(now.Add(7 * time.Minute))
	r := &request{env: &Env{Now: func() time.Time { return now }}}
	for _, c := range []struct {
		name string
		kept *recording.Kept
		want time.Duration
	}{
		{"kept for good", nil, time.Hour},
		{"expires soon", &recording.Kept{Expires: soon}, 7 * time.Minute},
		{"expires later", &recording.Kept{Expires: soon + 86400}, time.Hour},
		{"on hold", &recording.Kept{Expires: soon, Holds: []string{"H"}}, time.Hour},
		{"expires now", &recording.Kept{Expires: recording.SecondsOf(now)}, time.Second},
	} {
		if got := r.lifetime(time.Hour, expiryOf(&recording.Recording{Kept: c.kept})); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Clients send the Authorization header on to S3, which rejects it. So such clients get
// the bytes themselves if the bytes fit into one answer.
func TestAuthorizationIsNotRedirected(t *testing.T) {
	t.Parallel()
	small, large := newSingle(t, Delivery{Default: media.Redirect}), newSingle(t, Delivery{Default: media.Redirect})
	small.put(t, noise(10), nil)
	large.put(t, noise(gatewayLimit+1), nil)
	get := func(s *single, query string, header ...string) int {
		return s.do(t, http.MethodGet, audioPath+query, "", header...).status
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, audioPath, nil)
	r.Header.Set("Authorization", "Bearer "+small.token)
	bearer := serve(t, small.get, r)
	for _, c := range []struct {
		name   string
		status int
		want   int
	}{
		{"bearer", bearer.Code, http.StatusOK},
		{"bearer and X-Auth-Token", get(small, "", "Authorization", "Bearer x"), http.StatusOK},
		{"X-Auth-Token", get(small, ""), http.StatusFound},
		{"bearer that asks for a redirect", get(small, "&delivery=redirect", "Authorization", "Bearer x"), http.StatusFound},
		{"bearer and a range", get(large, "", "Authorization", "Bearer x", "Range", "bytes=0-9"), http.StatusPartialContent},
		{"bearer and large audio", get(large, "", "Authorization", "Bearer x"), http.StatusFound},
	} {
		if c.status != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.status, c.want)
		}
	}
}
