package s3server_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
)

func presigned(t *testing.T, s *s3server.Server, key string) string {
	t.Helper()
	link, err := bucket(t, s, "local", "secret").Presign(t.Context(), key, media.Grant{TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return link
}

// wantAnswer sends a request with an Authorization header, unless that is "", and returns the
// headers of the answer.
func wantAnswer(t *testing.T, method, link, authorization string, status int, text string) http.Header {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, link, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	r.Header.Set("Origin", "null")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode != status || !strings.Contains(string(body), text) || err != nil {
		t.Errorf("%s with %q = %d %s, %v, want %d with %q", method, authorization, res.StatusCode, body, err, status, text)
	}
	if got := res.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("%s with %q: Access-Control-Allow-Origin = %q, want *", method, authorization, got)
	}
	return res.Header
}

func dial(t *testing.T, link string) net.Conn {
	t.Helper()
	host, _, _ := strings.Cut(strings.TrimPrefix(link, "http://"), "/")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// A malformed path is a 400.
func TestMalformedPaths(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	for _, target := range []string{"/%zz", "/recordings/%", "/recordings/a%2", "/recordings/key?%zz=1", "/recordings/key?X-Amz-Algorithm=%zz"} {
		conn := dial(t, s.URL())
		_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", target)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("GET %s: %v", target, err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusBadRequest && (res.StatusCode != http.StatusForbidden || !strings.Contains(target, "?")) {
			t.Errorf("GET %s = %d, want 400", target, res.StatusCode)
		}
	}
}

// Idle connections block neither other clients nor the API.
func TestSilentConnections(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.MaxConnections = 8
	s, _ := start(t, o)
	put(t, bucket(t, s, "local", "secret"), "key", "audio/mpeg", "text")
	link := presigned(t, s, "key")
	for range 3 * o.MaxConnections {
		dial(t, s.URL())
	}
	begun := time.Now()
	wantAnswer(t, http.MethodGet, link, "", http.StatusOK, "text")
	if waited := time.Since(begun); waited > 5*time.Second {
		t.Errorf("the answer took %v, want it at once", waited)
	}

	// Clients that have started a request and then stall use up the connections of
	// the port until they time out. The API has its own port.
	for range o.MaxConnections {
		_, _ = io.WriteString(dial(t, s.URL()), "GET /recordings/key HTTP/1.1\r\n")
	}
	time.Sleep(50 * time.Millisecond)
	own, err := s3media.Open(s3media.Options{
		Region: "us-east-1", Endpoint: s.InternalURL(), PublicEndpoint: s.URL(), Bucket: "recordings",
		Credentials: credentials.NewStaticCredentialsProvider("local", "secret", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := own.Stat(ctx, "key"); err != nil {
		t.Errorf("Stat through the internal URL = %v, want nil", err)
	}
	if link, err := own.Presign(ctx, "key", media.Grant{TTL: time.Minute}); err != nil || !strings.HasPrefix(link, s.URL()) {
		t.Errorf("Presign = %s, %v, want a URL of the public port", link, err)
	}
}

// A body above the maximum length is rejected before its first byte. An announced
// length takes up no space until the bytes arrive.
func TestMaxBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := options(dir)
	o.MaxBytes = 6 << 20
	s, _ := start(t, o)
	b := bucket(t, s, "local", "secret")
	if r, err := b.PresignPut(t.Context(), "big", media.Admission{TTL: time.Minute}); err != nil {
		t.Fatal(err)
	} else {
		conn := dial(t, r.URL)
		target := strings.TrimPrefix(r.URL, s.URL())
		_, _ = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nIf-None-Match: *\r\nContent-Length: %d\r\n\r\n", target, strings.TrimPrefix(s.URL(), "http://"), o.MaxBytes+1)
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			t.Errorf("PUT of a byte too many = %d, want 400", res.StatusCode)
		}
		conn = dial(t, r.URL)
		_, _ = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nIf-None-Match: *\r\nContent-Length: %d\r\n\r\n1234567890", target, strings.TrimPrefix(s.URL(), "http://"), o.MaxBytes)
		for end := time.Now().Add(5 * time.Second); used(t, dir) < 10 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		}
		if n := used(t, dir); n != 10 {
			t.Errorf("%d bytes are in use, want the ten that were sent", n)
		}
	}
	// For a multipart upload, the limit applies to the sum of the parts.
	c, key := client(s), aws.String("parts")
	made, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: inBucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	for n, fits := range []bool{true, false} {
		_, err := c.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: inBucket, Key: key, UploadId: made.UploadId, PartNumber: aws.Int32(int32(n + 1)), Body: bytes.NewReader(make([]byte, 5<<20)),
		})
		if (err == nil) != fits {
			t.Errorf("part %d = %v, want success: %v", n+1, err, fits)
		}
	}
}

