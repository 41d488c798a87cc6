// Package gateway adapts an [http.Handler] to API Gateway: it turns events into
// requests and responses into what API Gateway expects. [Start] serves a handler
// as a Lambda function, [StartStreaming] as one that may stream its responses.
// [Local] serves it over plain HTTP with the same limits and the same requests and
// responses, so that the local server behaves like the cloud.
//
// It takes events of two kinds and detects which by their fields: those of REST
// APIs (payload version 1), and those of HTTP APIs and function URLs (version 2).
//
// A handler can rely on the following for every event:
//
//   - r.URL always parses. REST APIs and function URLs pass the path as the client
//     wrote it, HTTP APIs pass it decoded. Characters that a path cannot contain
//     (a bare %, a ?, a space …) are escaped; everything else stays as it is, so
//     r.URL.EscapedPath has %2F where the client wrote it.
//   - r.URL.RawQuery has all parameters, and the values of one name in their order.
//     REST events lose the order between names, so it is alphabetical there. They
//     also lose the difference between "a" and "a=".
//   - r.Method is as the client wrote it, and r.Host is the Host header.
//   - If the event's body is invalid base64, reading r.Body fails with [ErrBody].
//   - The context has the function's deadline and API Gateway's ID of the request
//     (requestlog.GatewayID).
//
// API Gateway can rely on the following with every handler:
//
//   - There is always a response, and the invocation never fails. As in net/http, a
//     missing status is 200 and the first status wins. A panic, or a response
//     larger than Lambda's [MaxResponse], becomes a 500 in the API's envelope and
//     one structured line on stderr.
//   - A response to HEAD, a 204 and a 304 have no body.
//   - The content type, not the bytes, decides between text and base64: only
//     uncompressed JSON and text are sent as text.
//   - A body that the handler streams (its writer has a method Stream) is sent while the
//     handler writes it, and is held in memory only in part. If it breaks off, the
//     client can see that.
//
// The package knows neither the API's routes nor its errors. It never reads
// X-GoLambdaProxy headers, because clients can forge them, and removes them. Only an
// event of any other kind fails the invocation ([ErrEvent]), because no HTTP client
// waits for a response to such an event.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"

	"github.com/callrecordings/api/shared/requestlog"
)

// runtimeAPI is the environment variable with the address of Lambda's runtime API,
// from which a function fetches its events.
const runtimeAPI = "AWS_LAMBDA_RUNTIME_API"

var (
	// ErrEvent means that the payload is not an event of API Gateway.
	ErrEvent = errors.New("not an event of API Gateway (want one of a REST API, an HTTP API or a function URL)")
	// ErrBody means that the event declares its body as base64, but the body does
	// not decode.
	ErrBody = errors.New("the event's body is not valid base64")
)

// Start serves h as a Lambda function and does not return. Outside Lambda it prints
// one sentence that explains this and exits with status 1.
func Start(h http.Handler) {
	if !inLambda(os.Getenv, os.Stderr) { //nolint:forbidigo // Lambda's own variable, not a setting
		os.Exit(1)
	}
	lambda.StartWithOptions(Handler(h))
}

// inLambda reports whether Lambda started the program. If not, it explains that on
// stderr.
func inLambda(getenv func(string) string, stderr io.Writer) bool {
	if getenv(runtimeAPI) != "" {
		return true
	}
	_, _ = fmt.Fprintf(stderr, "%s is not set: this program is an AWS Lambda function and runs only there; "+
		"`make run` starts the whole API on this machine\n", runtimeAPI)
	return false
}

// Handler returns a Lambda handler that calls h. It is safe for concurrent use.
func Handler(h http.Handler) lambda.Handler { return newHandler(h, os.Stderr) }

func newHandler(h http.Handler, stderr io.Writer) *handler {
	f := &handler{next: h, log: slog.New(slog.NewJSONHandler(stderr, nil))}
	f.adapter = httpadapter.New(http.HandlerFunc(f.serve))
	return f
}

type handler struct {
	next    http.Handler
	adapter *httpadapter.HandlerAdapter
	log     *slog.Logger
}

