package mediatest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"callrecordings/shared/media"
)

// utf8Disposition names a file beyond ASCII, as RFC 6266 has it.
const utf8Disposition = `attachment; filename="Gesprach.mp3"; filename*=UTF-8''Gespr%C3%A4ch%20%E2%82%AC.mp3`

// answers checks what a client gets that was redirected.
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
	for _, c := range []struct {
		name         string
		grant        media.Grant
		ranges       string
		noneMatch    string
		status       int
		from, length int64
		header       map[string]string
	}{
		{"whole", full, "", "", 200, 0, size, given},
		{"as stored", media.Grant{TTL: time.Minute}, "", "", 200, 0, size, stored},
		{"first bytes", full, "bytes=0-9", "", 206, 0, 10, given},
		{"rest", full, "bytes=990-", "", 206, 990, 10, given},
		{"suffix", full, "bytes=-5", "", 206, 995, 5, given},
		{"behind the end", full, "bytes=1000-", "", 416, 0, -1, nil},
		{"not modified", full, "", o.ETag, 304, 0, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			link, err := s.Presign(t.Context(), key, c.grant)
			if err != nil {
				t.Fatalf("Presign = %v, want nil", err)
			}
			ask := http.Header{"X-Auth-Token": {"some.jwt"}} // travels along a redirect
			if c.ranges != "" {
				ask.Set("Range", c.ranges)
			}
			if c.noneMatch != "" {
				ask.Set("If-None-Match", c.noneMatch)
			}
			res := fetch(t, http.MethodGet, link, ask)
			defer func() { _ = res.Body.Close() }()
			if res.StatusCode != c.status {
				t.Fatalf("status = %d, want %d", res.StatusCode, c.status)
			}
			for name, want := range c.header {
				if got := res.Header.Get(name); got != want {
					t.Errorf("%s = %q, want %q", name, got, want)
				}
			}
			if c.length < 0 {
				return
			}
			same(t, c.name, res.Body, pattern(c.from, c.length))
			if got := res.Header.Get("ETag"); got != o.ETag && c.length > 0 {
				t.Errorf("ETag = %s, want %s", got, o.ETag)
			}
			if c.status == 206 {
				want := "bytes " + strconv.FormatInt(c.from, 10) + "-" + strconv.FormatInt(c.from+c.length-1, 10) + "/1000"
				if got := res.Header.Get("Content-Range"); got != want {
					t.Errorf("Content-Range = %q, want %q", got, want)
				}
			}
		})
	}
	t.Run("empty", func(t *testing.T) {
		link, err := s.Presign(t.Context(), s.put(t, "empty", "audio/mpeg", 0), full)
		if err != nil {
			t.Fatalf("Presign = %v, want nil", err)
		}
		res := fetch(t, http.MethodGet, link, nil)
		if res.StatusCode != 200 || res.Header.Get("Content-Length") != "0" {
			t.Errorf("GET = %d with length %q, want 200 with 0", res.StatusCode, res.Header.Get("Content-Length"))
		}
		same(t, "empty", res.Body, strings.NewReader(""))
	})
}

// lifetime signs in the past instead of waiting.
func lifetime(t *testing.T, s *suite) {
	key := s.put(t, "audio", "audio/mpeg", 10)
	for _, c := range []struct {
		name     string
		age, ttl time.Duration
		want     int
	}{
		{"fresh", 0, time.Minute, 200},
		{"almost over", 4 * time.Minute, 5 * time.Minute, 200},
		{"over", 6 * time.Minute, 5 * time.Minute, s.refused(403)},
		{"long over", 30 * 24 * time.Hour, 7 * 24 * time.Hour, s.refused(403)},
	} {
		past := s.h.Open(t, func() time.Time { return s.h.Now().Add(-c.age) })
		link, err := past.Presign(t.Context(), key, media.Grant{TTL: c.ttl})
		if err != nil {
			t.Fatalf("%s: Presign = %v, want nil", c.name, err)
		}
		if got := status(t, link); got != c.want {
			t.Errorf("%s: GET = %d, want %d", c.name, got, c.want)
		}
	}
	for _, ttl := range []time.Duration{-time.Second, 0, 7*24*time.Hour + time.Second} {
		if link, err := s.Presign(t.Context(), key, media.Grant{TTL: ttl}); err == nil {
			t.Errorf("Presign(TTL %v) = %q, want an error", ttl, link)
		}
	}
}

// forgery changes what was signed. Nothing of it may open an object.
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
		{"anonymous", func(_ *url.URL, q url.Values) { clear(q) }, s.refused(403)},
		{"no signature", func(_ *url.URL, q url.Values) { q.Del("X-Amz-Signature") }, 400},
		{"another signature", func(_ *url.URL, q url.Values) {
			sign := q.Get("X-Amz-Signature")
			flipped := strings.Map(func(r rune) rune { return '0' + (r+1)%10 }, sign)
			q.Set("X-Amz-Signature", flipped)
		}, s.refused(403)},
		{"another object", func(u *url.URL, _ url.Values) {
			u.RawPath = ""
			u.Path = strings.TrimSuffix(u.Path, key) + other
		}, s.refused(403)},
		{"another type", func(_ *url.URL, q url.Values) { q.Set("response-content-type", "text/html") }, s.refused(403)},
		{"an added header", func(_ *url.URL, q url.Values) { q.Set("response-cache-control", "public") }, s.refused(403)},
		{"a longer life", func(_ *url.URL, q url.Values) { q.Set("X-Amz-Expires", "3600") }, s.refused(403)},
		{"another day", func(_ *url.URL, q url.Values) {
			q.Set("X-Amz-Date", s.h.Now().UTC().Add(time.Minute).Format("20060102T150405Z"))
		}, s.refused(403)},
		{"another key pair", func(_ *url.URL, q url.Values) {
			q.Set("X-Amz-Credential", "OTHER"+q.Get("X-Amz-Credential"))
		}, s.refused(403)},
	} {
		u, err := url.Parse(link)
		if err != nil {
			t.Fatalf("the URL does not parse: %v", err)
		}
		q := u.Query()
		c.edit(u, q)
		u.RawQuery = q.Encode()
		if got := status(t, u.String()); got != c.want {
			t.Errorf("%s: GET = %d, want %d", c.name, got, c.want)
		}
	}
	res := fetch(t, http.MethodPut, link, nil)
	if _ = res.Body.Close(); res.StatusCode != s.refused(403) {
		t.Errorf("PUT to a URL for GET = %d, want %d", res.StatusCode, s.refused(403))
	}
}
