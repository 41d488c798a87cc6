package s3media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/requestlog"
)

// fault handles one request to the fake store.
type fault func(w http.ResponseWriter, r *http.Request)

func answer(status int, code string) fault {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		if status == http.StatusMovedPermanently {
			w.Header().Set("Location", "http://elsewhere.test/")
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>a test fault</Message></Error>", code)
	}
}

// bytesOf announces a body of size bytes and sends only the first sent bytes.
func bytesOf(size, sent int, header ...string) fault {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(size))
		status := 200
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
			if header[i] == "Content-Range" {
				status = 206
			}
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, strings.Repeat("x", sent))
		w.(http.Flusher).Flush()
	}
}

func noAnswer(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// unread leaves the body of the request unread.
func unread(http.ResponseWriter, *http.Request) { time.Sleep(silence) }

// silence is longer than any time-out.
const silence = time.Hour

// reset closes the connection instead of answering.
func reset(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

// copied acknowledges a copy.
func copied(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, "<CopyObjectResult><ETag>e</ETag></CopyObjectResult>")
}

func cut(w http.ResponseWriter, r *http.Request) {
	bytesOf(100, 50)(w, r)
	panic(http.ErrAbortHandler)
}

func stalled(w http.ResponseWriter, r *http.Request) {
	bytesOf(100, 50)(w, r)
	<-r.Context().Done()
}

func ok(w http.ResponseWriter, r *http.Request) { bytesOf(10, 10)(w, r) }

// fakeStore is an S3 server in a synctest bubble: connections are pipes, and time
// advances while all goroutines wait.
type fakeStore struct {
	*Bucket
	mu     sync.Mutex
	script []fault // one per request; the last one repeats
	got    []string
	conns  chan net.Conn
	closed chan struct{}
	dial   func(ctx context.Context) error // fails or delays a connection
}

func (f *fakeStore) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}
func (f *fakeStore) Close() error   { close(f.closed); return nil }
func (f *fakeStore) Addr() net.Addr { return &net.TCPAddr{} }

func (f *fakeStore) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.got = append(f.got, r.Method)
	serve := f.script[min(len(f.got), len(f.script))-1]
	f.mu.Unlock()
	serve(rw, r)
}

// requests returns the methods of the requests so far. A request that the client
// gave up on may still be on its way to the fake.
func (f *fakeStore) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got)
}

func (f *fakeStore) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	if f.dial != nil {
		if err := f.dial(ctx); err != nil {
			return nil, &net.OpError{Op: "dial", Err: err}
		}
	}
	here, there := net.Pipe()
	f.conns <- there
	return here, nil
}

// withFake runs test against a store that follows the script.
func withFake(t *testing.T, dial func(context.Context) error, script []fault, test func(*testing.T, *fakeStore)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{script: script, conns: make(chan net.Conn), closed: make(chan struct{}), dial: dial}
		n := standard()
		n.calls.Dial, n.uploads.Dial, n.small.Dial = f.connect, f.connect, f.connect
		b, err := open(Options{
			Region: "us-east-1", Endpoint: "http://store.test", Bucket: "recordings",
			Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		}, n)
		if err != nil {
			t.Fatalf("open = %v, want nil", err)
		}
		f.Bucket = b
		s := &http.Server{Handler: f}
		go func() { _ = s.Serve(f) }()
		test(t, f)
		b.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Errorf("closing the fake store = %v, want nil", err)
		}
		time.Sleep(silence) // until every handler of unread has returned
	})
}

func stat(ctx context.Context, f *fakeStore) error {
	_, err := f.Stat(ctx, "key")
	return err
}

func read(ctx context.Context, f *fakeStore) error { return readPart(ctx, f, nil) }

func readMiddle(ctx context.Context, f *fakeStore) error {
	return readPart(ctx, f, &media.Part{Offset: 5, Length: 10})
}

func readPart(ctx context.Context, f *fakeStore, p *media.Part) error {
	body, _, err := f.Open(ctx, "key", "", p)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, body)
	return errors.Join(err, body.Close())
}

func remove(ctx context.Context, f *fakeStore) error { return f.Remove(ctx, "key") }

func duplicate(ctx context.Context, f *fakeStore) error {
	return f.Copy(ctx, "key", `"e"`, "other")
}

func put(ctx context.Context, f *fakeStore) error {
	return f.Put(ctx, "key", "audio/mpeg", strings.NewReader("hello"), 5)
}

// putLarge stores more bytes than the connection buffers while the server reads
// none.
func putLarge(ctx context.Context, f *fakeStore) error {
	return f.Put(ctx, "key", "audio/mpeg", strings.NewReader(strings.Repeat("x", 1<<20)), 1<<20)
}

func putNew(ctx context.Context, f *fakeStore) error {
	return f.PutNew(ctx, "key", "audio/mpeg", []byte("hello"))
}

func putNewLarge(ctx context.Context, f *fakeStore) error {
	return f.PutNew(ctx, "key", "audio/mpeg", bytes.Repeat([]byte("x"), 1<<20))
}

