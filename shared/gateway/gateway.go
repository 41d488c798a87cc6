// Package gateway turns the events of API Gateway into requests for an
// [http.Handler], and its answers into what API Gateway takes. [Start] does so
// as a Lambda function; [Local] does so for plain HTTP, through the very same
// events and codec, so that a laptop meets the rules of the cloud.
//
// Two shapes of events are taken, told apart by what they hold: that of a
// REST API (payload version 1), and that of an HTTP API or a function URL
// (version 2).
//
// What the handler may rely on, whatever the event:
//
//   - r.URL always parses. REST APIs and function URLs pass the path as the
//     client wrote it, HTTP APIs pass it decoded; what can never stand in a
//     path (a bare %, a ?, a space …) is escaped, all else stays as it is, so
//     r.URL.EscapedPath has %2F where the client wrote it.
//   - r.URL.RawQuery has all parameters, those of one name in their order;
//     REST events have lost the order between names, so there it is that of
//     the names. They have also lost the difference between "a" and "a=".
//   - r.Method is as the client wrote it, r.Host is the Host header.
//   - A body that the event spoils is one whose Read fails with [ErrBody].
//   - The context has the deadline of the function, and the front's id of the
//     request (requestlog.GatewayID).
//
// What the front may rely on, whatever the handler:
//
//   - There is an answer, and the invocation never fails: no status is 200,
//     the first status wins, as in net/http. A panic, or an answer that would
//     not fit into Lambda's [MaxAnswer], is a 500 in the API's envelope, and
//     one structured line on stderr.
//   - HEAD, 204 and 304 have no body.
//   - Base64 or text is decided by the content type, not by the bytes: only
//     uncompressed JSON and text travel as text.
//
// What it does not do: it knows no routes and no errors of the API, and it
// never reads X-GoLambdaProxy headers, which a client can forge; they are
// removed. An event that is none of the two shapes has no client who waits for
// HTTP: it is the one thing that fails the invocation ([ErrEvent]).
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

	"callrecordings/shared/requestlog"
)

// runtimeAPI is the variable by which Lambda tells a function where its
// events are.
const runtimeAPI = "AWS_LAMBDA_RUNTIME_API"

var (
	// ErrEvent says that the payload is not an event of API Gateway.
	ErrEvent = errors.New("not an event of API Gateway (want a REST API's, an HTTP API's or a function URL's)")
	// ErrBody says that the body of the event is not the base64 that it claims
	// to be.
	ErrBody = errors.New("body of the event is not base64")
)

// Start serves h as a Lambda function, and does not return. Outside of Lambda
// the program ends with a sentence that says so.
func Start(h http.Handler) {
	if !inLambda(os.Getenv, os.Stderr) { //nolint:forbidigo // Lambda's own variable, not a setting
		os.Exit(1)
	}
	lambda.StartWithOptions(Handler(h))
}

// inLambda reports whether Lambda started the program, and says so if not.
func inLambda(getenv func(string) string, stderr io.Writer) bool {
	if getenv(runtimeAPI) != "" {
		return true
	}
	_, _ = fmt.Fprintf(stderr, "%s is not set: this program is an AWS Lambda function and runs only there; "+
		"`make run` starts the whole API on this machine\n", runtimeAPI)
	return false
}

// Handler makes a Lambda handler of h. It may be used by many goroutines.
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

// call is one invocation, on its way through the adapter and back.
type call struct {
	event  *event
	answer *answer
}

type callKey struct{}

// Invoke answers one event. It implements [lambda.Handler].
func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	e, err := parseEvent(payload)
	if err != nil {
		return nil, err
	}
	c := &call{event: e, answer: newAnswer(e.method)}
	ctx = requestlog.WithGatewayID(ctx, e.RequestContext.RequestID)
	// The status and the headers of the adapter's response are not used: it
	// would let the last status win and judge the body by its bytes.
	if _, err := h.adapter.ProxyWithContext(context.WithValue(ctx, callKey{}, c), e.proxyRequest()); err != nil {
		h.fault(ctx, c, "the event could not be turned into a request", slog.String("cause", err.Error()))
	}
	out := c.answer.encode(e.v2)
	if len(out) > MaxAnswer || c.answer.overflown {
		h.fault(ctx, c, "the answer does not fit into a Lambda response", slog.Int("bytes", max(len(out), c.answer.written)))
		out = c.answer.encode(e.v2)
	}
	return out, nil
}

// serve stands between the adapter and the handler: it mends the adapter's
// request and collects the answer.
func (h *handler) serve(w http.ResponseWriter, r *http.Request) {
	c, ok := r.Context().Value(callKey{}).(*call)
	if !ok {
		return // only the adapter calls it, with Invoke's context
	}
	w.WriteHeader(http.StatusOK) // the adapter takes silence for a fault
	defer h.recovered(r.Context(), c)
	c.event.mend(r)
	h.next.ServeHTTP(c.answer, r)
}

// recovered, when deferred, turns a panic into a fault.
func (h *handler) recovered(ctx context.Context, c *call) {
	if p := recover(); p != nil {
		h.fault(ctx, c, "the handler panicked",
			slog.String("panic", panicText(p)), slog.String("stack", string(debug.Stack())))
	}
}

// panicText tells a panic of the runtime's by its text and any other value by
// its type, because it may quote what a client has sent.
func panicText(p any) string {
	if e, ok := p.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("a %T", p)
}

// fault replaces the answer by a 500 and says why, once, on stderr.
func (h *handler) fault(ctx context.Context, c *call, what string, attrs ...slog.Attr) {
	attrs = append(attrs, slog.String("gateway_id", requestlog.GatewayID(ctx)))
	h.log.LogAttrs(ctx, slog.LevelError, what, attrs...) //nolint:sloglint // what is one of three constants
	c.answer = c.answer.replaced(refusal{
		status: http.StatusInternalServerError, code: "unspecified_fault", text: "unspecified fault",
		requestID: requestlog.GatewayID(ctx),
	})
}

// parseEvent reads a payload of either shape.
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
