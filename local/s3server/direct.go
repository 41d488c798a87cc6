package s3server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Transport returns a transport for clients in this process. It answers GET and HEAD
// requests for [Server.InternalURL] without a connection: the client reads objects
// straight from their files, which takes a third of the CPU time. The requests are
// signed and checked like any other. It passes all other requests to next, also after
// [Server.Close].
func (s *Server) Transport(next http.RoundTripper) http.RoundTripper { return &direct{s, next} }

type direct struct {
	server *Server
	next   http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	reads := (r.Method == http.MethodGet || r.Method == http.MethodHead) && (r.Body == nil || r.Body == http.NoBody)
	if !reads || r.URL.Host != d.server.internal || d.server.closed() {
		return d.next.RoundTrip(r)
	}
	in := r.Clone(r.Context())
	in.RequestURI, in.Body = r.URL.RequestURI(), http.NoBody
	in.URL.Scheme, in.URL.Host = "", ""
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	x := &exchange{
		ctx: r.Context(), head: r.Method == http.MethodHead, header: http.Header{}, started: make(chan struct{}),
		more: make(chan struct{}, 1), taken: make(chan error, 1), left: make(chan struct{}), ended: make(chan struct{}),
	}
	go x.serve(d.server, in)
	patience := time.NewTimer(headerTime)
	defer patience.Stop()
	select {
	case <-x.started:
		return x.response(r), nil
	case <-r.Context().Done():
		_ = x.Close()
		return nil, r.Context().Err()
	case <-patience.C:
		_ = x.Close()
		return nil, errSlow
	}
}

var (
	errSlow = errors.New("the S3 server did not answer in time")
	errLeft = errors.New("the client has closed the answer")
)

// CloseIdleConnections closes those of next; see [http.Client.CloseIdleConnections].
func (d *direct) CloseIdleConnections() {
	if next, ok := d.next.(interface{ CloseIdleConnections() }); ok {
		next.CloseIdleConnections()
	}
}

// closed reports whether Close was called.
func (s *Server) closed() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// exchange is one request and its answer. It is the response writer of the server, and
// the body that the client reads. The two take turns: the server offers a reader, and
// goes on when the client has read all of it.
type exchange struct {
	ctx     context.Context //nolint:containedctx // that of the request
	head    bool
	header  http.Header
	status  int
	started chan struct{} // closed with the status
	start   sync.Once

	mu      sync.Mutex    // held while the client reads
	current *counter      // the current offer of the server; nil without one
	more    chan struct{} // receives when there is something to read
	taken   chan error    // receives when the client has read all of it

	left   chan struct{} // closed when the client closes the body
	leave  sync.Once
	ended  chan struct{} // closed when the server is done
	broken bool          // the answer is incomplete; set before ended is closed
}

// serve runs the server.
func (x *exchange) serve(s *Server, r *http.Request) {
	defer func() {
		x.broken = recover() != nil // http.ErrAbortHandler, as in net/http
		x.WriteHeader(http.StatusOK)
		close(x.ended)
	}()
	s.ServeHTTP(x, r)
}

// response returns the answer. The client reads its body from x.
func (x *exchange) response(r *http.Request) *http.Response {
	resp := &http.Response{
		Status: http.StatusText(x.status), StatusCode: x.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: x.header, Body: x, ContentLength: -1, Request: r,
	}
	if n, err := strconv.ParseInt(x.header.Get("Content-Length"), 10, 64); err == nil {
		resp.ContentLength = n
	}
	return resp
}

// Header implements [http.ResponseWriter].
func (x *exchange) Header() http.Header {
	select {
	case <-x.started: // the client has the other one
		return http.Header{}
	default:
		return x.header
	}
}

// WriteHeader implements [http.ResponseWriter].
func (x *exchange) WriteHeader(status int) {
	x.start.Do(func() {
		x.status = status
		close(x.started)
	})
}

// Write implements [http.ResponseWriter].
func (x *exchange) Write(p []byte) (int, error) {
	n, err := x.ReadFrom(bytes.NewReader(p))
	return int(n), err
}

// ReadFrom lets the client read r to its end.
func (x *exchange) ReadFrom(r io.Reader) (int64, error) {
	x.WriteHeader(http.StatusOK)
	if x.head {
		return io.Copy(io.Discard, r)
	}
	if err := x.over(); err != nil {
		return 0, err
	}
	counted := &counter{Reader: r}
	x.offer(counted)
	select {
	case x.more <- struct{}{}:
	default: // the client has not seen the previous one
	}
	defer x.offer(nil) // r must not be read afterwards
	select {
	case err := <-x.taken:
		return counted.n, err
	case <-x.left:
		return 0, errLeft
	case <-x.ctx.Done():
		return 0, x.ctx.Err()
	}
}

// over returns an error if the client no longer reads.
func (x *exchange) over() error {
	select {
	case <-x.left:
		return errLeft
	case <-x.ctx.Done():
		return x.ctx.Err()
	default:
		return nil
	}
}

func (x *exchange) offer(r *counter) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.current = r
}

// counter counts the bytes that are read.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// done reports whether a part of a file has been read to its end. The client need not
// read once more to see that, and often does not.
func (c *counter) done() bool {
	part, ok := c.Reader.(*io.LimitedReader)
	return ok && part.N <= 0
}

// Read reads the body for the client.
func (x *exchange) Read(p []byte) (int, error) {
	for {
		if err := x.over(); err != nil {
			return 0, err
		}
		n, err := x.readOffered(p)
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		select {
		case <-x.more:
		case <-x.ended:
			if x.broken {
				return 0, io.ErrUnexpectedEOF
			}
			return 0, io.EOF
		case <-x.left:
		case <-x.ctx.Done():
		}
	}
}

// readOffered reads from the current offer of the server. It returns 0 and nil at its end.
func (x *exchange) readOffered(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.current == nil {
		return 0, nil
	}
	n, err := x.current.Read(p)
	if err == nil && !x.current.done() {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	x.current = nil
	x.taken <- err
	return n, err
}

// Close ends the answer for the client, even before its end.
func (x *exchange) Close() error {
	x.leave.Do(func() { close(x.left) })
	return nil
}
