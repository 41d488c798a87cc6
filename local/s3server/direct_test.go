package s3server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
)

// own returns a client in the process of the server, with or without its transport.
func own(t *testing.T, s *s3server.Server, secret string, transport func(http.RoundTripper) http.RoundTripper) *s3media.Bucket {
	t.Helper()
	b, err := s3media.Open(s3media.Options{
		Region: "us-east-1", Endpoint: s.InternalURL(), PublicEndpoint: s.URL(), Bucket: "recordings", Transport: transport,
		Credentials: credentials.NewStaticCredentialsProvider("local", secret, ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.CloseIdleConnections)
	return b
}

// outcome describes the result of a read, so that results can be compared.
func outcome(body io.ReadCloser, o media.Object, err error) string {
	if err != nil {
		kind := "another error"
		for _, known := range []error{media.ErrNotFound, media.ErrChanged, media.ErrUnavailable, media.ErrOccupied} {
			if errors.Is(err, known) {
				kind = known.Error()
			}
		}
		return kind
	}
	data := []byte("none")
	if body != nil {
		data, err = io.ReadAll(body)
		_ = body.Close()
	}
	return fmt.Sprintf("%+v %d %q %v", o, len(data), data[:min(len(data), 20)], err)
}

// Reads give the same result with and without a connection.
func TestDirectReadsEqualThoseOverAConnection(t *testing.T) {
	t.Parallel()
	s, stop := start(t, options(t.TempDir()))
	direct, connected := own(t, s, "secret", s.Transport), own(t, s, "secret", nil)
	large := bytes.Repeat([]byte("0123456789abcdef"), 300_000)
	for key, data := range map[string][]byte{"a/large": large, "a/small ü+": []byte("text"), "a/empty": nil} {
		if err := direct.Put(t.Context(), key, "audio/mpeg", bytes.NewReader(data), int64(len(data))); err != nil {
			t.Fatal(err)
		}
	}
	o, err := connected.Stat(t.Context(), "a/large")
	if err != nil {
		t.Fatal(err)
	}
	forged, forgedConnected := own(t, s, "wrong", s.Transport), own(t, s, "wrong", nil)
	for _, c := range []struct {
		name              string
		direct, connected *s3media.Bucket
		do                func(b *s3media.Bucket) string
	}{
		{"stat", direct, connected, func(b *s3media.Bucket) string {
			o, err := b.Stat(t.Context(), "a/small ü+")
			return outcome(nil, o, err)
		}},
		{"stat of nothing", direct, connected, func(b *s3media.Bucket) string { o, err := b.Stat(t.Context(), "b"); return outcome(nil, o, err) }},
		{"a wrong key", forged, forgedConnected, func(b *s3media.Bucket) string { o, err := b.Stat(t.Context(), "a/large"); return outcome(nil, o, err) }},
		{"large", direct, connected, func(b *s3media.Bucket) string { return outcome(b.Open(t.Context(), "a/large", o.ETag, nil)) }},
		{"small", direct, connected, func(b *s3media.Bucket) string { return outcome(b.Open(t.Context(), "a/small ü+", "", nil)) }},
		{"empty", direct, connected, func(b *s3media.Bucket) string { return outcome(b.Open(t.Context(), "a/empty", "", nil)) }},
		{"a part", direct, connected, func(b *s3media.Bucket) string {
			return outcome(b.Open(t.Context(), "a/large", "", &media.Part{Offset: 1_000_001, Length: 2_000_000}))
		}},
		{"a part beyond the end", direct, connected, func(b *s3media.Bucket) string {
			return outcome(b.Open(t.Context(), "a/small ü+", "", &media.Part{Offset: 2, Length: 20}))
		}},
		{"changed", direct, connected, func(b *s3media.Bucket) string { return outcome(b.Open(t.Context(), "a/large", `"x"`, nil)) }},
		{"nothing", direct, connected, func(b *s3media.Bucket) string { return outcome(b.Open(t.Context(), "b", "", nil)) }},
		{"list", direct, connected, func(b *s3media.Bucket) string {
			keys, err := b.List(t.Context(), "a/", "")
			return fmt.Sprint(keys, err)
		}},
	} {
		if diff := cmp.Diff(c.do(c.connected), c.do(c.direct)); diff != "" {
			t.Errorf("%s (-over a connection +direct):\n%s", c.name, diff)
		}
	}
	stop()
	if _, err := direct.Stat(t.Context(), "a/large"); !errors.Is(err, media.ErrUnavailable) {
		t.Errorf("Stat after Close = %v, want ErrUnavailable", err)
	}
}

// Many clients read at once, and each gets the bytes of its object. Some stop in the
// middle, or their context ends.
func TestDirectReadsAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	b := own(t, s, "secret", s.Transport)
	const size = 1_500_000
	for i := range 8 {
		data := bytes.Repeat([]byte{byte('a' + i)}, size)
		if err := b.Put(t.Context(), strconv.Itoa(i), "audio/mpeg", bytes.NewReader(data), size); err != nil {
			t.Fatal(err)
		}
	}
	var clients sync.WaitGroup
	for i := range 64 {
		clients.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			body, _, err := b.Open(ctx, strconv.Itoa(i%8), "", nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = body.Close() }()
			buf := make([]byte, 100_000)
			if _, err := io.ReadFull(body, buf); err != nil {
				t.Error(err)
			}
			switch i % 3 {
			case 0:
				cancel()
				if _, err := io.ReadAll(body); err == nil {
					t.Error("reading after the context has ended = nil, want an error")
				}
			case 1:
				rest, err := io.ReadAll(body)
				if want := strings.Repeat(string(rune('a'+i%8)), size); err != nil || string(buf)+string(rest) != want {
					t.Errorf("client %d got other bytes: %v", i, err)
				}
			}
		})
	}
	clients.Wait()
}

// If the file ends too early, the client gets an error instead of a short body.
func TestADirectReadOfAShortFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := start(t, options(dir))
	b := own(t, s, "secret", s.Transport)
	const size = 1_000_000
	if err := b.Put(t.Context(), "key", "audio/mpeg", bytes.NewReader(make([]byte, size)), size); err != nil {
		t.Fatal(err)
	}
	body, _, err := b.Open(t.Context(), "key", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "objects", "recordings", "key"), 1000); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, body); err == nil {
		t.Errorf("read %d bytes of a truncated file without an error", n)
	}
	_ = body.Close()
}

// Size finds the size of an object without a request.
func TestSize(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	put(t, bucket(t, s, "local", "secret"), "a/b", "audio/mpeg", "text")
	for key, want := range map[string]string{"a/b": "4 true <nil>", "a": "0 false <nil>", "a/b/c": "0 false <nil>", "a/c": "0 false <nil>"} {
		size, stored, err := s.Size(key)
		if got := fmt.Sprint(size, stored, err); got != want {
			t.Errorf("Size(%q) = %s, want %s", key, got, want)
		}
	}
	if _, _, err := s.Size("a\x00"); err == nil {
		t.Error("Size of an invalid key = nil, want an error")
	}
}
