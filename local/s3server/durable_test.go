package s3server

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// trace records the syncs of a server and when it reports an object.
type trace struct {
	mu    sync.Mutex
	root  string
	lines []string
}

func (r *trace) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, line)
}

// sync records a sync: the folder, relative to the root, or "temporary file".
func (r *trace) sync(f *os.File) error {
	name, err := filepath.Rel(r.root, f.Name())
	if err != nil {
		return err
	}
	if strings.HasPrefix(name, "tmp"+string(filepath.Separator)) {
		name = "temporary file"
	}
	r.add("sync " + filepath.ToSlash(name))
	return f.Sync()
}

// take returns the lines so far and clears them.
func (r *trace) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return lines
}

func startTraced(t *testing.T) (*trace, *Server, *s3.Client) {
	t.Helper()
	r := &trace{root: t.TempDir()}
	s, err := Start(t.Context(), Options{
		Dir: r.root, Addr: "127.0.0.1:0", AccessKeyID: "local", SecretAccessKey: "secret", Bucket: "recordings",
		Created: func(context.Context, []byte) { r.add("created") }, sync: r.sync,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
	})
	return r, s, clientOf(s)
}

func clientOf(s *Server) *s3.Client {
	return s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.URL()), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("local", "secret", ""),
	})
}

// An object's file, its name and the names of new folders are synced before the object
// is reported and before the client gets its answer.
func TestWritesAreSyncedBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	r, _, c := startTraced(t)
	if started := r.take(); !slices.Contains(started, "sync .") || !slices.Contains(started, "sync objects") {
		t.Errorf("at start: %q, want the folders synced", started)
	}
	b := aws.String("recordings")
	put := func(key string) {
		t.Helper()
		if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: b, Key: &key, Body: strings.NewReader("x")}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, lines ...string) {
		t.Helper()
		if got := r.take(); !slices.Equal(got, lines) {
			t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(lines, "\n"))
		}
	}
	put("a/b/one")
	want("an object in new folders", "sync temporary file", "sync objects/recordings", "sync objects/recordings/a", "sync objects/recordings/a/b", "created")
	put("a/b/two")
	want("an object in the same folder", "sync temporary file", "sync objects/recordings/a/b", "created")
	if _, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: b, Key: aws.String("a/b/copy"), CopySource: aws.String("recordings/a/b/one")}); err != nil {
		t.Fatal(err)
	}
	want("a copy", "sync temporary file", "sync objects/recordings/a/b", "created")
	multipart(t, c, "a/b/parts", strings.Repeat("y", 100))
	want("an upload in parts", "sync temporary file", "sync objects/recordings/a/b", "created")
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: aws.String("a/b/one")}); err != nil {
		t.Fatal(err)
	}
	want("a deletion", "sync objects/recordings/a/b")
	for _, key := range []string{"two", "copy", "parts"} {
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: aws.String("a/b/" + key)}); err != nil {
			t.Fatal(err)
		}
	}
	r.take()
	put("a/b/again")
	want("an object in folders that were removed", "sync temporary file", "sync objects/recordings", "sync objects/recordings/a", "sync objects/recordings/a/b", "created")
}

// If a sync fails, the client gets an error, and the object is not reported.
func TestAFailedSyncIsAnError(t *testing.T) {
	t.Parallel()
	failing := func(f *os.File) error {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return io.ErrShortWrite
		}
		return nil
	}
	reported := 0
	s, err := Start(t.Context(), Options{
		Dir: t.TempDir(), Addr: "127.0.0.1:0", AccessKeyID: "local", SecretAccessKey: "secret", Bucket: "recordings",
		Created: func(context.Context, []byte) { reported++ }, sync: failing,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // not the subject of the test
	c := clientOf(s)
	_, err = c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("recordings"), Key: aws.String("a"), Body: strings.NewReader("x"),
	}, func(o *s3.Options) { o.RetryMaxAttempts = 1 })
	if err == nil || !strings.Contains(err.Error(), "500") || reported != 0 {
		t.Errorf("PutObject = %v and %d events, want a 500 and none", err, reported)
	}
	if _, err := os.Stat(filepath.Join(s.disk.objects, "a")); err == nil {
		t.Error("the object exists, want nothing")
	}
	if rest, _ := os.ReadDir(s.disk.temporary); len(rest) > 0 {
		t.Errorf("temporary files: %v, want none", rest)
	}
}

func multipart(t *testing.T, c *s3.Client, key string, parts ...string) *s3.CompleteMultipartUploadOutput {
	t.Helper()
	b := aws.String("recordings")
	made, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: b, Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	list := &types.CompletedMultipartUpload{}
	for i, text := range parts {
		out, err := c.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: b, Key: &key, UploadId: made.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: strings.NewReader(text),
		})
		if err != nil {
			t.Fatal(err)
		}
		list.Parts = append(list.Parts, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(int32(i + 1))})
	}
	in := &s3.CompleteMultipartUploadInput{Bucket: b, Key: &key, UploadId: made.UploadId, MultipartUpload: list}
	first, err := c.CompleteMultipartUpload(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.CompleteMultipartUpload(t.Context(), in)
	if err != nil || aws.ToString(again.ETag) != aws.ToString(first.ETag) {
		t.Errorf("a retry of CompleteMultipartUpload = %v, %v, want the same answer", again, err)
	}
	return first
}