// used returns the sum of the sizes of all temporary files.
func used(t *testing.T, dir string) (n int64) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "tmp", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			n += info.Size()
		}
	}
	return n
}

// Clients that read slowly hold little memory.
func TestSlowReaders(t *testing.T) {
	s, _ := start(t, options(t.TempDir()))
	put(t, bucket(t, s, "local", "secret"), "key", "audio/mpeg", strings.Repeat("x", 24<<20))
	target := strings.TrimPrefix(presigned(t, s, "key"), s.URL())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const clients = 50
	for range clients {
		conn := dial(t, s.URL())
		_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, strings.TrimPrefix(s.URL(), "http://"))
		if _, err := io.ReadFull(conn, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / clients; each > 64<<10 {
		t.Errorf("each slow reader holds %d KiB, want at most 64", each>>10)
	} else {
		t.Logf("each slow reader holds %d KiB", each>>10)
	}
}

// Slow clients of one account leave room for those of another, and for the internal port.
func TestSlowClientsOfOneAccountLeaveRoom(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.MaxConnections = 8
	s, _ := start(t, o)
	b := bucket(t, s, "local", "secret")
	put(t, b, "recordings/slow/1", "audio/wav", "slow")
	put(t, b, "recordings/other/1", "audio/wav", "other")
	b.CloseIdleConnections()
	slow, err := b.PresignPut(t.Context(), "recordings/slow/2", media.Admission{TTL: time.Minute, Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(s.URL(), "http://")
	head := []string{"PUT " + strings.TrimPrefix(slow.URL, s.URL()) + " HTTP/1.1", "Host: " + host, "Content-Length: 10"}
	for name, value := range slow.Header {
		head = append(head, name+": "+value)
	}
	var open []net.Conn
	for range 6 {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // it ends with the test
		open = append(open, c)
		if _, err := io.WriteString(c, strings.Join(head, "\r\n")+"\r\n\r\nx"); err != nil {
			t.Fatal(err)
		}
	}
	for files := 0; files < len(open); time.Sleep(time.Millisecond) { // each has begun
		entries, err := os.ReadDir(filepath.Join(o.Dir, "tmp"))
		if err != nil {
			t.Fatal(err)
		}
		files = len(entries)
	}
	refused := wantAnswer(t, http.MethodGet, presigned(t, s, "recordings/slow/1"), "", http.StatusServiceUnavailable, "SlowDown")
	if seconds, err := strconv.Atoi(refused.Get("Retry-After")); err != nil || seconds < 1 {
		t.Errorf("Retry-After of a refusal = %q, want seconds", refused.Get("Retry-After"))
	}
	wantAnswer(t, http.MethodGet, presigned(t, s, "recordings/other/1"), "", http.StatusOK, "other")
	_ = open[0].Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := b.Stat(t.Context(), "recordings/slow/1"); err == nil {
			return
		} else if time.Now().After(end) {
			t.Fatalf("Stat after a slow client has gone = %v, want nil", err)
		}
	}
}
