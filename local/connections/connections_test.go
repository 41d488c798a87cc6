package connections

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// patience is how long a client of the tests waits for an answer.
const patience = 10 * time.Second

// serve starts a server with at most that many connections.
func serve(t *testing.T, most int, h http.HandlerFunc) *Listener {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	l := Limit(s.Listener, most)
	s.Listener, s.Config.ConnState = l, l.Track
	s.Start()
	t.Cleanup(s.Close)
	return l
}

// client is one connection.
type client struct {
	net.Conn
	from *bufio.Reader
}

func dial(t *testing.T, l *Listener) *client {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &client{conn, bufio.NewReader(conn)}
}

// send sends a request, with further headers.
func (c *client) send(t *testing.T, path string, header ...string) {
	t.Helper()
	head := append([]string{"GET " + path + " HTTP/1.1", "Host: h"}, header...)
	if _, err := fmt.Fprint(c, strings.Join(head, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
}

// answered reports whether the server answers the request.
func (c *client) answered() bool {
	resp, err := http.ReadResponse(c.from, nil)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusNoContent
}

// A server at its limit closes the connection that has been idle longest, and so answers the
// next client. It never closes one whose request it is serving.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	t.Parallel()
	const most = 4
	begun, proceed := make(chan struct{}), make(chan struct{})
	l := serve(t, most, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			begun <- struct{}{}
			<-proceed
		}
		w.WriteHeader(http.StatusNoContent)
	})
	slow := dial(t, l)
	slow.send(t, "/slow")
	<-begun
	var idle []*client
	for n := range 3 * most {
		c := dial(t, l)
		if c.send(t, "/"); !c.answered() {
			t.Fatalf("client %d got no answer", n)
		}
		idle = append(idle, c)
	}
	last := idle[len(idle)-1]
	if last.send(t, "/"); !last.answered() {
		t.Error("the connection that was idle for the shortest time was closed")
	}
	if idle[0].answered() {
		t.Error("a client that sent nothing got another answer")
	}
	close(proceed)
	if !slow.answered() {
		t.Error("the connection with a request was closed")
	}
}

// A connection counts as idle since its last request, not since it was opened.
func TestTheOldestConnectionMayBeInUse(t *testing.T) {
	t.Parallel()
	l := serve(t, 2, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	oldest, next := dial(t, l), dial(t, l)
	for n, c := range []*client{oldest, next, oldest} {
		if c.send(t, "/"); !c.answered() {
			t.Fatalf("request %d got no answer", n)
		}
		waitFor(t, func() bool { // the server notes it after the answer
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.idle.Len() == len(l.open)
		})
	}
	third := dial(t, l)
	if third.send(t, "/"); !third.answered() {
		t.Fatal("the third client got no answer")
	}
	if oldest.send(t, "/"); !oldest.answered() {
		t.Error("the connection that was used last was closed")
	}
}

// waitFor polls until done, for as long as a client of the tests waits.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not happen in time")
		}
	}
}

// While every connection has a request, the next client waits until one has ended.
func TestAFullServerMakesTheNextClientWait(t *testing.T) {
	t.Parallel()
	begun, proceed := make(chan struct{}, 3), make(chan struct{})
	l := serve(t, 2, func(w http.ResponseWriter, _ *http.Request) {
		begun <- struct{}{}
		<-proceed
		w.WriteHeader(http.StatusNoContent)
	})
	first, second := dial(t, l), dial(t, l)
	for _, c := range []*client{first, second} {
		c.send(t, "/")
		<-begun
	}
	third := dial(t, l)
	third.send(t, "/")
	select {
	case <-begun:
		t.Error("a third request is served")
	case <-time.After(100 * time.Millisecond):
	}
	proceed <- struct{}{}
	<-begun
	close(proceed)
	for n, c := range []*client{first, second, third} {
		if !c.answered() {
			t.Errorf("client %d got no answer", n)
		}
	}
}

// Connections that were closed leave nothing behind, also if none of them was ever idle after
// its request.
func TestClosedConnectionsAreForgotten(t *testing.T) {
	t.Parallel()
	const most = 4
	l := serve(t, most, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for range 10 * most {
		c := dial(t, l)
		if c.send(t, "/", "Connection: close"); !c.answered() {
			t.Fatal("no answer")
		}
		_ = c.Close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.idle.Len() > most || len(l.open) > most {
		t.Errorf("%d connections are idle and %d open, want at most %d", l.idle.Len(), len(l.open), most)
	}
}
