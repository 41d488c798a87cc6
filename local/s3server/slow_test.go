package s3server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// slowDisk is a server with a slow disk: the sync of a large file waits until release is closed. It
// sends a space every 50 ms. The clients wait 500 ms for the head of an answer.
type slowDisk struct {
	*Server
	t       *testing.T
	client  *s3.Client
	syncs   atomic.Int32
	syncing chan struct{} // one for each sync of a large file that has begun
	release chan struct{}
	once    sync.Once
	broken  atomic.Pointer[error] // the error of the sync of a large file
}

const (
	slowFile = 1 << 20
	slowKey  = "exports/a.zip"
)

func startSlowDisk(t *testing.T) *slowDisk {
	t.Helper()
	d := &slowDisk{t: t, syncing: make(chan struct{}, 100), release: make(chan struct{})}
	var err error
	d.Server, err = Start(t.Context(), Options{
		Dir: t.TempDir(), Addr: "127.0.0.1:0", AccessKeyID: "id", SecretAccessKey: "secret", Bucket: "recordings",
		spaceTime: 50 * time.Millisecond, sync: d.sync,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.finish() // Close waits for the syncs
		_ = d.Close()
	})
	transport := &http.Transport{ResponseHeaderTimeout: 500 * time.Millisecond}
	t.Cleanup(transport.CloseIdleConnections)
	d.client = s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(d.URL()), UsePathStyle: true, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""), Retryer: aws.NopRetryer{},
	})
	return d
}

func (d *slowDisk) sync(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() < slowFile || info.IsDir() {
		return err
	}
	d.syncs.Add(1)
	d.syncing <- struct{}{}
	<-d.release
	if err := d.broken.Load(); err != nil {
		return *err
	}
	return f.Sync()
}

// finish lets all syncs finish.
func (d *slowDisk) finish() { d.once.Do(func() { close(d.release) }) }

// begin uploads two parts and returns the request that completes them.
func (d *slowDisk) begin() *s3.CompleteMultipartUploadInput {
	d.t.Helper()
	in := &s3.CompleteMultipartUploadInput{Bucket: aws.String("recordings"), Key: aws.String(slowKey), MultipartUpload: &types.CompletedMultipartUpload{}}
	made, err := d.client.CreateMultipartUpload(d.t.Context(), &s3.CreateMultipartUploadInput{Bucket: in.Bucket, Key: in.Key})
	if err != nil {
		d.t.Fatal(err)
	}
	in.UploadId = made.UploadId
	for i, text := range []string{strings.Repeat("a", minPart), "b"} {
		out, err := d.client.UploadPart(d.t.Context(), &s3.UploadPartInput{
			Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: strings.NewReader(text),
		})
		if err != nil {
			d.t.Fatal(err)
		}
		in.MultipartUpload.Parts = append(in.MultipartUpload.Parts, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(int32(i + 1))})
	}
	return in
}

// complete completes an upload in the background.
func (d *slowDisk) complete(ctx context.Context, in *s3.CompleteMultipartUploadInput) <-chan error {
	done := make(chan error, 1)
	go func() {
		out, err := d.client.CompleteMultipartUpload(ctx, in)
		if err == nil && aws.ToString(out.ETag) == "" {
			err = errors.New("the answer has no ETag")
		}
		done <- err
	}()
	return done
}

func (d *slowDisk) files(dir string) int {
	d.t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		d.t.Fatal(err)
	}
	return len(entries)
}

// A client waits longer for the end of an upload than for the head of an answer. Another
// attempt, after a client has gone, waits for the copy of the first one.
func TestCompletionThatTakesLongerThanClientsWait(t *testing.T) {
	t.Parallel()
	d := startSlowDisk(t)
	in := d.begin()
	ctx, leave := context.WithCancel(t.Context())
	gone := d.complete(ctx, in)
	<-d.syncing
	leave()
	if err := <-gone; err == nil {
		t.Fatal("the first attempt succeeded before the copy was complete")
	}
	second, third := d.complete(t.Context(), in), d.complete(t.Context(), in)
	select {
	case err := <-second:
		t.Fatalf("the second attempt ended before the copy, with %v", err)
	case err := <-third:
		t.Fatalf("the third attempt ended before the copy, with %v", err)
	case <-time.After(time.Second):
	}
	if n := d.files(d.disk.temporary); n != 1 {
		t.Errorf("%d temporary files, want one copy of the parts", n)
	}
	d.finish()
	for _, attempt := range []<-chan error{second, third} {
		if err := <-attempt; err != nil {
			t.Errorf("CompleteMultipartUpload = %v, want nil", err)
		}
	}
	if n := d.syncs.Load(); n != 1 {
		t.Errorf("the parts were copied %d times, want once", n)
	}
	head, err := d.client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: in.Bucket, Key: in.Key})
	if err != nil || aws.ToInt64(head.ContentLength) != minPart+1 {
		t.Errorf("HeadObject = %+v, %v, want the whole object", head, err)
	}
	if n := d.files(d.disk.uploads) + d.files(d.disk.temporary); n != 0 {
		t.Errorf("%d uploads and temporary files are left", n)
	}
}

