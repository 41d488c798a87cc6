package s3server_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"callrecordings/local/s3server"
	"callrecordings/shared/media"
	"callrecordings/shared/media/s3media"
)

func options(dir string) s3server.Options {
	return s3server.Options{
		Dir: dir, Addr: "127.0.0.1:0", AccessKeyID: "local", SecretAccessKey: "secret", Bucket: "recordings",
	}
}

// start runs a server until stop is called or the test ends.
func start(t *testing.T, o s3server.Options) (s *s3server.Server, stop func()) {
	t.Helper()
	s, err := s3server.Start(t.Context(), o)
	if err != nil {
		t.Fatalf("Start(%+v) = %v, want nil", o, err)
	}
	stop = func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
	}
	t.Cleanup(stop)
	return s, stop
}

func bucket(t *testing.T, s *s3server.Server, id, secret string) *s3media.Bucket {
	t.Helper()
	b, err := s3media.Open(s3media.Options{
		Region: "us-east-1", Endpoint: s.URL(), Bucket: "recordings",
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	})
	if err != nil {
		t.Fatalf("s3media.Open = %v, want nil", err)
	}
	return b
}

func put(t *testing.T, b *s3media.Bucket, key, contentType, text string) {
	t.Helper()
	if err := b.Put(t.Context(), key, contentType, strings.NewReader(text), int64(len(text))); err != nil {
		t.Fatalf("Put(%q) = %v, want nil", key, err)
	}
}

func wantObject(t *testing.T, b *s3media.Bucket, key, contentType, text string) {
	t.Helper()
	body, o, err := b.Open(t.Context(), key, "", nil)
	if err != nil {
		t.Fatalf("Open(%q) = %v, want nil", key, err)
	}
	got, err := io.ReadAll(body)
	if err := body.Close(); err != nil {
		t.Errorf("Close = %v, want nil", err)
	}
	if string(got) != text || err != nil || o.ContentType != contentType {
		t.Errorf("Open(%q) = %q, %v of type %q, want %q of type %q", key, got, err, o.ContentType, text, contentType)
	}
}

func TestObjectsSurvive(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "by", "start")
	s, stop := start(t, options(dir))
	b := bucket(t, s, "local", "secret")
	long := strings.Repeat("long", 3<<20)
	put(t, b, "a/b/short", "audio/mpeg", "short")
	put(t, b, "a/b/long", "audio/x-wav", long)
	put(t, b, "a/b/empty", "audio/ogg; codecs=opus", "")
	before, err := b.Stat(t.Context(), "a/b/long")
	if err != nil {
		t.Fatalf("Stat = %v, want nil", err)
	}
	stop()

	// The data depends neither on the location nor on the key pair.
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	o := options(moved)
	o.AccessKeyID, o.SecretAccessKey = "other", "pair"
	s, _ = start(t, o)
	b = bucket(t, s, "other", "pair")
	wantObject(t, b, "a/b/short", "audio/mpeg", "short")
	wantObject(t, b, "a/b/long", "audio/x-wav", long)
	wantObject(t, b, "a/b/empty", "audio/ogg; codecs=opus", "")
	if after, err := b.Stat(t.Context(), "a/b/long"); !reflect.DeepEqual(after, before) || err != nil {
		t.Errorf("Stat = %+v, %v, want %+v as before", after, err, before)
	}
}

