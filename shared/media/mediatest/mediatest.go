// Package mediatest is the test suite that every audio store passes. It covers
// package media's interfaces, presigned URLs as HTTP clients use them, and constant
// memory. Callers must not rely on behavior that the suite does not cover.
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

	"github.com/callrecordings/api/shared/media"
)

// Store is the store under test.
type Store interface {
	media.Reader
	media.Remover
	media.Writer
	media.Uploader
	media.Objects
	media.Inventory
}

// Harness opens the store under test.
type Harness struct {
	// Open returns the store. now is the clock for its presigned URLs. Every call
	// opens the same storage.
	Open func(t testing.TB, now func() time.Time) Store
	// Now is the real clock.
	Now func() time.Time
	// Unsigned is the reason why the store, an emulator, checks neither signatures
	// nor their expiry; "" means that it checks both. Such a store must serve
	// requests that should get 403. The suite thus fails once the emulator starts
	// to check signatures; then remove this reason.
	Unsigned string
}

// Run tests the store. The storage may hold other objects; the keys of the suite's
// objects start with "mediatest/".
func Run(t *testing.T, h Harness) {
	s := &suite{h: h, Store: h.Open(t, h.Now)}
	cases := []struct {
		name string
		test func(*testing.T, *suite)
	}{
		{"objects of every size", sizes},
		{"parts", parts},
		{"changed objects", changes},
		{"missing objects", missing},
		{"odd keys", keys},
		{"content types", types},
		{"failed uploads", broken},
		{"removal", removal},
		{"removal of a certain object", removalIf},
		{"returns to an earlier version", reverts},
		{"purges", purges},
		{"presigned answers", answers},
		{"lifetime of presigned URLs", lifetime},
		{"forged URLs", forgery},
		{"presigned uploads", uploads},
		{"uploads that differ from their announcement", mismatched},
		{"uploads replace nothing", occupied},
		{"copies", copies},
		{"lists", lists},
		{"inventory", inventory},
		{"two hundred megabytes", large}, // last, because it measures the heap
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.test(t, s) })
	}
}

type suite struct {
	Store
	h Harness
}

// key returns a key of the test and removes its object afterwards.
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

// stat describes an existing object.
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
		t.Errorf("%s: read %d bytes, which differ from the %d expected bytes", what, n, m)
	}
}

// wantError checks that err wraps want and no other error of package media.
func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	for _, e := range []error{media.ErrNotFound, media.ErrChanged, media.ErrUnavailable} {
		if errors.Is(err, e) != errors.Is(want, e) {
			t.Errorf("%s = %v, want %v", what, err, want)
		}
	}
}

// pattern returns size bytes of an endless sequence, from the offset on. The
// sequence repeats a block of prime length, so that no two parts of an upload are
// equal.
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

// fetch requests url as any client would, and closes the body after check.
func fetch(t *testing.T, method, url string, header http.Header, check func(*http.Response)) {
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
	check(res)
}

// forbidden is the status for requests without a valid signature.
func (s *suite) forbidden() int {
	if s.h.Unsigned != "" {
		return http.StatusOK
	}
	return http.StatusForbidden
}

// status requests url and returns the status.
func status(t *testing.T, method, url string) (code int) {
	t.Helper()
	fetch(t, method, url, http.Header{}, func(res *http.Response) { code = res.StatusCode })
	return code
}
