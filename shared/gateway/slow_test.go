package gateway

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener that connects through pipes without a buffer, so that a client that does not
// read holds up the server.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// get sends a request, and reads no more than the headers of the answer.
func (p pipes) get(t *testing.T, path string) (*http.Response, net.Conn) {
	t.Helper()
	return p.send(t, "GET "+path+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
}

// send is get with the text of a request.
func (p pipes) send(t *testing.T, request string) (*http.Response, net.Conn) {
	t.Helper()
	here, there := net.Pipe()
	p.conns <- there
	if _, err := io.WriteString(here, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(here), nil)
	if err != nil {
		t.Fatal(err)
	}
	return resp, here
}

// withPipes runs test with a server of h behind a budget, in a synctest bubble.
func withPipes(t *testing.T, h http.Handler, test func(*testing.T, *Budget, pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, p := NewBudget(0), pipes{make(chan net.Conn), make(chan struct{})}
		s := &http.Server{Handler: b.Local(h)}
		go func() { _ = s.Serve(p) }()
		test(t, b, p)
		synctest.Wait()
		if b.answers.free != MaxResponse {
			t.Errorf("%d bytes are free at the end, want all %d", b.answers.free, MaxResponse)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Clients that read slowly hold no more bytes than the budget allows. Other clients
// wait, and get a 429 with Retry-After if no room becomes free. Small answers need no
// room.
func TestSlowReadersHoldTheirShare(t *testing.T) {
	t.Parallel()
	const size = MaxResponse / 3 // a third of the budget
	large := strings.Repeat("\x00", size)
	for name, reserves := range map[string]bool{"the handler reserves": true, "the handler only writes": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := handlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/small" {
					_, _ = io.WriteString(w, "small")
					return
				}
				if reserves {
					if err := w.(interface{ Reserve(n int64) error }).Reserve(size); err != nil {
						if !errors.Is(err, ErrCrowded) {
							t.Errorf("Reserve = %v, want ErrCrowded", err)
						}
						w.Header().Set("Retry-After", retryAfter)
						errorResponse{http.StatusTooManyRequests, "too_many_requests", "", ""}.write(w)
						return
					}
				}
				w.Header().Set("Content-Type", "audio/mpeg")
				_, _ = io.WriteString(w, large)
			})
			withPipes(t, h, func(t *testing.T, b *Budget, p pipes) {
				var slow []net.Conn
				for range 3 {
					resp, conn := p.get(t, "/large")
					if resp.StatusCode != http.StatusOK {
						t.Errorf("an answer within the budget: %d, want 200", resp.StatusCode)
					}
					slow = append(slow, conn)
				}
				if b.answers.free != 0 {
					t.Errorf("%d bytes are free, want none", b.answers.free)
				}
				start := time.Now()
				resp, conn := p.get(t, "/large")
				var e envelope
				if err := json.NewDecoder(resp.Body).Decode(&e); err != nil || resp.StatusCode != http.StatusTooManyRequests ||
					e.Message != "too_many_requests" || resp.Header.Get("Retry-After") != retryAfter {
					t.Errorf("an answer beyond the budget: %d, %v, %+v, %v, want 429 with Retry-After", resp.StatusCode, resp.Header, e, err)
				}
				if waited := time.Since(start); waited != answerPatience {
					t.Errorf("it waited %v, want %v", waited, answerPatience)
				}
				_ = conn.Close()
				if resp, conn := p.get(t, "/small"); resp.StatusCode != http.StatusOK || conn.Close() != nil {
					t.Errorf("a small answer: %d, want 200", resp.StatusCode)
				}
				go func() { // one client goes away while another waits
					time.Sleep(patience / 2)
					_ = slow[0].Close()
				}()
				resp, conn = p.get(t, "/large")
				if got, err := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || err != nil || string(got) != large {
					t.Errorf("an answer that waited: %d with %d bytes, %v, want 200 with %d", resp.StatusCode, len(got), err, size)
				}
				for _, c := range append(slow, conn) {
					_ = c.Close()
				}
			})
		})
	}
}
