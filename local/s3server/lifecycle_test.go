package s3server_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/local/s3server"
)

// The server neither prints nor changes the working directory. The test replaces both, so it is not parallel.
func TestTheServerHasNoSideEffects(t *testing.T) {
	t.Chdir(t.TempDir())
	before, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	printed, err := os.Create(filepath.Join(t.TempDir(), "printed"))
	if err != nil {
		t.Fatal(err)
	}
	out, errOut := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = printed, printed
	defer func() { os.Stdout, os.Stderr = out, errOut }()

	s, stop := start(t, options("relative"))
	b := bucket(t, s, "local", "secret")
	put(t, b, "key", "audio/mpeg", "text")
	_ = bucket(t, s, "local", "wrong").Warm(t.Context())
	_, _ = b.Stat(t.Context(), "nothing")
	for _, request := range []string{"NO SENSE", "GET /%zz HTTP/1.1\r\nHost: x", "GET /recordings/%2 HTTP/1.1\r\nHost: x"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, request+"\r\nConnection: close\r\n\r\n")
		_, _ = io.ReadAll(conn)
		_ = conn.Close()
	}
	stop()

	os.Stdout, os.Stderr = out, errOut
	if after, _ := os.Getwd(); after != before {
		t.Errorf("the working directory is %s, want %s", after, before)
	}
	if text, _ := os.ReadFile(printed.Name()); len(text) > 0 {
		t.Errorf("the server printed %q, want nothing", text)
	}
	if _, err := os.Stat("relative/objects/recordings/key"); err != nil {
		t.Errorf("the object's file: %v", err)
	}
	if rest, _ := filepath.Glob("*"); len(rest) != 1 {
		t.Errorf("the working directory holds %v, want only the data folder", rest)
	}
}

// Close leaves no goroutines running. The test inspects all goroutines, so it is
// not parallel.
func TestCloseLeavesNothingRunning(t *testing.T) {
	for range 3 {
		s, stop := start(t, options(t.TempDir()))
		b := bucket(t, s, "local", "secret")
		put(t, b, "key", "audio/mpeg", strings.Repeat("x", 9<<20))
		stop()
		stop() // a second Close does nothing
		if err := b.Warm(t.Context()); err == nil {
			t.Error("Warm after Close = nil, want an error")
		}
	}
	var rest []string
	for range 1000 {
		rest = rest[:0]
		buf := make([]byte, 1<<20)
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "s3server.") && !strings.Contains(g, "testing.tRunner") {
				rest = append(rest, g)
			}
		}
		if len(rest) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond) // goroutines end shortly after Close
	}
	t.Errorf("still running:\n%s", strings.Join(rest, "\n\n"))
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	running, _ := start(t, options(t.TempDir()))
	inUse := strings.TrimPrefix(running.URL(), "http://")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		edit func(*s3server.Options)
		want []string
	}{
		{"a port in use", func(o *s3server.Options) { o.Addr = inUse }, []string{inUse, "address already in use"}},
		{"no address", func(o *s3server.Options) { o.Addr = "9000" }, []string{`"9000"`, "host:port"}},
		{"a file instead of a folder", func(o *s3server.Options) { o.Dir = file }, []string{file, "not a directory"}},
		{"no keys", func(o *s3server.Options) { o.AccessKeyID = "" }, []string{"key pair"}},
		{"no bucket name", func(o *s3server.Options) { o.Bucket = "../x" }, []string{`"../x"`}},
	} {
		o := options(t.TempDir())
		c.edit(&o)
		s, err := s3server.Start(t.Context(), o)
		if err == nil {
			t.Errorf("%s: Start = nil, want an error", c.name)
			_ = s.Close()
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: Start = %q, want one line with %q", c.name, err, want)
			}
		}
	}
	wantListening(t, running)
}

// wantListening checks that the server answers.
func wantListening(t *testing.T, s *s3server.Server) {
	t.Helper()
	if err := bucket(t, s, "local", "secret").Warm(t.Context()); err != nil {
		t.Errorf("Warm = %v, want nil", err)
	}
}

func TestURL(t *testing.T) {
	t.Parallel()
	for addr, host := range map[string]string{"127.0.0.1:0": "127.0.0.1", "0.0.0.0:0": "127.0.0.1", ":0": "127.0.0.1", "localhost:0": "127.0.0.1"} {
		o := options(t.TempDir())
		o.Addr = addr
		s, stop := start(t, o)
		u, err := url.Parse(s.URL())
		if err != nil || u.Scheme != "http" || u.Hostname() != host || u.Port() == "0" || u.Path != "" {
			t.Errorf("URL of %s = %q, want http://%s and a port", addr, s.URL(), host)
		}
		wantListening(t, s)
		stop()
	}
}

// Close works even before the library has begun to serve.
func TestCloseRightAfterStart(t *testing.T) {
	t.Parallel()
	for range 200 {
		_, stop := start(t, options(t.TempDir()))
		stop()
	}
}

// The context applies only to the start.
func TestCanceledContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := s3server.Start(ctx, options(t.TempDir()))
	if err != nil {
		t.Fatalf("Start = %v, want nil", err)
	}
	cancel()
	wantListening(t, s)
	if err := s.Close(); err != nil {
		t.Errorf("Close = %v, want nil", err)
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s, err := s3server.Start(b.Context(), options(b.TempDir()))
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