// An error that is found after the head of the answer is in its body. The SDK reads it.
func TestCompletionThatFailsLate(t *testing.T) {
	t.Parallel()
	d := startSlowDisk(t)
	in := d.begin()
	done := d.complete(t.Context(), in)
	<-d.syncing
	time.Sleep(200 * time.Millisecond)
	full := error(errFull)
	d.broken.Store(&full)
	d.finish()
	ae, ok := errors.AsType[smithy.APIError](<-done)
	if !ok || ae.ErrorCode() != errFull.code {
		t.Errorf("CompleteMultipartUpload = %v, want %s", ae, errFull.code)
	}
	d.broken.Store(nil)
	if err := <-d.complete(t.Context(), in); err != nil {
		t.Errorf("the next attempt = %v, want nil", err)
	}
}

// An upload that is aborted while its parts are copied makes no object.
func TestAbortDuringACompletion(t *testing.T) {
	t.Parallel()
	d := startSlowDisk(t)
	in := d.begin()
	done := d.complete(t.Context(), in)
	<-d.syncing
	if _, err := d.client.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId}); err != nil {
		t.Errorf("AbortMultipartUpload = %v, want nil", err)
	}
	d.finish()
	if ae, ok := errors.AsType[smithy.APIError](<-done); !ok || ae.ErrorCode() != errNoUpload.code {
		t.Errorf("CompleteMultipartUpload = %v, want %s", ae, errNoUpload.code)
	}
	if _, err := d.client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: in.Bucket, Key: in.Key}); err == nil {
		t.Error("the aborted upload made an object")
	}
}

// A process may die between storing the object and removing the parts. The next attempt
// then copies nothing, even if it must not replace an object.
func TestCompletionOfAnUploadWhoseObjectExists(t *testing.T) {
	t.Parallel()
	d := startSlowDisk(t)
	d.finish()
	in := d.begin()
	in.IfNoneMatch = aws.String("*")
	folder := filepath.Join(d.disk.uploads, *in.UploadId)
	if err := os.CopyFS(folder+".copy", os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-d.complete(t.Context(), in); err != nil {
			t.Errorf("CompleteMultipartUpload = %v, want nil", err)
		}
		if err := os.Rename(folder+".copy", folder); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if n := d.syncs.Load(); n != 1 {
		t.Errorf("the parts were copied %d times, want once", n)
	}
	if n := d.files(d.disk.uploads); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// A copy of an object may take longer than clients wait, too.
func TestCopyThatTakesLongerThanClientsWait(t *testing.T) {
	t.Parallel()
	d := startSlowDisk(t)
	b, from := aws.String("recordings"), aws.String("from")
	stored := make(chan error, 1)
	go func() {
		_, err := d.client.PutObject(context.WithoutCancel(t.Context()), &s3.PutObjectInput{Bucket: b, Key: from, Body: strings.NewReader(strings.Repeat("a", slowFile))})
		stored <- err
	}()
	<-d.syncing
	d.release <- struct{}{}
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := d.client.CopyObject(context.WithoutCancel(t.Context()), &s3.CopyObjectInput{Bucket: b, Key: aws.String("to"), CopySource: aws.String("recordings/from")})
		done <- err
	}()
	<-d.syncing
	select {
	case err := <-done:
		t.Fatalf("CopyObject ended before the copy, with %v", err)
	case <-time.After(time.Second):
	}
	d.finish()
	if err := <-done; err != nil {
		t.Errorf("CopyObject = %v, want nil", err)
	}
}

// Close ends a completion whose client has gone.
func TestCloseStopsACompletion(t *testing.T) {
	t.Parallel()
	c := newCompletions()
	end, err := c.begin(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() { c.stop(); close(stopped) }()
	from := &stoppable{strings.NewReader("a"), c.stopped}
	<-c.stopped
	if _, err := from.Read(make([]byte, 1)); !errors.Is(err, errStopped) {
		t.Errorf("Read after stop = %v, want %v", err, errStopped)
	}
	select {
	case <-stopped:
		t.Error("stop did not wait for the completion")
	case <-time.After(10 * time.Millisecond):
	}
	end()
	<-stopped
	if _, err := c.begin(t.Context(), "b"); !errors.Is(err, errStopped) {
		t.Errorf("begin after stop = %v, want %v", err, errStopped)
	}
}

// The body of a refused request does not hold its connection for ever.
func TestBodyOfARefusedRequest(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{
		Dir: t.TempDir(), Addr: "127.0.0.1:0", AccessKeyID: "id", SecretAccessKey: "secret", Bucket: "recordings",
		unreadTime: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, method := range []string{http.MethodPut, http.MethodGet, http.MethodOptions} {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // it ends with the test
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(c, method+" /recordings/a HTTP/1.1\r\nHost: "+s.addr+"\r\nContent-Length: 1000\r\n\r\nx"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("%s: %v, want an answer and the end of the connection", method, err)
		}
	}
}
