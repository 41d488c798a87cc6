package s3server

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Timeouts of connections.
const (
	// headerTime is how long a client may take for the headers of a request.
	headerTime = 10 * time.Second
	// unreadTime is how long the body of a refused request may take to arrive.
	unreadTime = 10 * time.Second
	// ioTimeout is how long a transfer may make no progress.
	ioTimeout = 2 * time.Minute
	// idleTime is how long a connection may wait for its next request.
	idleTime = time.Minute
	// retryAfter is the Retry-After of a request of a party that has its share, in seconds. It is
	// that of the API (package gateway).
	retryAfter = "5"
	// maxHeader limits the headers of a request, in bytes.
	maxHeader = 16 << 10
)

// extendWrite gives the client another ioTimeout to take the next bytes.
func extendWrite(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(ioTimeout)) // no deadlines: the connection is hijacked, which never happens
}

// connections limits the number of open connections. At the limit, it closes the
// connection that has been idle longest to make room for a new one. Idle connections
// therefore cannot block other clients.
type connections struct {
	net.Listener
	max int

	mu     sync.Mutex
	freed  *sync.Cond
	open   map[net.Conn]bool // whether a request is being served
	quiet  []net.Conn        // without a request, longest first; may hold closed ones
	closed bool
}

func limit(l net.Listener, most int) *connections {
	c := &connections{Listener: l, max: most, open: map[net.Conn]bool{}}
	c.freed = sync.NewCond(&c.mu)
	return c
}

// Accept returns the next connection, once there is room for it.
func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	counted := &countedConn{Conn: conn, of: c}
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.open) >= c.max && !c.closed {
		if !c.evict() {
			c.freed.Wait()
		}
	}
	if c.closed {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	c.open[counted] = false
	c.quiet = append(c.quiet, counted)
	return counted, nil
}

// evict closes the connection that has waited longest. ok is false if every
// connection has a request. The caller holds the lock.
func (c *connections) evict() (ok bool) {
	for len(c.quiet) > 0 {
		conn := c.quiet[0].(*countedConn)
		c.quiet = c.quiet[1:]
		if busy, known := c.open[conn]; known && !busy {
			delete(c.open, conn)
			_ = conn.Conn.Close()
			return true
		}
	}
	return false
}

// track follows the states of the connections, for http.Server.ConnState.
func (c *connections) track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.open[conn]; !known {
		return
	}
	switch state {
	case http.StateActive:
		c.open[conn] = true
	case http.StateIdle:
		c.open[conn] = false
		c.quiet = append(c.quiet, conn)
		if len(c.quiet) > 2*c.max {
			c.compact()
		}
		c.freed.Signal()
	case http.StateClosed, http.StateHijacked, http.StateNew:
	}
}

// compact removes busy and closed connections from quiet. Of several entries for the
// same connection, it keeps the last.
func (c *connections) compact() {
	last := map[net.Conn]int{}
	for i, conn := range c.quiet {
		last[conn] = i
	}
	rest := c.quiet[:0]
	for i, conn := range c.quiet {
		if busy, known := c.open[conn]; known && !busy && last[conn] == i {
			rest = append(rest, conn)
		}
	}
	c.quiet = rest
}

// Close stops Accept.
func (c *connections) Close() error {
	c.mu.Lock()
	c.closed = true
	c.freed.Broadcast()
	c.mu.Unlock()
	return c.Listener.Close()
}

// countedConn makes room when it is closed.
type countedConn struct {
	net.Conn
	of *connections
}

// Close closes the connection.
func (c *countedConn) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.freed.Signal()
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// ReadFrom lets the kernel copy a file to the connection.
func (c *countedConn) ReadFrom(r io.Reader) (int64, error) {
	if to, ok := c.Conn.(io.ReaderFrom); ok {
		return to.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}

// shares limits how many requests of one party are served at once to three quarters of all
// connections. Clients of one account that read or write slowly therefore leave room for
// those of others.
type shares struct {
	max int

	mu   sync.Mutex
	busy map[string]int
}

func newShares(connections int) *shares {
	return &shares{max: max(1, connections*3/4), busy: map[string]int{}}
}

// take begins a request of a party. The caller must call give at its end. ok is false if the
// party has its share already.
func (s *shares) take(party string) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[party] >= s.max {
		return false
	}
	s.busy[party]++
	return true
}

// give ends a request of a party.
func (s *shares) give(party string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[party]--; s.busy[party] == 0 {
		delete(s.busy, party)
	}
}

// partyOf returns the party of an object: the second segment of its key, which is the
// account in the keys of this service. Other keys are of one party.
func partyOf(key string) string {
	_, rest, _ := strings.Cut(key, "/")
	party, _, _ := strings.Cut(rest, "/")
	return party
}