func warm(ctx context.Context, f *fakeStore) error { return f.Warm(ctx) }

func complete(ctx context.Context, f *fakeStore) error {
	return f.Complete(ctx, "key", "upload", []string{`"e"`})
}

// faultCase is a call to a store that follows a script.
type faultCase struct {
	name     string
	do       func(context.Context, *fakeStore) error
	dial     func(context.Context) error
	script   []fault
	deadline time.Duration // 0: none
	want     error
	text     string        // part of the error's text
	calls    int           // requests in the log entry
	within   time.Duration // by the fake clock
}

func TestFaults(t *testing.T) {
	t.Parallel()
	refused := func(context.Context) error { return syscall.ECONNREFUSED }
	blackHole := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	slow, internal := answer(503, "SlowDown"), answer(500, "InternalError")
	lostUpload, missing := answer(404, "NoSuchUpload"), answer(404, "")
	for _, c := range []faultCase{
		{"served", read, nil, []fault{ok}, 0, nil, "", 1, 0},
		{"served at the second attempt", read, nil, []fault{slow, ok}, 0, nil, "", 2, 100 * time.Millisecond},
		{"served at the third attempt", stat, nil, []fault{internal, slow, ok}, 0, nil, "", 3, 300 * time.Millisecond},
		{"slow down", read, nil, []fault{slow}, 0, media.ErrUnavailable, "SlowDown", 3, 300 * time.Millisecond},
		{"slow down for a head", stat, nil, []fault{slow}, 0, media.ErrUnavailable, "503", 3, 300 * time.Millisecond},
		{"slow down for a removal", remove, nil, []fault{slow}, 0, media.ErrUnavailable, "SlowDown", 3, 300 * time.Millisecond},
		{"slow down for a put", put, nil, []fault{slow}, 0, media.ErrUnavailable, "SlowDown", 3, 300 * time.Millisecond},
		{"internal error", read, nil, []fault{internal}, 0, media.ErrUnavailable, "InternalError", 3, 300 * time.Millisecond},
		{"no time for a retry", read, nil, []fault{slow, ok}, 2 * time.Second, media.ErrUnavailable, "SlowDown", 1, 0},
		{"time for one retry", read, nil, []fault{noAnswer}, 5 * time.Second, media.ErrUnavailable, "no answer within", 2, 4 * time.Second},
		{"no answer", stat, nil, []fault{noAnswer}, 0, media.ErrUnavailable, "awaiting response headers", 3, 6300 * time.Millisecond},
		{"no answer to an upload", put, nil, []fault{noAnswer}, 62 * time.Second, media.ErrUnavailable, "awaiting response headers", 1, time.Minute},
		{"no answer to an upload before the deadline", put, nil, []fault{noAnswer}, 29 * time.Second, media.ErrUnavailable, "no answer within 28s", 1, 28 * time.Second},
		{"an upload that the store does not read", putLarge, nil, []fault{unread}, 29 * time.Second, media.ErrUnavailable, "no answer within 28s", 1, 28 * time.Second},
		{"an upload that the store does not read, without a deadline", putLarge, nil, []fault{unread}, 0, media.ErrUnavailable, "timeout", 3, 3*time.Minute + 2*time.Second},
		{"one internal error for an upload", put, nil, []fault{internal, ok}, 29 * time.Second, nil, "", 2, 100 * time.Millisecond},
		{"one reset for an upload", put, nil, []fault{reset, ok}, 29 * time.Second, nil, "", 2, 100 * time.Millisecond},
		{"one internal error for a copy", duplicate, nil, []fault{internal, copied}, 29 * time.Second, nil, "", 2, 100 * time.Millisecond},
		{"no answer to a copy", duplicate, nil, []fault{noAnswer}, 29 * time.Second, media.ErrUnavailable, "no answer within 28s", 1, 28 * time.Second},
		{"a lost upload whose object exists", complete, nil, []fault{lostUpload, ok}, 0, nil, "", 2, 0},
		{"a lost upload without an object", complete, nil, []fault{lostUpload, missing, ok}, 0, media.ErrNotFound, "NoSuchUpload", 3, 0},
		{"a lost upload, and slow down for the head", complete, nil, []fault{lostUpload, slow}, 0, media.ErrUnavailable, "503", 4, 300 * time.Millisecond},
		{"no answer to new audio", putNew, nil, []fault{noAnswer}, 29 * time.Second, media.ErrUnavailable, "no answer within", 2, 9 * time.Second},
		{"new audio that the store does not read", putNewLarge, nil, []fault{unread}, 29 * time.Second, media.ErrUnavailable, "no answer within", 2, 9 * time.Second},
		{"one internal error for new audio", putNew, nil, []fault{internal, ok}, 29 * time.Second, nil, "", 2, 100 * time.Millisecond},
		{"one reset for new audio", putNew, nil, []fault{reset, ok}, 29 * time.Second, nil, "", 2, 100 * time.Millisecond},
		{"connection refused", read, refused, []fault{ok}, 0, media.ErrUnavailable, "connection refused", 3, 300 * time.Millisecond},
		{"no connection", read, blackHole, []fault{ok}, 0, media.ErrUnavailable, "", 3, 1800 * time.Millisecond},
		{"cut off", read, nil, []fault{cut}, 0, media.ErrUnavailable, "unexpected EOF", 1, 0},
		{"stalled", read, nil, []fault{stalled}, 0, media.ErrUnavailable, "no byte for 5s", 1, 5 * time.Second},
		{"the caller's deadline", read, nil, []fault{stalled}, 3 * time.Second, media.ErrUnavailable, "deadline", 1, 3 * time.Second},
		{"forbidden", read, nil, []fault{answer(403, "AccessDenied")}, 0, media.ErrUnavailable, "AccessDenied", 1, 0},
		{"another region", read, nil, []fault{answer(301, "PermanentRedirect")}, 0, media.ErrUnavailable, "PermanentRedirect", 1, 0},
		{"an invalid range", read, nil, []fault{bytesOf(5, 5, "Content-Range", "of nonsense")}, 0, nil, "", 1, 0},
		{"the whole object instead of a part", readMiddle, nil, []fault{ok}, 0, media.ErrUnavailable, "not a part", 1, 0},
		{"a shorter part", readMiddle, nil, []fault{bytesOf(3, 3, "Content-Range", "bytes 5-7/8")}, 0, media.ErrChanged, "5-7 of 8", 1, 0},
		{"a part after the end", readMiddle, nil, []fault{answer(416, "InvalidRange")}, 0, media.ErrChanged, "InvalidRange", 1, 0},
		{"no such key", read, nil, []fault{answer(404, "NoSuchKey")}, 0, media.ErrNotFound, "", 1, 0},
		{"no such bucket", read, nil, []fault{answer(404, "NoSuchBucket")}, 0, media.ErrUnavailable, `"recordings" does not exist`, 1, 0},
		{"no such bucket for a put", put, nil, []fault{answer(404, "NoSuchBucket")}, 0, media.ErrUnavailable, `"recordings" does not exist`, 1, 0},
		{"no such bucket for a removal", remove, nil, []fault{answer(404, "NoSuchBucket")}, 0, media.ErrUnavailable, `"recordings" does not exist`, 1, 0},
		{"no such bucket for a head", stat, nil, []fault{answer(404, "")}, 0, media.ErrUnavailable, `"recordings" does not exist`, 2, 0},
		{"no such key for a head", stat, nil, []fault{answer(404, ""), ok}, 0, media.ErrNotFound, "", 2, 0},
		{"no such key, without permission for the bucket", stat, nil, []fault{answer(404, ""), answer(403, "")}, 0, media.ErrNotFound, "", 2, 0},
		{"changed", read, nil, []fault{answer(412, "PreconditionFailed")}, 0, media.ErrChanged, "", 1, 0},
		{"removed already", remove, nil, []fault{answer(404, "NoSuchKey")}, 0, nil, "", 1, 0},
		{"a copy without a result", duplicate, nil, []fault{bytesOf(0, 0)}, 0, media.ErrUnavailable, "no result", 1, 0},
		{"a copy whose answer breaks off", duplicate, nil, []fault{bytesOf(1000, 10)}, 0, media.ErrUnavailable, "", 1, 0},
		{"warm", warm, nil, []fault{ok}, 0, nil, "", 1, 0},
		{"warm without a bucket", warm, nil, []fault{answer(404, "")}, 0, media.ErrUnavailable, `"recordings" does not exist`, 1, 0},
	} {
		t.Run(c.name, c.check)
	}
}

func (c faultCase) check(t *testing.T) {
	withFake(t, c.dial, c.script, func(t *testing.T, f *fakeStore) {
		entry := &requestlog.Entry{}
		ctx := requestlog.With(t.Context(), entry)
		if c.deadline > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, c.deadline)
			defer cancel()
		}
		begin := time.Now()
		err := c.do(ctx, f)
		took := time.Since(begin)
		for _, e := range []error{media.ErrNotFound, media.ErrChanged, media.ErrOccupied, media.ErrUnavailable} {
			if errors.Is(err, e) != errors.Is(c.want, e) {
				t.Errorf("error = %v, want %v", err, c.want)
			}
		}
		if err != nil && (!strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "http://")) {
			t.Errorf("error = %q, want it to contain %q and no URL", err, c.text)
		}
		if c.want == nil && err != nil {
			t.Errorf("error = %v, want nil", err)
		}
		if entry.MediaCalls != c.calls || len(f.requests()) > c.calls {
			t.Errorf("calls = %d (%v), want %d", entry.MediaCalls, f.requests(), c.calls)
		}
		if took > c.within {
			t.Errorf("took %v, want at most %v", took, c.within)
		}
	})
}
