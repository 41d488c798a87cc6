package gateway

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
)

// This file lets [Local] pass requests and responses to the handler as values. In the
// cloud both are JSON, with bodies as base64. Writing and parsing that JSON would take most of the
// time of a request for audio. This file makes the same changes as the JSON does: bytes that are
// not UTF-8 become U+FFFD, and the limits of Lambda count the bytes of the JSON. Tests compare both
// ways.

// mostHeaderJSON is more than the bytes that an event without its body can take: the
// request line and the headers have at most MaxHeader bytes, a byte takes up to six
// bytes in JSON, and an event repeats each of them at most four times.
const mostHeaderJSON = 24 * MaxHeader

// newEvent returns the event for a request with a body, or the error with which API
// Gateway would reject it. The event shares the body's memory. It is nil for a request
// without a method, which no server passes on.
func newEvent(r *http.Request, body []byte, id string) (*event, *errorResponse) {
	if r.Method == "" {
		return nil, nil
	}
	full := restEvent(r, id)
	if exceedsEvent(full, len(body)) {
		return nil, tooLarge(id)
	}
	e := &event{
		HTTPMethod: full.HTTPMethod, Path: asText(full.Path), method: full.HTTPMethod, path: asText(full.Path), raw: body,
		MultiValueHeaders: asTexts(full.MultiValueHeaders), MultiValueQueryStringParameters: asTexts(full.MultiValueQueryStringParameters),
	}
	e.RequestContext.RequestID, e.RequestContext.DomainName = id, asText(full.RequestContext.DomainName)
	e.RequestContext.Identity.SourceIP = full.RequestContext.Identity.SourceIP
	return e, nil
}

// exceedsEvent reports whether an event with a body of n bytes is too large for Lambda.
func exceedsEvent(e *events.APIGatewayProxyRequest, n int) bool {
	size := base64.StdEncoding.EncodedLen(n)
	if size+mostHeaderJSON < MaxEvent {
		return false
	}
	e.IsBase64Encoded = n > 0
	text, err := json.Marshal(e)
	return err != nil || len(text)+size > MaxEvent
}

// asText returns s as it comes out of JSON: each byte that is not part of a UTF-8
// sequence becomes U+FFFD.
func asText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// asTexts returns the map as it comes out of JSON. Names that become equal are
// overwritten in the order of the original names.
func asTexts(all map[string][]string) map[string][]string {
	valid := true
	for name, values := range all {
		valid = valid && utf8.ValidString(name) && !slices.ContainsFunc(values, func(s string) bool { return !utf8.ValidString(s) })
	}
	if valid {
		return all
	}
	texts := make(map[string][]string, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		values := make([]string, len(all[name]))
		for i, s := range all[name] {
			values[i] = asText(s)
		}
		texts[asText(name)] = values
	}
	return texts
}

// answer returns the response to an event. A response that is too large for Lambda
// becomes the same 500 as there. A streamed one has been sent to the outlet.
func (h *handler) answer(ctx context.Context, e *event, answer *share, to outlet) *response {
	c := h.handleWith(ctx, e, answer, to)
	if c.response.streaming {
		return c.response
	}
	if n := c.response.encodedLen(); n > MaxResponse || c.response.overflowed {
		h.responseTooLarge(ctx, c, n)
	}
	return c.response
}

// encodedLen returns the length of the response as JSON. For a response that is far
// below MaxResponse, it returns only the length of the body.
func (r *response) encodedLen() int {
	if len(r.body) <= smallAnswer {
		return len(r.body)
	}
	bare := *r
	bare.body = nil
	envelope := len(bare.encode(false))
	if isText(r.frozen) && utf8.Valid(r.body) {
		return envelope + escapedLen(r.body)
	}
	return envelope + base64.StdEncoding.EncodedLen(len(r.body)) + len("true") - len("false")
}

// escapedLen returns the length of text that appendEscaped appends.
func escapedLen(text []byte) int {
	n := len(text)
	for _, c := range text {
		switch {
		case c == '"', c == '\\', c == '\n':
			n++
		case c < ' ':
			n += escapeSize - 1
		}
	}
	return n
}

// send sends the response to the client of a request.
func (r *response) send(w http.ResponseWriter, method string) {
	r.WriteHeader(http.StatusOK)
	header := w.Header()
	setHeader(header, r.finalHeader())
	bare := method == http.MethodHead || r.status == http.StatusNoContent || r.status == http.StatusNotModified
	if !bare { // otherwise the function's own length stays
		header.Set("Content-Length", strconv.Itoa(len(r.body)))
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // an error means that the client has disconnected
}

// setHeader adds the headers of a response as they come out of JSON and pass API Gateway.
func setHeader(to, from http.Header) {
	for name, values := range asTexts(from) {
		to[http.CanonicalHeaderKey(name)] = values
	}
	for _, name := range hopByHop {
		delete(to, name)
	}
}
