package mediatest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/media"
)

// utf8Disposition has a file name with non-ASCII characters (RFC 6266).
const utf8Disposition = `attachment; filename="Gesprach.mp3"; filename*=UTF-8''Gespr%C3%A4ch%20%E2%82%AC.mp3`

// urlCase is a request with a presigned URL and the expected answer: length bytes
// of the pattern, starting at the offset from. If length is negative, the body is
// not checked.
type urlCase struct {
	name         string
	grant        media.Grant
	ranges       string
	noneMatch    string
	status       int
	from, length int64
	header       map[string]string
}

// answers checks the answers to presigned URLs.
func answers(t *testing.T, s *suite) {
	const size = 1000
	key := s.put(t, "audio", "application/octet-stream", size)
	o := s.stat(t, key)
	full := media.Grant{
		ContentType: "audio/ogg; codecs=opus", Disposition: utf8Disposition,
		CacheControl: "private, max-age=300", TTL: 5 * time.Minute,
	}
	given := map[string]string{
		"Content-Type": full.ContentType, "Content-Disposition": full.Disposition, "Cache-Control": full.CacheControl,
	}
	stored := map[string]string{"Content-Type": "application/octet-stream", "Content-Disposition": "", "Cache-Control": ""}
	part := func(span string) map[string]string {
		return map[string]string{
			"Content-Type": full.ContentType, "Content-Disposition": full.Disposition,
			"Content-Range": "bytes " + span, "ETag": o.ETag,
		}
	}
	for _, c := range []urlCase{
		{"whole", full, "", "", http.StatusOK, 0, size, given},
		{"without headers in the grant", media.Grant{TTL: time.Minute}, "", "", http.StatusOK, 0, size, stored},
		{"with its ETag", full, "", "", http.StatusOK, 0, size, map[string]string{"ETag": o.ETag, "Content-Length": "1000", "Accept-Ranges": "bytes"}},
		{"first bytes", full, "bytes=0-9", "", http.StatusPartialContent, 0, 10, part("0-9/1000")},
		{"rest", full, "bytes=990-", "", http.StatusPartialContent, 990, 10, part("990-999/1000")},
		{"suffix", full, "bytes=-5", "", http.StatusPartialContent, 995, 5, part("995-999/1000")},
		{"range after the end", full, "bytes=1000-", "", http.StatusRequestedRangeNotSatisfiable, 0, -1, nil},
		{"not modified", full, "", o.ETag, http.StatusNotModified, 0, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) { s.request(t, key, c) })
	}
	empty := s.put(t, "empty", "audio/mpeg", 0)
	t.Run("empty", func(t *testing.T) {
		s.request(t, empty, urlCase{"", full, "", "", http.StatusOK, 0, 0, map[string]string{"Content-Length": "0"}})
	})
}

// request sends the request of c for the object at key and checks the answer.
func (s *suite) request(t *testing.T, key string, c urlCase) {
	t.Helper()
	link, err := s.Presign(t.Context(), key, c.grant)
	if err != nil {
		t.Fatalf("Presign = %v, want nil", err)
	}
	header := http.Header{"X-Auth-Token": {"some.jwt"}} // clients resend it when they follow a redirect
	if c.ranges != "" {
		header.Set("Range", c.ranges)
	}
	if c.noneMatch != "" {
		header.Set("If-None-Match", c.noneMatch)
	}
	fetch(t, http.MethodGet, link, header, func(res *http.Response) {
		if res.StatusCode != c.status {
			t.Fatalf("status = %d, want %d", res.StatusCode, c.status)
		}
		for name, want := range c.header {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s = %q, want %q", name, got, want)
			}
		}
		if c.length >= 0 {
			same(t, "body", res.Body, pattern(c.from, c.length))
		}
	})
}

