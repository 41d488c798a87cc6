// Package connections limits how many connections the servers on one machine have open, so that
// clients that open many cannot use up the process's open files.
package connections

import (
	"container/list"
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

	mu    sync.Mutex
	freed *sync.Cond
	// open has the place of each open connection in idle, or nil while its request is served.
	open   map[net.Conn]*list.Element
	idle   *list.List // of *countedConn; the one that has been idle longest is the first
	closed bool
}

// Limit returns a listener with at most that many open connections of l. The server must call
// [Listener.Track] for each change of a connection's state.
func Limit(l net.Listener, most int) *Listener {
	c := &Listener{Listener: l, max: most, open: map[net.Conn]*list.Element{}, idle: list.New()}
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

// evict closes the connection that has been idle longest. ok is false if every
// connection has a request. The caller holds the lock.
func (c *Listener) evict() (ok bool) {
	longest := c.idle.Front()
	if longest == nil {
		return false
	}
	conn := longest.Value.(*countedConn)
	c.forget(conn)
	_ = conn.Conn.Close()
	return true
}

// Track follows the states of the connections, for http.Server.ConnState.
func (c *Listener) Track(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	place, known := c.open[conn]
	if !known {
		return
	}
	switch state {
	case http.StateActive:
		if place != nil {
			c.idle.Remove(place)
			c.open[conn] = nil
		}
	case http.StateIdle:
		c.rest(conn)
		c.freed.Signal()
	case http.StateClosed, http.StateHijacked, http.StateNew:
	}
}

// rest notes that a connection is idle from now on. The caller holds the lock.
func (c *Listener) rest(conn net.Conn) {
	if place := c.open[conn]; place != nil {
		c.idle.Remove(place)
	}
	c.open[conn] = c.idle.PushBack(conn)
}

// forget no longer counts a connection. The caller holds the lock.
func (c *Listener) forget(conn net.Conn) {
	if place := c.open[conn]; place != nil {
		c.idle.Remove(place)
	}
	delete(c.open, conn)
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
	c.of.forget(c)
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
