package s3server_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
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
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
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
	// One server removes a folder that the other has used.
	put(t, a, "folder/in/use", "audio/mpeg", "1")
	if err := b.Remove(t.Context(), "folder/in/use"); err != nil {
		t.Errorf("Remove = %v, want nil", err)
	}
	put(t, a, "folder/in/use again", "audio/mpeg", "2")
	wantObject(t, b, "folder/in/use again", "audio/mpeg", "2")
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
