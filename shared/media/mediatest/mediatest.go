// Package mediatest is the suite that every audio store passes: package
// media's interfaces, what HTTP clients see through presigned URLs, and that
// memory does not grow with the audio. A behaviour that the suite does not pin
// down does not exist.
package mediatest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"callrecordings/shared/media"
)

// Store is what the suite tests.
type Store interface {
	media.Reader
	media.Remover
	media.Writer
	media.Uploader
	media.Objects
}

// Harness is a store under test.
type Harness struct {
	// Open gives the store, always over the same place, with the clock that
	// its presigned URLs begin at.
	Open func(t testing.TB, now func() time.Time) Store
	// Now is the real clock.
	Now func() time.Time
	// Unsigned says, by name and cause, that the store looks neither at
	// signatures nor at their expiry: an emulator's weakness. What should be
	// 403 must then be served, so that the suite fails when the emulator
	// begins to look and the declaration is to go.
	Unsigned string
}

// Run tests the store. The place may hold other objects; those that the suite
// makes have keys that begin with "mediatest/".
func Run(t *testing.T, h Harness) {
	s := &suite{h: h, Store: h.Open(t, h.Now)}
	cases := []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"objects of every size", sizes},
		{"parts", parts},
		{"the object that was asked for", changes},
		{"missing objects", missing},
		{"odd keys", keys},
		{"types", types},
		{"broken uploads", broken},
		{"removal", removal},
		{"presigned answers", answers},
		{"presigned life time", lifetime},
		{"forged URLs", forgery},
		{"presigned uploads", uploads},
		{"uploads that are not what was announced", mislabelled},
		{"uploads replace nothing", occupied},
		{"copies", copies},
		{"lists", lists},
		{"two hundred megabytes", large}, // last: it looks at the heap
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.test(t, s) })
	}
}

type suite struct {
	Store
	h Harness
}

// key makes a key of the test's own, and sees to its removal.
func (s *suite) key(t *testing.T, name string) string {
	t.Helper()
	key := "mediatest/" + strings.ReplaceAll(t.Name(), "/", "-") + "/" + name
	t.Cleanup(func() {
		if err := s.Remove(context.WithoutCancel(t.Context()), key); err != nil {
			t.Errorf("Remove(%q) = %v, want nil", key, err)
		}
	})
	return key
}

// put stores size bytes of the pattern.
func (s *suite) put(t *testing.T, name, contentType string, size int64) string {
	t.Helper()
	key := s.key(t, name)
	if err := s.Put(t.Context(), key, contentType, pattern(0, size), size); err != nil {
		t.Fatalf("Put(%q, %d bytes) = %v, want nil", key, size, err)
	}
	return key
}

// stat describes an object that is there.
func (s *suite) stat(t *testing.T, key string) media.Object {
	t.Helper()
	o, err := s.Stat(t.Context(), key)
	if err != nil {
		t.Fatalf("Stat(%q) = %v, want nil", key, err)
	}
	return o
}

// same reads body to its end, closes it, and compares it with want.
func same(t *testing.T, what string, body io.ReadCloser, want io.Reader) {
	t.Helper()
	defer func() { _ = body.Close() }()
	got, expected := sha256.New(), sha256.New()
	n, err := io.Copy(got, body)
	if err != nil {
		t.Fatalf("%s: reading = %v after %d bytes, want nil", what, err, n)
	}
	m, _ := io.Copy(expected, want)
	if n != m || !bytes.Equal(got.Sum(nil), expected.Sum(nil)) {
		t.Errorf("%s: %d bytes, not the %d expected ones", what, n, m)
	}
}

// wantError checks that err is one of package media's, and no other.
func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	for _, e := range []error{media.ErrNotFound, media.ErrChanged, media.ErrUnavailable} {
		if errors.Is(err, e) != errors.Is(want, e) {
			t.Errorf("%s = %v, want %v", what, err, want)
		}
	}
}

// pattern is size bytes from the offset on of an endless sequence. It repeats
// a block of prime length, so that no part of an upload looks like another.
func pattern(offset, size int64) io.Reader {
	return io.LimitReader(&sequence{at: offset}, size)
}

type sequence struct{ at int64 }

var block = func() []byte {
	b := make([]byte, 65_521)
	for i := range b {
		b[i] = byte(uint64(i) * 0x9E3779B97F4A7C15 >> 56)
	}
	return b
}()

func (s *sequence) Read(p []byte) (int, error) {
	n := copy(p, block[s.at%int64(len(block)):])
	s.at += int64(n)
	return n, nil
}

// fetch asks url as any client would, and closes the body after look.
func fetch(t *testing.T, method, url string, header http.Header, look func(*http.Response)) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatalf("request: %v", err)
	}
	r.Header = header
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, r.URL.Path, err)
	}
	defer func() { _ = res.Body.Close() }()
	look(res)
}

// refused is the status of what is not or no longer signed.
func (s *suite) refused() int {
	if s.h.Unsigned != "" {
		return http.StatusOK
	}
	return http.StatusForbidden
}

// status asks url and returns the status only.
func status(t *testing.T, method, url string) (code int) {
	t.Helper()
	fetch(t, method, url, http.Header{}, func(res *http.Response) { code = res.StatusCode })
	return code
}
