package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/callrecordings/api/shared/requestlog"
)

// streamType is the content type of a streamed response, from which Lambda knows that a
// prelude with the status and the headers precedes the body.
const streamType = "application/vnd.awslambda.http-integration-response"

// delimiter is the number of zero bytes between the prelude and the body
// (docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html).
const delimiter = 8

// StartStreaming is like [Start], but the integration of the function has the response
// transfer mode STREAM. Every response then has the format of a stream, also one that the
// handler does not stream.
func StartStreaming(h http.Handler) {
	if !inLambda(os.Getenv, os.Stderr) { //nolint:forbidigo // Lambda's own variable, not a setting
		os.Exit(1)
	}
	lambda.StartWithOptions(newHandler(h, os.Stderr).invokeStreaming)
}

// streamed is a response in the format of a stream. aws-lambda-go reads it while it sends
// it, and closes it afterwards, also if sending has failed.
type streamed struct {
	io.Reader

	close func()
}

// ContentType returns the content type for Lambda.
func (*streamed) ContentType() string { return streamType }

// Close ends the stream. It returns after the handler has returned, each time.
func (s *streamed) Close() error {
	s.close()
	return nil
}

// MarshalJSON fails, so that aws-lambda-go sends what Read returns.
func (*streamed) MarshalJSON() ([]byte, error) { return nil, errors.New("not JSON") }

// invokeStreaming handles one event. It returns as soon as the handler has begun a stream
// or has returned.
//
// A stream runs in a goroutine, because aws-lambda-go reads a response after the handler
// has returned it. The goroutine ends before the invocation does: aws-lambda-go closes
// the response, which waits for it.
func (h *handler) invokeStreaming(ctx context.Context, payload json.RawMessage) (*streamed, error) {
	e, err := parseEvent(payload)
	if err != nil {
		return nil, err
	}
	ctx = requestlog.WithGatewayID(ctx, e.RequestContext.RequestID)
	p := newPipe(ctx, e.v2)
	ended := make(chan *response, 1)
	go func() {
		brief, cancel := context.WithTimeout(ctx, Deadline)
		defer cancel()
		c := h.handleWith(brief, e, nil, p)
		if c.response.overflowed {
			h.responseTooLarge(brief, c, c.response.written)
		}
		if c.response.streaming {
			p.end(c.response.truncated())
		}
		ended <- c.response
	}()
	select {
	case r := <-ended:
		if !r.streaming {
			return r.asStream(e.v2), nil
		}
		ended <- r
	case <-p.begun:
	}
	return &streamed{
		Reader: io.MultiReader(bytes.NewReader(p.prelude), p.reader),
		close: sync.OnceFunc(func() {
			p.abandon()
			<-ended
		}),
	}, nil
}

// asStream returns a response that was not streamed in the format of a stream.
func (r *response) asStream(v2 bool) *streamed {
	r.WriteHeader(http.StatusOK)
	header := r.finalHeader()
	if r.mayHaveBody() && !r.head {
		header.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	return &streamed{
		Reader: io.MultiReader(bytes.NewReader(prelude(r.status, header, v2)), bytes.NewReader(r.body)),
		close:  func() {},
	}
}

// prelude returns what precedes the body of a stream.
func prelude(status int, header http.Header, v2 bool) []byte {
	out := append(make([]byte, 0, 1024), `{"statusCode":`...)
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(appendHeader(out, header, v2), '}')
	return append(out, make([]byte, delimiter)...)
}

// pipe is the outlet of a function. The Runtime API's connection holds writers back: a
// write returns when aws-lambda-go has taken the bytes.
type pipe struct {
	// life ends when the response is closed, and shortly before the invocation does.
	life context.Context //nolint:containedctx // the handler's own context ends earlier
	kill context.CancelFunc
	v2   bool

	begun   chan struct{} // closed when prelude is set
	prelude []byte
	reader  *io.PipeReader
	writer  *io.PipeWriter
}

func newPipe(invocation context.Context, v2 bool) *pipe {
	p := &pipe{v2: v2, begun: make(chan struct{})}
	p.reader, p.writer = io.Pipe()
	if end, ok := invocation.Deadline(); ok {
		p.life, p.kill = context.WithDeadline(invocation, end.Add(-streamTail))
	} else {
		p.life, p.kill = context.WithCancel(invocation)
	}
	return p
}

// open implements [outlet].
func (p *pipe) open(ctx context.Context) (context.Context, func(), error) {
	ctx, cancel := within(ctx, p.life)
	unblock := context.AfterFunc(p.life, func() { p.end(true) })
	return ctx, func() {
		unblock()
		cancel()
	}, nil
}

// begin implements [outlet].
func (p *pipe) begin(status int, header http.Header) {
	p.prelude = prelude(status, header, p.v2)
	close(p.begun)
}

// write implements [outlet].
func (p *pipe) write(b []byte) (int, error) { return p.writer.Write(b) }

// end ends the body. A truncated one ends with an error in the trailer, so that Lambda
// and API Gateway know that the body is not whole. Only the first call counts.
func (p *pipe) end(truncated bool) {
	if !truncated {
		_ = p.writer.Close() // never fails
		return
	}
	_ = p.writer.CloseWithError(messages.InvokeResponse_Error{Type: "Stream.Truncated", Message: errTruncated.Error()})
}

// abandon makes the handler's next write fail.
func (p *pipe) abandon() {
	_ = p.reader.Close() // never fails
	p.kill()
}