// Damaged finds recent objects that differ from the uploaded bytes.
func TestDamaged(t *testing.T) {
	t.Parallel()
	_, s, c := startTraced(t)
	for _, key := range []string{"good", "zeros", "changed", "a//odd"} {
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("recordings"), Key: &key, Body: strings.NewReader("some audio")})
		if err != nil {
			t.Fatal(err)
		}
	}
	corrupt := func(name string, change func([]byte)) {
		path := filepath.Join(s.disk.objects, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		change(text)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	corrupt("zeros", func(b []byte) { clear(b) })
	corrupt("changed", func(b []byte) { b[3]++ })
	corrupt("a/%./odd", func(b []byte) { clear(b[:4]) })
	if err := os.WriteFile(filepath.Join(s.disk.objects, "plain"), []byte("put here by hand"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Damaged(t.Context(), time.Now().Add(-time.Minute)); err != nil || !slices.Equal(got, []string{"a//odd", "changed", "zeros"}) {
		t.Errorf("Damaged = %q, %v, want the three changed ones", got, err)
	}
	if got, err := s.Damaged(t.Context(), time.Now().Add(time.Minute)); err != nil || len(got) > 0 {
		t.Errorf("Damaged of the future = %q, %v, want none", got, err)
	}
}

// Files of crashed uploads are removed. Files of running uploads are kept.
func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := openDisk(dir, "recordings", (*os.File).Sync)
	if err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{
		"tmp/dead": TemporaryTime + time.Minute, "tmp/running": time.Minute,
		"uploads/dead/1": UploadTime + time.Minute, "uploads/running/1": time.Hour,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if strings.HasPrefix(name, "uploads") {
			path = filepath.Dir(path)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.sweep(time.Now()); err != nil {
		t.Errorf("sweep = %v, want nil", err)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	want := []string{filepath.Join(dir, "objects", "recordings"), filepath.Join(dir, "tmp", "running"), filepath.Join(dir, "uploads", "running")}
	if !slices.Equal(left, want) {
		t.Errorf("left: %q, want %q", left, want)
	}
}

// BenchmarkUpload measures an upload with the syncs and without them.
func BenchmarkUpload(b *testing.B) {
	for _, size := range []int{100 << 10, 1 << 20, 8 << 20} {
		for _, synced := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d KiB, synced %v", size>>10, synced), func(b *testing.B) {
				o := Options{Dir: b.TempDir(), Addr: "127.0.0.1:0", AccessKeyID: "local", SecretAccessKey: "secret", Bucket: "recordings"}
				if !synced {
					o.sync = func(*os.File) error { return nil }
				}
				s, err := Start(b.Context(), o)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close() //nolint:errcheck // not the subject of the benchmark
				c, text, n := clientOf(s), strings.Repeat("x", size), 0
				b.SetBytes(int64(size))
				for b.Loop() {
					n++
					_, err := c.PutObject(b.Context(), &s3.PutObjectInput{
						Bucket: aws.String("recordings"), Key: aws.String(fmt.Sprintf("a/%d", n)), Body: strings.NewReader(text),
					})
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// The headers of a completion can have the checksum of the whole object.
func TestChecksumOfTheWholeObject(t *testing.T) {
	t.Parallel()
	_, _, c := startTraced(t)
	b, key, text := aws.String("recordings"), aws.String("k"), strings.Repeat("x", 1000)
	sum := base64.StdEncoding.EncodeToString(sumWith("crc64nvme", text)())
	for want, sum := range map[string]string{"": sum, "BadDigest": base64.StdEncoding.EncodeToString(make([]byte, 8))} {
		made, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
			Bucket: b, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, ChecksumType: types.ChecksumTypeFullObject,
		})
		if err != nil {
			t.Fatal(err)
		}
		part, err := c.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: b, Key: key, UploadId: made.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader(text),
			ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme,
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
			Bucket: b, Key: key, UploadId: made.UploadId, ChecksumCRC64NVME: &sum, ChecksumType: types.ChecksumTypeFullObject,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}},
		})
		if want == "" && (err != nil || aws.ToString(out.ChecksumCRC64NVME) != sum) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("CompleteMultipartUpload with %s = %+v, %v, want %q", sum, out, err, want)
		}
	}
}

// A part that a power cut has damaged is never joined into an object.
func TestADamagedPart(t *testing.T) {
	t.Parallel()
	_, s, c := startTraced(t)
	b, key := aws.String("recordings"), aws.String("k")
	made, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: b, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	part, err := c.UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: b, Key: key, UploadId: made.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("some audio"),
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(s.uploadFile(*made.UploadId, "1"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 4), 0); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	_, err = c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: b, Key: key, UploadId: made.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}},
	})
	if err == nil || !strings.Contains(err.Error(), "InvalidPart") {
		t.Errorf("CompleteMultipartUpload = %v, want InvalidPart", err)
	}
}