// A kill -9 can leave the attributes of a new object without the object. A later
// conditional write must still succeed.
func TestACrashBetweenAttributesAndObject(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := start(t, options(dir))
	b := bucket(t, s, "local", "secret")
	if err := b.PutNew(t.Context(), "a/b", "audio/mpeg", []byte("first")); err != nil {
		t.Fatalf("PutNew = %v, want nil", err)
	}
	if err := os.Remove(filepath.Join(dir, "objects", "recordings", "a", "b")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Stat(t.Context(), "a/b"); !errors.Is(err, media.ErrNotFound) {
		t.Errorf("Stat = %v, want %v", err, media.ErrNotFound)
	}
	if err := b.PutNew(t.Context(), "a/b", "audio/ogg", []byte("second")); err != nil {
		t.Fatalf("PutNew again = %v, want nil", err)
	}
	wantObject(t, b, "a/b", "audio/ogg", "second")
	if err := b.PutNew(t.Context(), "a/b", "audio/ogg", []byte("third")); !errors.Is(err, media.ErrOccupied) {
		t.Errorf("PutNew over it = %v, want %v", err, media.ErrOccupied)
	}
}

// Only the owner of the folder may read recordings.
func TestFilesAreOnlyForTheOwner(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // Windows has no permission bits
	}
	dir := filepath.Join(t.TempDir(), "data")
	s, _ := start(t, options(dir))
	put(t, bucket(t, s, "local", "secret"), "a/b", "audio/mpeg", strings.Repeat("x", 9<<20))
	err := filepath.WalkDir(filepath.Join(dir, "objects"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v, want no access for others", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "attributes")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("attributes: %v, %v, want mode 0700", info, err)
	}
}

// Two servers share a folder when a command adds a recording while the local
// server runs.
func TestTwoServersOnOneFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, _ := start(t, options(dir))
	two, _ := start(t, options(dir))
	a, b := bucket(t, one, "local", "secret"), bucket(t, two, "local", "secret")
	put(t, a, "from/one", "audio/mpeg", "1")
	put(t, b, "from/two", "audio/ogg", "2")
	wantObject(t, a, "from/two", "audio/ogg", "2")
	wantObject(t, b, "from/one", "audio/mpeg", "1")
	if err := a.Remove(t.Context(), "from/two"); err != nil {
		t.Errorf("Remove = %v, want nil", err)
	}
	wantObject(t, b, "from/one", "audio/mpeg", "1")
}

// The server neither prints nor changes the working directory, although the
// library does both by default. The test replaces both, so it is not parallel.
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
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err == nil {
		_, _ = io.WriteString(conn, "NO SENSE\r\n\r\n")
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
	// The library's clocks are started once per process and never end. The
	// cleaner of its worker pool ends within ten seconds.
	var rest []string
	for range 100 {
		rest = rest[:0]
		buf := make([]byte, 1<<20)
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			ours := strings.Contains(g, "versity") || strings.Contains(g, "gofiber") ||
				strings.Contains(g, "fasthttp") || strings.Contains(g, "s3server.")
			sleeper := strings.Contains(g, "fasthttp.updateServerDate") || strings.Contains(g, "StartTimeStampUpdater") ||
				strings.Contains(g, "(*workerPool).Start.func2")
			if ours && !sleeper && !strings.Contains(g, "testing.tRunner") {
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

// Any S3 client can list the objects.
func TestList(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	b := bucket(t, s, "local", "secret")
	keys := []string{"recordings/a/202603/one", "recordings/a/202603/two", "recordings/b/202604/three"}
	for _, key := range keys {
		put(t, b, key, "audio/mpeg", key)
	}
	c := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.URL()), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("local", "secret", ""),
	})
	for prefix, want := range map[string][]string{"": keys, "recordings/a/": keys[:2], "recordings/c/": nil} {
		out, err := c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("recordings"), Prefix: &prefix})
		if err != nil {
			t.Fatalf("ListObjectsV2(%q) = %v, want nil", prefix, err)
		}
		var got []string
		for _, o := range out.Contents {
			got = append(got, aws.ToString(o.Key))
		}
		if !slices.Equal(got, want) || aws.ToString(out.Name) != "recordings" {
			t.Errorf("ListObjectsV2(%q) = %q in %q, want %q", prefix, got, aws.ToString(out.Name), want)
		}
	}
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

// do sends a request and returns the response. The body has been read.
func do(t *testing.T, method, link string, header http.Header) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, link, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	if err := res.Body.Close(); err != nil {
		t.Errorf("close the body: %v", err)
	}
	return res
}

// Without the key pair, nothing can be read or written. mediatest covers forged
// and expired URLs.
func TestUnsignedRequestsAreRejected(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	put(t, bucket(t, s, "local", "secret"), "key", "audio/mpeg", "text")
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "POST"} {
		for _, path := range []string{"/recordings/key", "/recordings", "/recordings/"} {
			// A POST that is not a form is rejected before its signature is checked.
			got := do(t, method, s.URL()+path, nil).StatusCode
			if got != 403 && (method != "POST" || got/100 != 4) {
				t.Errorf("anonymous %s %s = %d, want 403", method, path, got)
			}
		}
	}
	for name, b := range map[string]*s3media.Bucket{
		"a wrong secret": bucket(t, s, "local", "wrong"), "another key": bucket(t, s, "other", "secret"),
	} {
		_, err := b.Stat(t.Context(), "key")
		if err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("Stat with %s = %v, want a 403", name, err)
		}
		if err := b.Remove(t.Context(), "key"); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("Remove with %s = %v, want a 403", name, err)
		}
	}
	wantObject(t, bucket(t, s, "local", "secret"), "key", "audio/mpeg", "text")
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