// lifetime signs URLs in the past instead of waiting for them to expire.
func lifetime(t *testing.T, s *suite) {
	key := s.put(t, "audio", "audio/mpeg", 10)
	for _, c := range []struct {
		name     string
		age, ttl time.Duration
		want     int
	}{
		{"new", 0, time.Minute, http.StatusOK},
		{"almost expired", 4 * time.Minute, 5 * time.Minute, http.StatusOK},
		{"expired", 6 * time.Minute, 5 * time.Minute, s.forbidden()},
		{"expired long ago", 30 * 24 * time.Hour, 7 * 24 * time.Hour, s.forbidden()},
	} {
		past := s.h.Open(t, func() time.Time { return s.h.Now().Add(-c.age) })
		link, err := past.Presign(t.Context(), key, media.Grant{TTL: c.ttl})
		if err != nil {
			t.Fatalf("%s: Presign = %v, want nil", c.name, err)
		}
		if got := status(t, http.MethodGet, link); got != c.want {
			t.Errorf("%s: GET = %d, want %d", c.name, got, c.want)
		}
	}
	for _, ttl := range []time.Duration{-time.Second, 0, 7*24*time.Hour + time.Second} {
		if link, err := s.Presign(t.Context(), key, media.Grant{TTL: ttl}); err == nil {
			t.Errorf("Presign(TTL %v) = %q, want an error", ttl, link)
		}
	}
}

// forgery tampers with a signed URL. None of the results may open an object.
func forgery(t *testing.T, s *suite) {
	key, other := s.put(t, "audio", "audio/mpeg", 10), s.put(t, "other", "audio/mpeg", 10)
	link, err := s.Presign(t.Context(), key, media.Grant{ContentType: "audio/mpeg", TTL: time.Minute})
	if err != nil {
		t.Fatalf("Presign = %v, want nil", err)
	}
	for _, c := range []struct {
		name string
		edit func(*url.URL, url.Values)
		want int
	}{
		{"anonymous", func(_ *url.URL, q url.Values) { clear(q) }, s.forbidden()},
		// S3 treats it as an incomplete request.
		{"no signature", func(_ *url.URL, q url.Values) { q.Del("X-Amz-Signature") }, http.StatusBadRequest},
		{"another signature", func(_ *url.URL, q url.Values) {
			sign := q.Get("X-Amz-Signature")
			flipped := strings.Map(func(r rune) rune { return '0' + (r+1)%10 }, sign)
			q.Set("X-Amz-Signature", flipped)
		}, s.forbidden()},
		{"another object", func(u *url.URL, _ url.Values) {
			u.RawPath = ""
			u.Path = strings.TrimSuffix(u.Path, key) + other
		}, s.forbidden()},
		{"another type", func(_ *url.URL, q url.Values) { q.Set("response-content-type", "text/html") }, s.forbidden()},
		{"an added header", func(_ *url.URL, q url.Values) { q.Set("response-cache-control", "public") }, s.forbidden()},
		{"a longer validity", func(_ *url.URL, q url.Values) { q.Set("X-Amz-Expires", "3600") }, s.forbidden()},
		{"another day", func(_ *url.URL, q url.Values) {
			q.Set("X-Amz-Date", s.h.Now().UTC().Add(time.Minute).Format("20060102T150405Z"))
		}, s.forbidden()},
		{"another key pair", func(_ *url.URL, q url.Values) {
			q.Set("X-Amz-Credential", "OTHER"+q.Get("X-Amz-Credential"))
		}, s.forbidden()},
	} {
		u, err := url.Parse(link)
		if err != nil {
			t.Fatalf("the URL does not parse: %v", err)
		}
		q := u.Query()
		c.edit(u, q)
		u.RawQuery = q.Encode()
		if got := status(t, http.MethodGet, u.String()); got != c.want {
			t.Errorf("%s: GET = %d, want %d", c.name, got, c.want)
		}
	}
	if got := status(t, http.MethodPut, link); got != s.forbidden() {
		t.Errorf("PUT to a URL for GET = %d, want %d", got, s.forbidden())
	}
}
