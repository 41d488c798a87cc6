package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"callrecordings/shared/requestlog"
)

// The limits of a REST API, which Local keeps, too (API Gateway quotas).
const (
	// MaxRequest is the most bytes of a request's body.
	MaxRequest = 10 << 20
	// MaxEvent is the most bytes of an event: Lambda's, base64 included.
	MaxEvent = 6 << 20
	// MaxHeader is the most bytes of the request line and all headers.
	MaxHeader = 10240
	// Deadline is how long a function may take before the front gives up.
	Deadline = 29 * time.Second
)

// Local makes a handler of plain HTTP that takes the way of the cloud: the
// request becomes the JSON of the event that a REST API with the binary media
// type */* would make, [Handler] answers it, and the JSON of its answer
// becomes the response. The front's limits hold here, too; what breaks them is
// refused in the API's envelope. A client that goes away cancels the context.
func Local(h http.Handler) http.Handler { return &local{handler: newHandler(h, os.Stderr)} }

type local struct{ handler *handler }

func (l *local) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := newID()
	payload, refused := localEvent(w, r, id)
	if refused != nil {
		refused.write(w)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), Deadline)
	defer cancel()
	out, err := l.handler.Invoke(ctx, payload)
	if err == nil {
		err = respond(w, r.Method, out)
	}
	if err != nil {
		l.handler.log.LogAttrs(ctx, slog.LevelError, "no answer from the handler",
			slog.String("cause", err.Error()), slog.String("gateway_id", requestlog.GatewayID(ctx)))
		refusal{http.StatusBadGateway, "bad_gateway", "bad gateway", id}.write(w)
	}
}

// localEvent makes the event of a request, or says why the front would refuse.
func localEvent(w http.ResponseWriter, r *http.Request, id string) ([]byte, *refusal) {
	if headerSize(r) > MaxHeader {
		return nil, &refusal{http.StatusRequestHeaderFieldsTooLarge, "request_header_fields_too_large", "request headers too large", id}
	}
	tooLarge := &refusal{http.StatusRequestEntityTooLarge, "entity_too_large", "request body too large", id}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxRequest))
	if over := (*http.MaxBytesError)(nil); errors.As(err, &over) {
		return nil, tooLarge
	}
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "parse_error", "failed to read request body", id}
	}
	payload, err := json.Marshal(restEvent(r, body, id))
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "parse_error", "failed to read request", id}
	}
	if len(payload) > MaxEvent {
		return nil, tooLarge
	}
	return payload, nil
}

// restEvent is the event of a REST API (AWS: Lambda proxy integrations, input
// format).
func restEvent(r *http.Request, body []byte, id string) *events.APIGatewayProxyRequest {
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	e := &events.APIGatewayProxyRequest{
		Resource:          "/{proxy+}",
		Path:              r.URL.EscapedPath(),
		HTTPMethod:        r.Method,
		MultiValueHeaders: frontHeaders(r, ip),
		RequestContext: events.APIGatewayProxyRequestContext{
			AccountID: "000000000000", APIID: "local", Stage: "live", RequestID: id,
			DomainName: r.Host, Protocol: r.Proto, HTTPMethod: r.Method,
			Path: r.URL.EscapedPath(), ResourcePath: "/{proxy+}",
			Identity: events.APIGatewayRequestIdentity{SourceIP: ip, UserAgent: r.UserAgent()},
		},
		MultiValueQueryStringParameters: frontQuery(r.URL.RawQuery),
	}
	e.Headers = last(e.MultiValueHeaders)
	e.QueryStringParameters = last(e.MultiValueQueryStringParameters)
	if len(body) > 0 {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return e
}

// hops are the headers that belong to one connection (RFC 9110, 7.6.1).
var hops = []string{
	"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// frontHeaders are the headers as a front passes them on, with its own.
func frontHeaders(r *http.Request, ip string) http.Header {
	h := r.Header.Clone()
	for _, name := range hops {
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

// frontQuery decodes a query as a front does, where nothing is an error: what
// is not properly escaped stays as it is.
func frontQuery(raw string) map[string][]string {
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

// last takes the last value of each name, as the single-value maps have it.
func last(multi map[string][]string) map[string]string {
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

// headerSize measures a request's line and headers.
func headerSize(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}

// respond writes the answer of a REST event as the response. Nothing has been
// written when it returns an error.
func respond(w http.ResponseWriter, method string, out []byte) error {
	var a events.APIGatewayProxyResponse
	if err := json.Unmarshal(out, &a); err != nil {
		return fmt.Errorf("answer of the function: %w", err)
	}
	body := []byte(a.Body)
	if a.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			return fmt.Errorf("answer of the function: %w", err)
		}
	}
	header := w.Header()
	for name, values := range a.MultiValueHeaders {
		header[http.CanonicalHeaderKey(name)] = values
	}
	for _, name := range hops {
		delete(header, name)
	}
	bare := method == http.MethodHead || a.StatusCode == http.StatusNoContent || a.StatusCode == http.StatusNotModified
	if !bare { // else the function's own length stands
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(a.StatusCode)
	_, _ = w.Write(body) // a client that has gone is no fault
	return nil
}

// newID makes an id of a request, of the form of API Gateway's.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
