package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/callrecordings/api/shared/requestlog"
)

// The limits of a REST API (API Gateway quotas). [Local] enforces them as well.
const (
	// MaxRequest is the largest request body, in bytes.
	MaxRequest = 10 << 20
	// MaxEvent is Lambda's limit on an event, in bytes, with base64.
	MaxEvent = 6 << 20
	// MaxHeader is the limit on the request line and all headers together, in bytes.
	MaxHeader = 10240
	// Deadline is how long API Gateway waits for a function.
	Deadline = 29 * time.Second
)

// maxBody is the length in bytes of the longest body that fits into an event as
// base64.
const maxBody = MaxEvent / 4 * 3

// Prechecker is implemented by handlers that can reject a request before its body
// is read.
type Prechecker interface {
	// Precheck returns true if the request may go on. Otherwise it has written the
	// whole answer. It does not read the body.
	Precheck(w http.ResponseWriter, r *http.Request) bool
}

// Local returns a plain HTTP handler that serves h the way the cloud does. h gets the
// request that it would get from the event of a REST API with the binary media type
// */*, and the client gets the response that API Gateway would send. A request beyond
// API Gateway's limits gets an error in the API's envelope. If the client disconnects,
// the context is canceled.
//
// The body of a request is in memory as a whole. So Local checks the announced length
// first, then asks h if it is a [Prechecker], and then waits for room in a budget of
// its own. A large answer needs room too; see [Budget].
func Local(h http.Handler) http.Handler { return NewBudget(DefaultBudget).Local(h) }

// Local is the function [Local], for handlers that share a budget.
func (b *Budget) Local(h http.Handler) http.Handler {
	l := &local{handler: newHandler(h, os.Stderr), budget: b, chunk: chunkTime}
	l.check, _ = h.(Prechecker)
	return l
}

type local struct {
	handler *handler
	check   Prechecker    // may be nil
	budget  *Budget       // may be nil
	chunk   time.Duration // how long a client may take for a chunk of a stream
}

// ServeHTTP implements [http.Handler].
func (l *local) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := newID()
	r = r.WithContext(requestlog.WithGatewayID(r.Context(), id))
	free, ok := l.admit(w, r, id)
	if !ok {
		return
	}
	answer := l.budget.answer(r)
	defer answer.release() // after the answer was sent
	out, err := l.invoke(w, r, id, answer, free)
	free()
	switch {
	case err == nil && out != nil && out.streaming:
		if out.truncated() {
			panic(http.ErrAbortHandler) // net/http closes the connection, so that the client notices
		}
	case err == nil && out != nil:
		out.send(w, r.Method)
	case err != nil:
		//nolint:contextcheck // it is the context of r
		l.handler.log.LogAttrs(r.Context(), slog.LevelError, "no response from the handler",
			slog.String("cause", err.Error()), slog.String("gateway_id", id))
		errorResponse{http.StatusBadGateway, "bad_gateway", "bad gateway", id}.write(w)
	}
}

// admit decides whether the body of a request may be read, and takes its share of
// the budget. Otherwise it answers, and ok is false. The caller must call free, which
// may be called again.
func (l *local) admit(w http.ResponseWriter, r *http.Request, id string) (free func(), ok bool) {
	free = func() {}
	w = &drainer{ResponseWriter: w, request: r}
	if headerSize(r) > MaxHeader {
		errorResponse{http.StatusRequestHeaderFieldsTooLarge, "request_header_fields_too_large", "request headers too large", id}.write(w)
		return free, false
	}
	if r.ContentLength > maxBody {
		tooLarge(id).write(w)
		return free, false
	}
	if r.ContentLength == 0 {
		return free, true
	}
	if l.check != nil && !l.check.Precheck(w, r) {
		return free, false
	}
	share := r.ContentLength
	if share < 0 { // not announced
		share = maxBody
	}
	if l.budget != nil {
		party := l.budget.party(r)
		if !l.budget.requests.take(r.Context(), party, share) {
			w.Header().Set("Retry-After", retryAfter)
			errorResponse{http.StatusTooManyRequests, "too_many_requests", "too many requests", id}.write(w)
			return free, false
		}
		free = sync.OnceFunc(func() { l.budget.requests.give(party, share) })
	}
	return free, true
}

