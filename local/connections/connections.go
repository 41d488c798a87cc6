// Package connections limits how many connections the servers on one machine have open, so that
// clients that open many cannot use up the process's open files.
package connections

import (
	"io"
	"net"
	"net/http"
	"sync"
)

// Listener limits the number of open connections. At the limit, it closes the connection that has
// been idle longest to make room for a new one. Idle connections therefore cannot block other
// clients. A connection is idle while the server waits for the headers of its next request, also
// if a part of them has come; while a request is served, it is not, however long that takes.
type Listener struct {
	net.Listener
	max int

	mu     sync.Mutex
	freed  *sync.Cond
	open   map[net.Conn]bool // whether a request is being served
	quiet  []net.Conn        // without a request, longest first; may hold closed ones
	closed bool
}

// Limit returns a listener with at most that many open connections of l. The server must call
// [Listener.Track] for each change of a connection's state.
func Limit(l net.Listener, most int) *Listener {
	c := &Listener{Listener: l, max: most, open: map[net.Conn]bool{}}
	c.freed = sync.NewCond(&c.mu)
	return c
}

// Accept returns the next connection, once there is room for it.
func (c *Listener) Accept() (net.Conn, error) {
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
	c.rest(counted)
	return counted, nil
}

// evict closes the connection that has waited longest. ok is false if every
// connection has a request. The caller holds the lock.
func (c *Listener) evict() (ok bool) {
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

// Track follows the states of the connections, for http.Server.ConnState.
func (c *Listener) Track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.open[conn]; !known {
		return
	}
	switch state {
	case http.StateActive:
		c.open[conn] = true
	case http.StateIdle:
		c.rest(conn)
		c.freed.Signal()
	case http.StateClosed, http.StateHijacked, http.StateNew:
	}
}

// rest notes that a connection is idle from now on. The caller holds the lock.
func (c *Listener) rest(conn net.Conn) {
	c.open[conn] = false
	c.quiet = append(c.quiet, conn)
	if len(c.quiet) > 2*c.max {
		c.compact()
	}
}

// compact removes busy and closed connections from quiet. Of several entries for the
// same connection, it keeps the last.
func (c *Listener) compact() {
	last := map[net.Conn]int{}
	for i, conn := range c.quiet {
		last[conn] = i
	}
	var rest []net.Conn
	for i, conn := range c.quiet {
		if busy, known := c.open[conn]; known && !busy && last[conn] == i {
			rest = append(rest, conn)
		}
	}
	c.quiet = rest
}

// Close stops Accept.
func (c *Listener) Close() error {
	c.mu.Lock()
	c.closed = true
	c.freed.Broadcast()
	c.mu.Unlock()
	return c.Listener.Close()
}

// countedConn makes room when it is closed.
type countedConn struct {
	net.Conn
	of *Listener
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
