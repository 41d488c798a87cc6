package s3media

import (
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

	"callrecordings/shared/media"
	"callrecordings/shared/requestlog"
)

// fault is what the fake store does with one request.
type fault func(w http.ResponseWriter, r *http.Request)

func answer(status int, code string) fault {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		if status == http.StatusMovedPermanently {
			w.Header().Set("Location", "http://elsewhere.test/")
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>so it is</Message></Error>", code)
	}
}

// bytesOf answers with a body that should be size bytes long.
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

func silent(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
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

// world is the fake store in a bubble of synctest: connections are pipes, and
// time passes when everybody waits.
type world struct {
	*Bucket
	mu     sync.Mutex
	script []fault // one a request; the last one goes on
	asked  []string
	conns  chan net.Conn
	closed chan struct{}
	dial   func(ctx context.Context) error // fails or delays a connection
}

func (w *world) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}
func (w *world) Close() error   { close(w.closed); return nil }
func (w *world) Addr() net.Addr { return &net.TCPAddr{} }

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.asked = append(w.asked, r.Method)
	f := w.script[min(len(w.asked), len(w.script))-1]
	w.mu.Unlock()
	f(rw, r)
}

// requests are the methods that were asked for so far. A request that was
// given up may still be on its way into the fake.
func (w *world) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

func (w *world) connect(ctx context.Context, _, _ string) (net.Conn, error) {
	if w.dial != nil {
		if err := w.dial(ctx); err != nil {
			return nil, &net.OpError{Op: "dial", Err: err}
		}
	}
	here, there := net.Pipe()
	w.conns <- there
	return here, nil
}

// inWorld runs test against a store that follows the script.
func inWorld(t *testing.T, dial func(context.Context) error, script []fault, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{script: script, conns: make(chan net.Conn), closed: make(chan struct{}), dial: dial}
		n := standard()
		n.calls.Dial, n.uploads.Dial = w.connect, w.connect
		b, err := open(Options{
			Region: "us-east-1", Endpoint: "http://store.test", Bucket: "recordings",
			Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		}, n)
		if err != nil {
			t.Fatalf("open = %v, want nil", err)
		}
		w.Bucket = b
		s := &http.Server{Handler: w}
		go func() { _ = s.Serve(w) }()
		test(t, w)
		b.Rest()
		if err := s.Close(); err != nil {
			t.Errorf("closing the fake = %v, want nil", err)
		}
	})
}

func stat(ctx context.Context, w *world) error {
	_, err := w.Stat(ctx, "key")
	return err
}

func read(ctx context.Context, w *world) error { return readPart(ctx, w, nil) }

func readMiddle(ctx context.Context, w *world) error {
	return readPart(ctx, w, &media.Part{Offset: 5, Length: 10})
}

func readPart(ctx context.Context, w *world, p *media.Part) error {
	body, _, err := w.Open(ctx, "key", "", p)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, body)
	return errors.Join(err, body.Close())
}

func remove(ctx context.Context, w *world) error { return w.Remove(ctx, "key") }

func put(ctx context.Context, w *world) error {
	return w.Put(ctx, "key", "audio/mpeg", strings.NewReader("hello"), 5)
}

func warm(ctx context.Context, w *world) error { return w.Warm(ctx) }

