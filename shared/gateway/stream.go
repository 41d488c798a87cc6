package gateway

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

const (
	// MaxStream is the length in bytes of the longest body that a function streams. Lambda
	// ends a streamed response at 200 MB (Lambda quotas, streamed response); the difference
	// leaves room for what precedes the body.
	MaxStream = 200_000_000 - 64<<10
	// streamTail is how long before the deadline of an invocation its stream ends, so that
	// the function still gives the place of the stream back, and reports and logs the end.
	streamTail = 2 * time.Second
)

var (
	// errNoStream means that a handler streams although the gateway cannot.
	errNoStream = errors.New("this gateway does not stream")
	// errTruncated means that a stream ended before its announced length.
	errTruncated = errors.New("the stream ended before its announced length")
)

// outlet sends a response while the handler writes it.
type outlet interface {
	// open reserves the memory of a stream. The returned context has the values of ctx and
	// lasts as long as the client reads. release gives the memory back and cancels that
	// context. Error: ErrCrowded.
	open(ctx context.Context) (_ context.Context, release func(), _ error)
	// begin sends the status and the headers.
	begin(status int, header http.Header)
	// write sends a part of the body. It fails if the client has left or is too slow.
	write(p []byte) (int, error)
}

// Stream makes the response a stream: from now on, everything that the handler writes is
// sent at once. A handler calls it before it writes the status, and after it has read the
// request's body, which the local server drops. The returned context has the values of ctx.
// It ends when the client leaves or the stream has lasted too long, and not with the
// deadline of ordinary requests. The handler calls end when it has written everything. If it
// has written nothing by then, the response is an ordinary one again. If it has written less
// than the Content-Length that it declared, the client sees a body that breaks off.
// Error: ErrCrowded, if there are too many streams.
func (r *response) Stream(ctx context.Context) (_ context.Context, end func(), _ error) {
	if r.outlet == nil {
		return nil, nil, errNoStream
	}
	ctx, release, err := r.outlet.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	r.streaming = true
	return ctx, func() {
		r.streaming = r.status != 0
		release()
	}, nil
}

// writeStream sends a part of a streamed body.
func (r *response) writeStream(p []byte) (int, error) {
	if !r.mayHaveBody() {
		return 0, http.ErrBodyNotAllowed
	}
	n, err := r.outlet.write(p)
	r.written += n
	return n, err
}

// truncated reports whether a streamed body is not what its headers announced.
func (r *response) truncated() bool {
	if r.broken {
		return true
	}
	announced, err := strconv.Atoi(r.frozen.Get("Content-Length"))
	return err == nil && r.mayHaveBody() && !r.head && announced != r.written
}

// within returns a context with the values of ctx that ends with life.
func within(ctx, life context.Context) (context.Context, context.CancelFunc) {
	var cancel context.CancelFunc
	if end, ok := life.Deadline(); ok {
		ctx, cancel = context.WithDeadline(context.WithoutCancel(ctx), end)
	} else {
		ctx, cancel = context.WithCancel(context.WithoutCancel(ctx))
	}
	stop := context.AfterFunc(life, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}