// invoke reads the request and passes it to the handler as an event. If it has
// answered the request already, it returns nil. A stream drops the body and calls free
// when it begins, because it may last much longer than a request.
func (l *local) invoke(w http.ResponseWriter, r *http.Request, id string, answer *share, free func()) (*response, error) {
	body, err := readBody(w, r)
	if over := (*http.MaxBytesError)(nil); errors.As(err, &over) {
		tooLarge(id).write(w)
		return nil, nil
	}
	if err != nil {
		errorResponse{http.StatusBadRequest, "parse_error", "failed to read request body", id}.write(w)
		return nil, nil
	}
	e, failed := newEvent(r, body, id)
	switch {
	case failed != nil:
		failed.write(w)
		return nil, nil
	case e == nil:
		return nil, ErrEvent
	}
	ctx, cancel := context.WithTimeout(r.Context(), Deadline)
	defer cancel()
	return l.handler.answer(ctx, e, answer, &socket{budget: l.budget, w: w, request: r, chunk: l.chunk, drop: func() {
		e.drop()
		free()
	}}), nil
}

// drainer reads and discards the body of a request before it answers. Many clients send
// the whole request before they read the answer; without the drainer they would get a
// broken connection instead of the answer.
type drainer struct {
	http.ResponseWriter
	request *http.Request
	drained bool
}

// WriteHeader implements [http.ResponseWriter].
func (d *drainer) WriteHeader(status int) {
	// A client that expects "100 Continue" waits for the answer before it sends.
	if !d.drained && d.request.Header.Get("Expect") == "" {
		_, _ = io.Copy(io.Discard, io.LimitReader(d.request.Body, MaxRequest)) // the answer stays the same
	}
	d.drained = true
	d.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (d *drainer) Write(p []byte) (int, error) {
	if !d.drained {
		d.WriteHeader(http.StatusOK)
	}
	return d.ResponseWriter.Write(p)
}

// tooLarge is the answer to a body that does not fit into an event.
func tooLarge(id string) *errorResponse {
	return &errorResponse{http.StatusRequestEntityTooLarge, "entity_too_large", "request body too large", id}
}

// readBody reads a body of at most maxBody bytes. It reserves the memory for an
// announced length at once, because a buffer that grows takes several times as
// much.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	from := http.MaxBytesReader(w, r.Body, maxBody)
	if r.ContentLength <= 0 || r.ContentLength > maxBody {
		return io.ReadAll(from)
	}
	body := make([]byte, r.ContentLength)
	_, err := io.ReadFull(from, body)
	return body, err
}

// restEvent returns the event of a REST API for a request, without the body (AWS:
// Lambda proxy integrations, input format).
func restEvent(r *http.Request, id string) *events.APIGatewayProxyRequest {
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	e := &events.APIGatewayProxyRequest{
		Resource:          "/{proxy+}",
		Path:              r.URL.EscapedPath(),
		HTTPMethod:        r.Method,
		MultiValueHeaders: gatewayHeaders(r, ip),
		RequestContext: events.APIGatewayProxyRequestContext{
			AccountID: "000000000000", APIID: "local", Stage: "live", RequestID: id,
			DomainName: r.Host, Protocol: r.Proto, HTTPMethod: r.Method,
			Path: r.URL.EscapedPath(), ResourcePath: "/{proxy+}",
			Identity: events.APIGatewayRequestIdentity{SourceIP: ip, UserAgent: r.UserAgent()},
		},
		MultiValueQueryStringParameters: gatewayQuery(r.URL.RawQuery),
	}
	e.Headers = lastValues(e.MultiValueHeaders)
	e.QueryStringParameters = lastValues(e.MultiValueQueryStringParameters)
	return e
}

// hopByHop lists the headers that belong to one connection (RFC 9110, 7.6.1).
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// gatewayHeaders returns the request's headers as API Gateway passes them on, with
// the ones that it adds.
func gatewayHeaders(r *http.Request, ip string) http.Header {
	h := r.Header.Clone()
	for _, name := range hopByHop {
		delete(h, name)
	}
	h.Set("Host", r.Host)
	h.Set("X-Forwarded-For", strings.Join(append(h.Values("X-Forwarded-For"), ip), ", "))
	h.Set("X-Forwarded-Proto", "http")
	if r.TLS != nil {
		h.Set("X-Forwarded-Proto", "https")
	}
	return h
}

// gatewayQuery decodes a query as API Gateway does. It never fails: a part with bad
// escapes stays unchanged.
func gatewayQuery(raw string) map[string][]string {
	if raw == "" {
		return nil
	}
	all := map[string][]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = decoded(name), decoded(value)
		all[name] = append(all[name], value)
	}
	return all
}

func decoded(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}

// lastValues returns the last value of each name, as in an event's single-value maps.
func lastValues(multi map[string][]string) map[string]string {
	if len(multi) == 0 {
		return nil
	}
	single := make(map[string]string, len(multi))
	for name, values := range multi {
		if len(values) > 0 {
			single[name] = values[len(values)-1]
		}
	}
	return single
}

// headerSize returns the size of the request line and the headers, in bytes.
func headerSize(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}

// newID returns a request ID in API Gateway's format, a UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