func TestFaults(t *testing.T) {
	t.Parallel()
	refused := func(context.Context) error { return syscall.ECONNREFUSED }
	blackHole := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	slow, internal := answer(503, "SlowDown"), answer(500, "InternalError")
	for _, c := range []struct {
		name     string
		do       func(context.Context, *world) error
		dial     func(context.Context) error
		script   []fault
		deadline time.Duration // 0: none
		want     error
		says     string        // in the error's text
		calls    int           // requests counted
		within   time.Duration // of the bubble's time
	}{
		{"served", read, nil, []fault{ok}, 0, nil, "", 1, 0},
		{"served at the second attempt", read, nil, []fault{slow, ok}, 0, nil, "", 2, 100 * time.Millisecond},
		{"served at the third attempt", stat, nil, []fault{internal, slow, ok}, 0, nil, "", 3, 300 * time.Millisecond},
		{"slow down", read, nil, []fault{slow}, 0, media.ErrUnavailable, "SlowDown", 3, 300 * time.Millisecond},
		{"slow down for a head", stat, nil, []fault{slow}, 0, media.ErrUnavailable, "503", 3, 300 * time.Millisecond},
		{"slow down for a removal", remove, nil, []fault{slow}, 0, media.ErrUnavailable, "SlowDown", 3, 300 * time.Millisecond},
		{"slow down for a put", put, nil, []fault{slow}, 0, media.ErrUnavailable, "SlowDown", 3, 300 * time.Millisecond},
		{"internal error", read, nil, []fault{internal}, 0, media.ErrUnavailable, "InternalError", 3, 300 * time.Millisecond},
		{"no time to try again", read, nil, []fault{slow, ok}, 2 * time.Second, media.ErrUnavailable, "SlowDown", 1, 0},
		{"time to try once more", read, nil, []fault{silent}, 5 * time.Second, media.ErrUnavailable, "awaiting response headers", 2, 4200 * time.Millisecond},
		{"silence", stat, nil, []fault{silent}, 0, media.ErrUnavailable, "awaiting response headers", 3, 6300 * time.Millisecond},
		{"silence after an upload", put, nil, []fault{silent}, time.Minute + time.Second, media.ErrUnavailable, "awaiting response headers", 1, time.Minute},
		{"refused", read, refused, []fault{ok}, 0, media.ErrUnavailable, "connection refused", 3, 300 * time.Millisecond},
		{"no way to connect", read, blackHole, []fault{ok}, 0, media.ErrUnavailable, "", 3, 1800 * time.Millisecond},
		{"cut off", read, nil, []fault{cut}, 0, media.ErrUnavailable, "unexpected EOF", 1, 0},
		{"stalled", read, nil, []fault{stalled}, 0, media.ErrUnavailable, "no byte for 5s", 1, 5 * time.Second},
		{"the caller's deadline", read, nil, []fault{stalled}, 3 * time.Second, media.ErrUnavailable, "deadline", 1, 3 * time.Second},
		{"forbidden", read, nil, []fault{answer(403, "AccessDenied")}, 0, media.ErrUnavailable, "AccessDenied", 1, 0},
		{"another region", read, nil, []fault{answer(301, "PermanentRedirect")}, 0, media.ErrUnavailable, "PermanentRedirect", 1, 0},
		{"no sense", read, nil, []fault{bytesOf(5, 5, "Content-Range", "of cabbages")}, 0, nil, "", 1, 0},
		{"a part is not a part", readMiddle, nil, []fault{ok}, 0, media.ErrUnavailable, "parts", 1, 0},
		{"another part", readMiddle, nil, []fault{bytesOf(3, 3, "Content-Range", "bytes 5-7/8")}, 0, media.ErrChanged, "5-7 of 8", 1, 0},
		{"a part behind the end", readMiddle, nil, []fault{answer(416, "InvalidRange")}, 0, media.ErrChanged, "InvalidRange", 1, 0},
		{"no such key", read, nil, []fault{answer(404, "NoSuchKey")}, 0, media.ErrNotFound, "", 1, 0},
		{"no such bucket", read, nil, []fault{answer(404, "NoSuchBucket")}, 0, media.ErrUnavailable, `"recordings" does not exist`, 1, 0},
		{"no such bucket for a put", put, nil, []fault{answer(404, "NoSuchBucket")}, 0, media.ErrUnavailable, `"recordings" does not exist`, 1, 0},
		{"no such bucket for a removal", remove, nil, []fault{answer(404, "NoSuchBucket")}, 0, media.ErrUnavailable, `"recordings" does not exist`, 1, 0},
		{"no such bucket for a head", stat, nil, []fault{answer(404, "")}, 0, media.ErrUnavailable, `"recordings" does not exist`, 2, 0},
		{"no such key for a head", stat, nil, []fault{answer(404, ""), ok}, 0, media.ErrNotFound, "", 2, 0},
		{"no such key, and no right to ask for the bucket", stat, nil, []fault{answer(404, ""), answer(403, "")}, 0, media.ErrNotFound, "", 2, 0},
		{"changed", read, nil, []fault{answer(412, "PreconditionFailed")}, 0, media.ErrChanged, "", 1, 0},
		{"removed already", remove, nil, []fault{answer(404, "NoSuchKey")}, 0, nil, "", 1, 0},
		{"warm", warm, nil, []fault{ok}, 0, nil, "", 1, 0},
		{"warm without a bucket", warm, nil, []fault{answer(404, "")}, 0, media.ErrUnavailable, `"recordings" does not exist`, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, c.dial, c.script, func(t *testing.T, w *world) {
				entry := &requestlog.Entry{}
				ctx := requestlog.With(t.Context(), entry)
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				begin := time.Now()
				err := c.do(ctx, w)
				took := time.Since(begin)
				for _, e := range []error{media.ErrNotFound, media.ErrChanged, media.ErrUnavailable} {
					if errors.Is(err, e) != errors.Is(c.want, e) {
						t.Errorf("error = %v, want %v", err, c.want)
					}
				}
				if err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "http://")) {
					t.Errorf("error = %q, want it to say %q and no URL", err, c.says)
				}
				if c.want == nil && err != nil {
					t.Errorf("error = %v, want nil", err)
				}
				if entry.MediaCalls != c.calls || len(w.requests()) > c.calls {
					t.Errorf("calls = %d (%v), want %d", entry.MediaCalls, w.requests(), c.calls)
				}
				if took > c.within {
					t.Errorf("it took %v, want at most %v", took, c.within)
				}
			})
		})
	}
}