// call is one invocation. It travels through the adapter in the context.
type call struct {
	event    *event
	response *response
}

type callKey struct{}

// Invoke handles one event. It implements [lambda.Handler].
func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := parseEvent(payload)
	if err != nil {
		return nil, err
	}
	ctx = requestlog.WithGatewayID(ctx, e.RequestContext.RequestID)
	c := h.handle(ctx, e, nil)
	out := c.response.encode(e.v2)
	if len(out) > MaxResponse || c.response.overflowed {
		h.responseTooLarge(ctx, c, len(out))
		out = c.response.encode(e.v2)
	}
	return out, nil
}

// handle calls the real handler with an event. answer is the share of the budget for
// the response. ctx has the gateway's ID of the request.
func (h *handler) handle(ctx context.Context, e *event, answer *share) *call {
	return h.handleWith(ctx, e, answer, nil)
}

// handleWith is handle with an outlet for streams. Without one, the handler cannot stream.
func (h *handler) handleWith(ctx context.Context, e *event, answer *share, to outlet) *call {
	c := &call{event: e, response: newResponse(e.method)}
	c.response.share, c.response.outlet = answer, to
	// The adapter's own response is not used: in it the last status wins, and the
	// bytes of the body decide between text and base64.
	if _, err := h.adapter.ProxyWithContext(context.WithValue(ctx, callKey{}, c), e.proxyRequest()); err != nil {
		h.fault(ctx, c, "the event could not be turned into a request", slog.String("cause", err.Error()))
	}
	if c.response.crowded {
		c.response = c.response.replacedBy(errorResponse{
			http.StatusTooManyRequests, "too_many_requests", "too many requests", e.RequestContext.RequestID,
		})
	}
	return c
}

// responseTooLarge replaces a response of n bytes of JSON with a 500.
func (h *handler) responseTooLarge(ctx context.Context, c *call, n int) {
	h.fault(ctx, c, "the response is too large for Lambda", slog.Int("bytes", max(n, c.response.written)))
}

// serve is the handler that the adapter calls. It restores the request and passes
// it to the real handler, which writes to the call's response.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) {
	c, ok := r.Context().Value(callKey{}).(*call)
	if !ok {
		return // cannot happen: the adapter passes Invoke's context on
	}
	w.WriteHeader(http.StatusOK) // without a status the adapter fails
	defer h.recovered(r.Context(), c)
	c.event.restore(r)
	h.next.ServeHTTP(c.response, r)
}

// recovered turns a panic into a fault. It must be deferred.
func (h *handler) recovered(ctx context.Context, c *call) {
	if p := recover(); p != nil {
		h.fault(ctx, c, "the handler panicked",
			slog.String("panic", panicText(p)), slog.String("stack", string(debug.Stack())))
	}
}

// panicText returns the text of a runtime error, but only the type of any other
// value: its text may quote the client's data.
func panicText(p any) string {
	if e, ok := p.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("a %T", p)
}

// fault replaces the response with a 500 and logs the reason to stderr.
func (h *handler) fault(ctx context.Context, c *call, what string, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("gateway_id", requestlog.GatewayID(ctx)))
	h.log.LogAttrs(ctx, slog.LevelError, what, attrs...) //nolint:sloglint // the message is one of three constants
	if c.response.streaming && c.response.status != 0 {
		c.response.broken = true // the status is sent; the body breaks off
		return
	}
	c.response = c.response.replacedBy(errorResponse{
		status: http.StatusInternalServerError, code: "unspecified_fault", text: "unspecified fault",
		requestID: requestlog.GatewayID(ctx),
	})
}

// parseEvent decodes a payload of either version. Errors: ErrEvent.
func parseEvent(payload []byte) (*event, error) {
	e := &event{}
	if err := json.Unmarshal(payload, e); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	switch {
	case e.HTTPMethod != "":
		e.method, e.path = e.HTTPMethod, e.Path
	case e.RequestContext.HTTP.Method != "":
		e.v2, e.method, e.path = true, e.RequestContext.HTTP.Method, e.rawPath()
	default:
		return nil, ErrEvent
	}
	e.decode()
	return e, nil
}
