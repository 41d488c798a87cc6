package gateway

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxAnswer is the most bytes that a function may answer with, headers, base64
// and JSON escapes included: 6 MB (Lambda quotas, invocation payload).
const MaxAnswer = 6 << 20

// answer collects what a handler answers, by the rules of net/http: the first
// status wins and freezes the headers, no status is 200.
type answer struct {
	header    http.Header
	frozen    http.Header // the headers as they were with the status
	status    int         // 0 until the first
	head      bool        // the request was a HEAD
	body      []byte
	written   int  // bytes of body that the handler wrote
	overflown bool // more was written than can ever fit
}

func newAnswer(method string) *answer {
	return &answer{header: http.Header{}, head: method == http.MethodHead}
}

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter]. Informational statuses are no
// answer, and what is no status is a 500.
func (a *answer) WriteHeader(status int) {
	if a.status != 0 || (100 <= status && status < 200) {
		return
	}
	if status < 200 || status > 999 {
		status = http.StatusInternalServerError
	}
	a.status, a.frozen = status, a.header.Clone()
}

// Write implements [http.ResponseWriter]. The body of a HEAD is counted and
// dropped. What could never fit is not kept, and fails with
// [http.ErrContentLength].
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	a.written += len(p)
	switch {
	case a.head:
		return len(p), nil
	case !a.mayHaveBody():
		return 0, http.ErrBodyNotAllowed
	case a.written > MaxAnswer:
		a.overflown = true
		return 0, http.ErrContentLength
	}
	if a.body == nil {
		a.body = make([]byte, 0, max(len(p), a.declared()))
	}
	a.body = append(a.body, p...)
	return len(p), nil
}

// declared is the Content-Length that the handler declared, 0 if it did not
// or if it could not fit.
func (a *answer) declared() int {
	n, err := strconv.Atoi(a.frozen.Get("Content-Length"))
	if err != nil || n < 0 || n > MaxAnswer {
		return 0
	}
	return n
}

func (a *answer) mayHaveBody() bool {
	return a.status != http.StatusNoContent && a.status != http.StatusNotModified
}

// replaced is the answer with which a refusal takes the place of a. What the
// handler said about CORS and the request's id stays.
func (a *answer) replaced(why refusal) *answer {
	r := &answer{header: http.Header{}, head: a.head}
	for name, values := range a.header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" || name == "X-Request-Id" {
			r.header[name] = values
		}
	}
	if id := r.header.Get("X-Request-Id"); id != "" {
		why.requestID = id
	}
	why.write(r)
	return r
}

// encode writes the answer as the JSON that the front takes. It is written
// here and not by encoding/json, which would hold megabytes of audio three
// times over.
func (a *answer) encode(v2 bool) []byte {
	a.WriteHeader(http.StatusOK)
	header := a.tidyHeader()
	text := len(a.body) == 0 || (isText(header) && utf8.Valid(a.body))
	size := 2048 // for the headers, and the body of text grows it once
	if !text {
		size += base64.StdEncoding.EncodedLen(len(a.body))
	}
	out := make([]byte, 0, size)
	out = append(out, `{"statusCode":`...)
	out = strconv.AppendInt(out, int64(a.status), 10)
	out = appendHeader(out, header, v2)
	out = append(out, `,"body":"`...)
	if text {
		out = appendEscaped(out, a.body)
	} else {
		out = base64.StdEncoding.AppendEncode(out, a.body)
	}
	out = append(out, `","isBase64Encoded":`...)
	out = strconv.AppendBool(out, !text)
	return append(out, '}')
}

// tidyHeader is the header as it is sent: no line breaks in values, as
// net/http has it, a type for every body, and the length of one that HEAD
// does not get.
func (a *answer) tidyHeader() http.Header {
	header := a.frozen
	for _, values := range header {
		for i, v := range values {
			if strings.ContainsAny(v, "\r\n") {
				values[i] = strings.NewReplacer("\r", " ", "\n", " ").Replace(v)
			}
		}
	}
	if a.written > 0 && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/octet-stream")
	}
	if a.head && a.written > 0 && header.Get("Content-Length") == "" {
		header.Set("Content-Length", strconv.Itoa(a.written))
	}
	return header
}

// isText reports whether a body travels as text: JSON and text/*, when they
// are not compressed.
func isText(header http.Header) bool {
	if e := header.Get("Content-Encoding"); e != "" && e != "identity" {
		return false
	}
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "application/json" || strings.HasSuffix(kind, "+json") || strings.HasPrefix(kind, "text/")
}

// appendHeader writes the headers as the shape wants them: version 1 has
// lists, version 2 joins them and keeps cookies apart.
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

// appendJSON appends a map or list of strings, which always encode.
func appendJSON(out []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return append(out, `{}`...)
	}
	return append(out, text...)
}

// widths are the bytes that each byte takes inside a JSON string: 2 for what
// a backslash escapes, 6 for other control characters, 1 for all else.
var widths = func() (w [256]byte) {
	for c := range w {
		w[c] = 1
		if c < ' ' {
			w[c] = 6
		}
	}
	w['"'], w['\\'], w['\n'] = 2, 2, 2
	return w
}()

// escapedLen is the length of text inside of a JSON string.
func escapedLen(text []byte) int {
	n := 0
	for _, c := range text {
		n += int(widths[c])
	}
	return n
}

// appendEscaped appends valid UTF-8 as the inside of a JSON string.
func appendEscaped(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	at := len(dst)
	n := escapedLen(text)
	dst = slices.Grow(dst, n+len(`","isBase64Encoded":false}`))[:at+n]
	for _, c := range text {
		if widths[c] == 1 {
			dst[at] = c
			at++
			continue
		}
		dst[at] = '\\'
		switch widths[c] {
		case 2:
			dst[at+1] = c
			if c == '\n' {
				dst[at+1] = 'n'
			}
		default:
			copy(dst[at+1:], "u00")
			dst[at+4], dst[at+5] = hex[c>>4], hex[c&15]
		}
		at += int(widths[c])
	}
	return dst
}