// TestBrokenUploadIsTakenBack lets each request of an upload in parts fail.
func TestBrokenUploadIsTakenBack(t *testing.T) {
	t.Parallel()
	begun := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>")
	}
	part := func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("ETag", `"e"`)
	}
	joined := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<CompleteMultipartUploadResult><ETag>e-2</ETag></CompleteMultipartUploadResult>")
	}
	gone := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	no := answer(400, "InvalidRequest")
	late := answer(200, "InternalError") // S3 answers before it knows
	for _, c := range []struct {
		name   string
		script []fault
		want   error
		asked  string
		bytes  int64
	}{
		{"nothing fails", []fault{begun, part, part, joined}, nil, "POST PUT PUT POST", minPart + 1},
		{"no beginning", []fault{no}, media.ErrUnavailable, "POST", 0},
		{"no first part", []fault{begun, no, gone}, media.ErrUnavailable, "POST PUT DELETE", 0},
		{"no second part", []fault{begun, part, no, gone}, media.ErrUnavailable, "POST PUT PUT DELETE", minPart},
		{"a part at the second attempt", []fault{begun, answer(500, "InternalError"), part, part, joined}, nil, "POST PUT PUT PUT POST", minPart + 1},
		{"no end", []fault{begun, part, part, no, gone}, media.ErrUnavailable, "POST PUT PUT POST DELETE", minPart + 1},
		{"no end, said late", []fault{begun, part, part, late, late, late, gone}, media.ErrUnavailable, "POST PUT PUT POST POST POST DELETE", minPart + 1},
		{"no way back", []fault{begun, no, no}, media.ErrUnavailable, "POST PUT DELETE", 0},
		{"nothing to take back", []fault{begun, no, answer(404, "NoSuchUpload")}, media.ErrUnavailable, "POST PUT DELETE", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, nil, c.script, func(t *testing.T, w *world) {
				entry := &requestlog.Entry{}
				size := int64(minPart + 1)
				err := w.Put(requestlog.With(t.Context(), entry), "key", "audio/mpeg",
					strings.NewReader(strings.Repeat("x", int(size))), size)
				if !errors.Is(err, c.want) || (err != nil) != (c.want != nil) {
					t.Errorf("Put = %v, want %v", err, c.want)
				}
				if left := strings.Contains(fmt.Sprint(err), "left behind"); left != (c.name == "no way back") {
					t.Errorf("Put = %v, which is wrong about the parts", err)
				}
				if got := strings.Join(w.requests(), " "); got != c.asked {
					t.Errorf("requests = %s, want %s", got, c.asked)
				}
				if entry.AudioBytes != c.bytes || entry.MediaCalls != len(w.requests()) {
					t.Errorf("entry: %d bytes in %d calls, want %d in %d",
						entry.AudioBytes, entry.MediaCalls, c.bytes, len(w.requests()))
				}
			})
		})
	}
}

func TestGivingUpEndsAnUpload(t *testing.T) {
	t.Parallel()
	begun := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>")
	}
	gone := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	inWorld(t, nil, []fault{begun, silent, gone}, func(t *testing.T, w *world) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err := w.Put(ctx, "key", "audio/mpeg", strings.NewReader(strings.Repeat("x", minPart+1)), minPart+1)
		if !errors.Is(err, media.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Put = %v, want ErrUnavailable for the deadline", err)
		}
		if got := strings.Join(w.requests(), " "); got != "POST PUT DELETE" {
			t.Errorf("requests = %s, want the parts taken back", got)
		}
	})
}
