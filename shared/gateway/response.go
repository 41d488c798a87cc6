package gateway

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxResponse is the largest response of a function in bytes, with headers, base64
// and JSON escapes: 6 MB (Lambda quotas, invocation payload).
const MaxResponse = 6 << 20

// response collects a handler's output by the rules of net/http: the first status
// wins and freezes the headers, and a missing status is 200.
type response struct {
	header     http.Header
	frozen     http.Header // a copy of header, made with the status
	status     int         // 0 until WriteHeader
	head       bool        // the request is a HEAD request
	body       []byte
	written    int  // bytes that the handler wrote
	overflowed bool // the handler wrote more than MaxResponse
	share      *share
	crowded    bool   // the budget had no room for the body
	outlet     outlet // nil if the gateway cannot stream
	streaming  bool   // the handler streams the body; see Stream
	broken     bool   // the handler panicked after it had begun to stream
}

// ErrCrowded means that too many large answers are being sent.
var ErrCrowded = errors.New("no room for the answer")

// Reserve makes room for a body of n bytes before the handler reads it into memory,
// and waits if necessary. Error: ErrCrowded, if no room becomes free in time.
func (r *response) Reserve(n int64) error {
	if !r.share.grow(n) {
		return ErrCrowded
	}
	return nil
}

// Room returns memory for a body of n bytes, after Reserve. The handler fills it and
// passes it to WriteOwned. The memory is valid until the handler returns.
func (r *response) Room(n int64) []byte {
	if r.share == nil {
		return make([]byte, n)
	}
	keepRoom(r.share.room) // of a read that is repeated
	r.share.room = newRoom(n)
	return r.share.room
}

func newResponse(method string) *response {
	return &response{header: http.Header{}, head: method == http.MethodHead}
}

// Header implements [http.ResponseWriter].
func (r *response) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter]. It ignores informational statuses
// and turns an invalid one into 500.
func (r *response) WriteHeader(status int) {
	if r.status != 0 || (100 <= status && status < 200) {
		return
	}
	if status < 200 || status > 999 {
		status = http.StatusInternalServerError
	}
	r.status, r.frozen = status, r.header.Clone()
	if r.streaming {
		header := r.finalHeader()
		if header.Get("Content-Type") == "" {
			header.Set("Content-Type", "application/octet-stream")
		}
		r.outlet.begin(status, header)
	}
}

// Write implements [http.ResponseWriter]. It counts the body of a response to HEAD
// and drops it. A write beyond [MaxResponse] fails with [http.ErrContentLength], and
// one without room in the budget with [ErrCrowded].
func (r *response) Write(p []byte) (int, error) { return r.write(p, false) }

// WriteOwned is Write for bytes that the caller does not change afterwards. A body that
// is written at once is kept without a copy, which saves megabytes for audio.
func (r *response) WriteOwned(p []byte) (int, error) { return r.write(p, true) }

func (r *response) write(p []byte, owned bool) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.streaming && !r.head {
		return r.writeStream(p)
	}
	r.written += len(p)
	switch {
	case r.head:
		return len(p), nil
	case !r.mayHaveBody():
		return 0, http.ErrBodyNotAllowed
	case r.written > MaxResponse:
		r.overflowed = true
		return 0, http.ErrContentLength
	case r.crowded || !r.share.grow(int64(max(r.written, r.declared()))):
		r.crowded = true
		return 0, ErrCrowded
	}
	if owned && r.body == nil {
		r.body = p[:len(p):len(p)]
		return len(p), nil
	}
	if r.body == nil {
		r.body = make([]byte, 0, max(len(p), r.declared()))
	}
	r.body = append(r.body, p...)
	return len(p), nil
}

// declared returns the Content-Length that the handler declared, 0 if it is
// missing, malformed or larger than MaxResponse.
func (r *response) declared() int {
	n, err := strconv.Atoi(r.frozen.Get("Content-Length"))
	if err != nil || n < 0 || n > MaxResponse {
		return 0
	}
	return n
}

func (r *response) mayHaveBody() bool {
	return r.status != http.StatusNoContent && r.status != http.StatusNotModified
}

// replacedBy returns the response that replaces r if the handler failed or the budget
// had no room for its body. It keeps the CORS headers and the request ID that the
// handler set.
func (r *response) replacedBy(e errorResponse) *response {
	replacement := &response{header: http.Header{}, head: r.head}
	for name, values := range r.header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" || name == "X-Request-Id" {
			replacement.header[name] = values
		}
	}
	if r.crowded {
		replacement.header.Set("Retry-After", retryAfter)
	}
	if id := replacement.header.Get("X-Request-Id"); id != "" {
		e.requestID = id
	}
	e.write(replacement)
	return replacement
}

// encode returns the response as the JSON that API Gateway expects. It does not use
// encoding/json, which would keep three copies of megabytes of audio.
func (r *response) encode(v2 bool) []byte {
	r.WriteHeader(http.StatusOK)
	header := r.finalHeader()
	text := len(r.body) == 0 || (isText(header) && utf8.Valid(r.body))
	size := 2048 // for the headers; a text body grows it once
	if !text {
		size += base64.StdEncoding.EncodedLen(len(r.body))
	}
	out := make([]byte, 0, size)
	out = append(out, `{"statusCode":`...)
	out = strconv.AppendInt(out, int64(r.status), 10)
	out = appendHeader(out, header, v2)
	out = append(out, `,"body":"`...)
	if text {
		out = appendEscaped(out, r.body)
	} else {
		out = appendBase64(out, r.body)
	}
	out = append(out, `","isBase64Encoded":`...)
	out = strconv.AppendBool(out, !text)
	return append(out, '}')
}

// finalHeader returns the headers to send. As in net/http, values have no line
// breaks. Every body has a type, and a response to HEAD has the length of the body
// that it omits.
func (r *response) finalHeader() http.Header {
	header := r.frozen
	for _, values := range header {
		for i, v := range values {
			if strings.ContainsAny(v, "\r\n") {
				values[i] = strings.NewReplacer("\r", " ", "\n", " ").Replace(v)
			}
		}
	}
	if r.written > 0 && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/octet-stream")
	}
	if r.head && r.written > 0 && header.Get("Content-Length") == "" {
		header.Set("Content-Length", strconv.Itoa(r.written))
	}
	return header
}

// isText reports whether a body is sent as text: JSON and text/*, unless they are
// compressed.
func isText(header http.Header) bool {
	if e := header.Get("Content-Encoding"); e != "" && e != "identity" {
		return false
	}
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "application/json" || strings.HasSuffix(kind, "+json") || strings.HasPrefix(kind, "text/")
}

// appendHeader appends the headers in the format of the payload version: version 1
// has a list per name, version 2 joins the values and has cookies separately.
func appendHeader(out []byte, header http.Header, v2 bool) []byte {
	if !v2 {
		return appendJSON(append(out, `,"multiValueHeaders":`...), header)
	}
	joined := make(map[string]string, len(header))
	for name, values := range header {
		if name != "Set-Cookie" {
			joined[name] = strings.Join(values, ", ")
		}
	}
	out = appendJSON(append(out, `,"headers":`...), joined)
	if cookies := slices.Clone(header["Set-Cookie"]); len(cookies) > 0 {
		out = appendJSON(append(out, `,"cookies":`...), cookies)
	}
	return out
}

// appendJSON appends a map or list of strings. Encoding these cannot fail.
func appendJSON(out []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return append(out, `{}`...)
	}
	return append(out, text...)
}
