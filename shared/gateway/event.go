package gateway

import (
	"bytes"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// PrefixHeader is the header with the prefix of the path in the URL of the request: the stage of an
// API Gateway. Handlers need it for URLs in answers. Without a prefix the header comes from the
// client, and can change only the answer to that client.
const PrefixHeader = "X-Forwarded-Prefix"

// event holds the fields that this package reads, of both payload versions. With a
// single type, an event is decoded only once. Other fields are not in the type, so
// their values cannot make decoding fail.
type event struct {
	Headers         map[string]string `json:"headers"`
	Body            string            `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
	RequestContext  struct {
		RequestID  string `json:"requestId"`
		Stage      string `json:"stage"`
		DomainName string `json:"domainName"`
		Path       string `json:"path"` // version 1: with the stage, unless the host is a custom domain
		Identity   struct {
			SourceIP string `json:"sourceIp"`
		} `json:"identity"`
		HTTP struct {
			Method   string `json:"method"`
			Path     string `json:"path"`
			SourceIP string `json:"sourceIp"`
		} `json:"http"`
	} `json:"requestContext"`
	QueryStringParameters map[string]string `json:"queryStringParameters"`

	// Version 1: REST APIs.
	HTTPMethod                      string              `json:"httpMethod"`
	Path                            string              `json:"path"`
	MultiValueHeaders               map[string][]string `json:"multiValueHeaders"`
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`

	// Version 2: HTTP APIs and function URLs.
	RawPath        string   `json:"rawPath"`
	RawQueryString string   `json:"rawQueryString"`
	Cookies        []string `json:"cookies"`

	v2           bool
	method, path string
	badBase64    bool         // the body is declared as base64 but does not decode
	raw          []byte       // the body of a request to [Local], instead of Body
	reader       bytes.Reader // reads raw
}

// rawPath returns the path of a version 2 event without the stage. HTTP APIs put
// the name of every stage except $default in front of the path.
func (e *event) rawPath() string {
	path := e.RawPath
	if path == "" {
		path = e.RequestContext.HTTP.Path
	}
	stage := e.RequestContext.Stage
	if stage == "" || stage == "$default" {
		return path
	}
	if rest, ok := strings.CutPrefix(path, "/"+stage); ok && (rest == "" || rest[0] == '/') {
		return rest
	}
	return path
}

// decode decodes a base64 body, or sets badBase64 if it cannot.
func (e *event) decode() {
	if !e.IsBase64Encoded {
		return
	}
	body, err := base64.StdEncoding.DecodeString(e.Body)
	e.Body, e.IsBase64Encoded, e.badBase64 = string(body), false, err != nil
}

// proxyRequest returns the event for the adapter. It is always of version 1,
// because the adapter splits the headers of version 2 at every comma, even in
// dates. It omits the parts that the adapter rejects or gets wrong; restore adds
// them afterwards.
func (e *event) proxyRequest() events.APIGatewayProxyRequest {
	p := events.APIGatewayProxyRequest{
		HTTPMethod:        http.MethodGet,
		Path:              escaped(e.path),
		MultiValueHeaders: e.headers(),
		Body:              e.Body,
	}
	p.RequestContext.DomainName = "gateway.invalid"
	p.RequestContext.Identity.SourceIP = e.RequestContext.Identity.SourceIP
	if e.v2 {
		p.RequestContext.Identity.SourceIP = e.RequestContext.HTTP.SourceIP
	}
	return p
}

// headers returns the headers of an event of either version.
func (e *event) headers() map[string][]string {
	if len(e.MultiValueHeaders) > 0 {
		return e.MultiValueHeaders
	}
	all := make(map[string][]string, len(e.Headers)+1)
	for name, value := range e.Headers {
		all[name] = []string{value}
	}
	if len(e.Cookies) > 0 {
		all["Cookie"] = []string{strings.Join(e.Cookies, "; ")}
	}
	return all
}

// restore completes the adapter's request, so that it looks like one from a
// net/http server.
func (e *event) restore(r *http.Request) {
	r.Method = e.method
	r.URL.Scheme, r.URL.Host, r.URL.RawQuery = "", "", e.query()
	r.Host = r.Header.Get("Host")
	if r.Host == "" {
		r.Host = e.RequestContext.DomainName
	}
	if prefix := e.prefix(); prefix != "" {
		r.Header.Set(PrefixHeader, prefix)
	}
	for name := range r.Header {
		if name == "Host" || strings.HasPrefix(name, "X-Golambdaproxy-") {
			delete(r.Header, name)
		}
	}
	r.RequestURI = r.URL.RequestURI()
	if e.badBase64 {
		r.Body, r.ContentLength = io.NopCloser(badBody{}), -1
	}
	if len(e.raw) > 0 {
		e.reader.Reset(e.raw)
		r.Body, r.ContentLength = io.NopCloser(&e.reader), int64(len(e.raw))
	}
}

// drop makes the rest of the request's body unreadable, so that its memory becomes free.
func (e *event) drop() {
	e.raw = nil
	e.reader.Reset(nil)
}

// prefix returns what precedes the path in the URL of the request: the stage, or "". Only
// events of version 1 show it.
func (e *event) prefix() string {
	prefix := "/" + e.RequestContext.Stage
	if e.v2 || prefix == "/" || !strings.HasPrefix(e.RequestContext.Path, prefix+"/") || strings.HasPrefix(e.path, prefix+"/") {
		return ""
	}
	return prefix
}

// badBody replaces a body that cannot be decoded.
type badBody struct{}

func (badBody) Read([]byte) (int, error) { return 0, ErrBody }

// query returns the raw query. A version 2 event has it; for version 1, query
// encodes the parameters, which arrive decoded and in maps.
func (e *event) query() string {
	if e.v2 && (e.RawQueryString != "" || len(e.QueryStringParameters) == 0) {
		return e.RawQueryString
	}
	all := e.MultiValueQueryStringParameters
	if len(all) == 0 {
		all = make(map[string][]string, len(e.QueryStringParameters))
		for name, value := range e.QueryStringParameters {
			all[name] = []string{value}
		}
	}
	var q strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, value := range all[name] {
			if q.Len() > 0 {
				q.WriteByte('&')
			}
			q.WriteString(url.QueryEscape(name))
			q.WriteByte('=')
			q.WriteString(url.QueryEscape(value))
		}
	}
	return q.String()
}

// escaped escapes the characters that a path cannot contain (RFC 3986, 3.3),
// including a percent sign without two hexadecimal digits. So an escaped path stays
// unchanged, and a decoded one can be parsed.
func escaped(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	if !strings.HasPrefix(path, "/") {
		b.WriteByte('/')
	}
	for i := range len(path) {
		switch c := path[i]; {
		case inPath(c), c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]):
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// inPath reports whether a path may contain c unescaped.
func inPath(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("-._~!$&'()*+,;=:@/", c) >= 0
}
