package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// endless streams zeros until the client leaves. It reports the context of each stream, if
// begun is not nil, and each end.
func endless(t *testing.T, begun chan<- context.Context, ended chan<- error) http.Handler {
	t.Helper()
	return handlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, end, err := w.(interface {
			Stream(ctx context.Context) (context.Context, func(), error)
		}).Stream(r.Context())
		if err != nil {
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		defer end()
		if begun != nil {
			begun <- ctx
		}
		w.Header().Set("Content-Length", "1000000000")
		chunk := make([]byte, 64<<10)
		for err == nil {
			_, err = w.Write(chunk)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Hour):
			t.Error("the context lasts although the client has left")
		}
		ended <- err
	})
}

// The local server sends the first byte while the handler still writes. A body that
// breaks off is one that the client sees to be cut, also without a length.
func TestLocalStreams(t *testing.T) {
	t.Parallel()
	proceed := make(chan struct{})
	server := serve(t, handlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, end := start(t, w, r)
		defer end()
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "100")
		}
		_, _ = io.WriteString(w, "first")
		<-proceed
		if r.URL.Path != "/whole" {
			panic("boom")
		}
		_, _ = io.WriteString(w, "last")
	}))
	for _, path := range []string{"/length", "/chunks", "/whole"} {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 5)
		if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "first" || resp.Header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%s begins with %q and %v (%v)", path, first, resp.Header, err)
		}
		proceed <- struct{}{}
		rest, err := io.ReadAll(resp.Body)
		if whole := path == "/whole"; whole != (err == nil) || whole != (string(rest) == "last") || !whole && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s ends with %q, %v", path, rest, err)
		}
		_ = resp.Body.Close()
	}
}

// A client that leaves ends the handler's context and its writes, and gives its place back.
func TestLocalStreamEndsWithItsClient(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	withPipes(t, endless(t, nil, ended), func(t *testing.T, b *Budget, p pipes) {
		_, conn := p.get(t, "/")
		if free := b.streams.free; free != streamBudget-streamCost {
			t.Errorf("%d bytes are free during a stream, want %d less than %d", free, streamCost, streamBudget)
		}
		_ = conn.Close()
		if err := <-ended; err == nil {
			t.Error("the writes went on")
		}
		synctest.Wait()
		if free := b.streams.free; free != streamBudget {
			t.Errorf("%d bytes are free after the stream, want all %d", free, streamBudget)
		}
	})
}

// A stream may last an hour, so it does not hold the memory of the request's body until then.
func TestLocalStreamDropsTheBodyOfItsRequest(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	stream := endless(t, nil, ended)
	h := handlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 2)
		if _, err := io.ReadFull(r.Body, first); err != nil || string(first) != "ab" {
			t.Errorf("the body begins with %q (%v)", first, err)
		}
		stream.ServeHTTP(w, r)
		if rest, err := io.ReadAll(r.Body); len(rest) > 0 || err != nil {
			t.Errorf("the body has %d more bytes (%v), want none", len(rest), err)
		}
	})
	withPipes(t, h, func(t *testing.T, b *Budget, p pipes) {
		_, conn := p.send(t, "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n"+strings.Repeat("ab", 500))
		for range 2 {
			if free := b.requests.free; free != maxBody {
				t.Errorf("%d bytes are free for requests, want all %d", free, maxBody)
			}
			_ = conn.Close()
			synctest.Wait() // the end does not give the bytes back once more
		}
		if err := <-ended; err == nil {
			t.Error("the writes went on")
		}
	})
}

// A client that stops reading is cut off after half a minute. One that reads slowly is
// not, even long after the server's time-outs for ordinary requests.
func TestLocalStreamOfASlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun, ended := make(chan context.Context, 1), make(chan error, 1)
		p := pipes{make(chan net.Conn), make(chan struct{})}
		s := &http.Server{Handler: NewBudget(0).Local(endless(t, begun, ended)), ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute}
		go func() { _ = s.Serve(p) }()
		resp, conn := p.get(t, "/")
		for range 20 {
			time.Sleep(10 * time.Second)
			if _, err := io.CopyN(io.Discard, resp.Body, 64<<10); err != nil {
				t.Errorf("after a slow read: %v", err)
				break
			}
		}
		if err := (<-begun).Err(); err != nil {
			t.Errorf("the context of a stream that is read ends with %v", err)
		}
		began := time.Now()
		if err := <-ended; err == nil || time.Since(began) > chunkTime {
			t.Errorf("a client that stopped reading was cut off after %v with %v, want %v", time.Since(began), err, chunkTime)
		}
		_ = conn.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// One account gets three quarters of the streams. Then its requests get a 429, and those of
// other accounts a stream.
func TestOneAccountCannotHoldAllStreams(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1000)
	withPipes(t, endless(t, nil, ended), func(t *testing.T, b *Budget, p pipes) {
		b.Party = func(r *http.Request) string { return strings.Trim(r.URL.Path, "/") }
		var mu sync.Mutex
		var conns []net.Conn
		open := func(account string, n int) (streams int) {
			for range n {
				resp, conn := p.get(t, "/"+account)
				mu.Lock()
				conns = append(conns, conn)
				mu.Unlock()
				if resp.StatusCode == http.StatusOK {
					streams++
				} else if resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
					t.Errorf("%s: %d, want 429 with Retry-After", account, resp.StatusCode)
				}
			}
			return streams
		}
		const all = streamBudget / streamCost
		if n := open("greedy", all*3/4+2); n != all*3/4 {
			t.Errorf("one account has %d streams, want %d of %d", n, all*3/4, all)
		}
		if n := open("other", 2); n != 2 {
			t.Errorf("another account has %d streams, want 2", n)
		}
		for _, c := range conns {
			_ = c.Close()
		}
		for range all*3/4 + 2 {
			if err := <-ended; err == nil {
				t.Error("a stream has ended although its writes succeed")
			}
		}
	})
}
