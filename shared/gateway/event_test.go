package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/requestlog"
)

// captured is a request as the handler receives it.
type captured struct {
	Method, Path, Escaped, Query, URI, Host, Remote, GatewayID string
	Header                                                     http.Header
	Body                                                       string
	BodyErr                                                    error
	Length                                                     int64
}

// capture returns a handler that stores the request and sends a 200.
func capture(into *captured) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		*into = captured{
			Method: r.Method, Path: r.URL.Path, Escaped: r.URL.EscapedPath(), Query: r.URL.RawQuery, URI: r.RequestURI, Host: r.Host,
			Remote: r.RemoteAddr, GatewayID: requestlog.GatewayID(r.Context()), Header: r.Header, Body: string(body), BodyErr: err, Length: r.ContentLength,
		}
		w.WriteHeader(http.StatusOK)
	})
}

// invoke sends an event through a handler, which must neither fail nor log.
func invoke(t testing.TB, h http.Handler, event string) reply {
	t.Helper()
	var stderr bytes.Buffer
	out, err := newHandler(h, &stderr).Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatalf("Invoke(%s): %v", event, err)
	}
	if stderr.Len() > 0 {
		t.Fatalf("Invoke(%s) logged %s", event, stderr.Bytes())
	}
	return parseReply(t, out)
}

// reply is a response as API Gateway reads it, of either payload version.
type reply struct {
	StatusCode        int                 `json:"statusCode"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Headers           map[string]string   `json:"headers"`
	Cookies           []string            `json:"cookies"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

func parseReply(t testing.TB, out []byte) reply {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(out))
	d.DisallowUnknownFields()
	var r reply
	if err := d.Decode(&r); err != nil || d.More() {
		t.Fatalf("response %.200q: %v", out, err)
	}
	return r
}

// bytes returns the body as a client gets it.
func (r reply) bytes(t testing.TB) []byte {
	t.Helper()
	if !r.IsBase64Encoded {
		return []byte(r.Body)
	}
	b, err := base64.StdEncoding.DecodeString(r.Body)
	if err != nil {
		t.Fatalf("body: %v", err)
	}
	return b
}

// header returns the first value of a header, of either payload version.
func (r reply) header(name string) string {
	if v := r.MultiValueHeaders[http.CanonicalHeaderKey(name)]; len(v) > 0 {
		return v[0]
	}
	return r.Headers[http.CanonicalHeaderKey(name)]
}

func TestRequestOfRESTEvent(t *testing.T) {
	t.Parallel()
	var got captured
	event, err := os.ReadFile("testdata/rest.json")
	if err != nil {
		t.Fatal(err)
	}
	invoke(t, capture(&got), string(event))
	want := captured{
		Method: "PATCH", Path: "/v2/accounts/3f2a/recordings/202603-aa@b", Escaped: "/v2/accounts/3f2a/recordings/202603-aa%40b",
		Query: "a=1&a=2+3&filter_x=y%26z", URI: "/v2/accounts/3f2a/recordings/202603-aa%40b?a=1&a=2+3&filter_x=y%26z",
		Host: "api.example.com", Remote: "192.0.2.7", GatewayID: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
		Header: http.Header{
			"Accept": {"audio/mpeg", "application/json"}, "If-Range": {"Wed, 04 Mar 2026 05:06:07 GMT"}, "X-Auth-Token": {"t"},
			"Content-Type": {"application/json"}, "X-Forwarded-For": {"192.0.2.7, 198.51.100.1"},
		},
		Body: `{"data":{}}`, Length: 11,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestRequestOfHTTPEvent(t *testing.T) {
	t.Parallel()
	var got captured
	event, err := os.ReadFile("testdata/http.json")
	if err != nil {
		t.Fatal(err)
	}
	invoke(t, capture(&got), string(event))
	want := captured{
		Method: "PATCH", Path: "/v2/accounts/3f2a/recordings/202603-aa@b c", Escaped: "/v2/accounts/3f2a/recordings/202603-aa@b%20c",
		Query: "b=2&a=1&filter_x", URI: "/v2/accounts/3f2a/recordings/202603-aa@b%20c?b=2&a=1&filter_x",
		Host: "api.example.com", Remote: "192.0.2.7", GatewayID: "JKJaXmPLvHcESHA=",
		Header: http.Header{
			"Accept": {"audio/mpeg,application/json"}, "If-Range": {"Wed, 04 Mar 2026 05:06:07 GMT"}, "X-Auth-Token": {"t"},
			"Content-Type": {"application/json"}, "Cookie": {"a=1; b=2"},
		},
		Body: `{"data":{}}`, Length: 11,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

// rest returns a REST API's event; v2 returns an HTTP API's.
func rest(method, path string, more ...string) string {
	p, _ := json.Marshal(path)
	return `{"httpMethod":"` + method + `","path":` + string(p) + `,"requestContext":{"requestId":"g1","stage":"live"}` + strings.Join(more, "") + `}`
}

func v2(method, path string, more ...string) string {
	p, _ := json.Marshal(path)
	return `{"version":"2.0","rawPath":` + string(p) + `,"requestContext":{"requestId":"g2","stage":"$default","http":{"method":"` + method + `"}}` + strings.Join(more, "") + `}`
}

func TestPaths(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, path, escaped string }{
		{"/v2/accounts/a/recordings", "/v2/accounts/a/recordings", ""},
		{"/100%", "/100%", "/100%25"},
		{"/%", "/%", "/%25"},
		{"/%4", "/%4", "/%254"},
		{"/%zz", "/%zz", "/%25zz"},
		{"/a?b=c", "/a?b=c", "/a%3Fb=c"},
		{"/a#b", "/a#b", "/a%23b"},
		{"/a b", "/a b", "/a%20b"},
		{"/a%20b%2Fc", "/a b/c", "/a%20b%2Fc"},
		{"/a b%2Fc", "/a b/c", "/a%20b%2Fc"},
		{"/a%2fb", "/a/b", "/a%2fb"},
		{"//evil.example/x", "//evil.example/x", "//evil.example/x"},
		{"/a//b/", "/a//b/", ""},
		{"/a/../b", "/a/../b", ""},
		{"/a\x00b\n", "/a\x00b\n", "/a%00b%0A"},
		{"/é", "/é", "/%C3%A9"},
		{"/a@b+c;d:e", "/a@b+c;d:e", ""},
		{`/a\b"<>^{|}` + "`[]", `/a\b"<>^{|}` + "`[]", "/a%5Cb%22%3C%3E%5E%7B%7C%7D%60%5B%5D"},
		{"", "/", "/"},
		{"no/slash", "/no/slash", "/no/slash"},
		{"http://evil.example/x", "/http://evil.example/x", "/http://evil.example/x"},
		{"*", "/*", "/*"},
	} {
		if tt.escaped == "" {
			tt.escaped = tt.in
		}
		for name, event := range map[string]string{"REST": rest("GET", tt.in), "HTTP": v2("GET", tt.in)} {
			var got captured
			invoke(t, capture(&got), event)
			if got.Path != tt.path || got.Escaped != tt.escaped || got.Query != "" {
				t.Errorf("%s: path %q = %q, escaped %q, query %q, want %q, %q", name, tt.in, got.Path, got.Escaped, got.Query, tt.path, tt.escaped)
			}
		}
	}
}

// A path parses to the one that the client meant, whether API Gateway passes it
// escaped or decoded. An escaped path stays unchanged.
func TestEscapedPathsParse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		decoded := "/" + rapid.String().Draw(t, "path")
		raw := (&url.URL{Path: decoded}).EscapedPath()
		if got := escaped(raw); got != raw && !strings.ContainsAny(raw, "[]") {
			t.Fatalf("escaped(%q) = %q, want no change", raw, got)
		}
		u, err := url.ParseRequestURI("https://h" + escaped(raw))
		if err != nil || u.Path != decoded {
			t.Fatalf("escaped(%q) parses to %q, %v, want %q", raw, u.Path, err, decoded)
		}
		if strings.Contains(decoded, "%") {
			return // in a decoded path it looks like an escape
		}
		if u, err = url.ParseRequestURI("https://h" + escaped(decoded)); err != nil || u.Path != decoded {
			t.Fatalf("escaped(%q) parses to %q, %v, want itself", decoded, u.Path, err)
		}
	})
}

// The stage of a REST event is in a header, for URLs in answers.
func TestPrefixOfRESTEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ stage, path, context, sent, want string }{
		{"live", "/v2/x", "/live/v2/x", "", "/live"},
		{"live", "/v2/a@b", "/live/v2/a%40b", "", "/live"},
		{"live", "/v2/x", "/live/v2/x", "/forged", "/live"},
		{"live", "/v2/x", "/v2/x", "", ""}, // a custom domain
		{"live", "/v2/x", "/v2/x", "/proxy", "/proxy"},
		{"live", "/v2/x", "/lively/v2/x", "", ""},
		{"v2", "/v2/x", "/v2/v2/x", "", ""}, // as if it were a custom domain's
		{"live", "/v2/x", "", "", ""},
		{"", "/v2/x", "/v2/x", "", ""},
	} {
		var got captured
		event := strings.Replace(rest("GET", tt.path, `,"headers":{"X-Forwarded-Prefix":"`+tt.sent+`"}`), `"stage":"live"`, `"stage":"`+tt.stage+`","path":"`+tt.context+`"`, 1)
		invoke(t, capture(&got), event)
		if prefix := got.Header.Get(PrefixHeader); prefix != tt.want {
			t.Errorf("stage %q, path %q, context %q: prefix %q, want %q", tt.stage, tt.path, tt.context, prefix, tt.want)
		}
	}
}

func TestStageOfHTTPEvents(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ stage, path, want string }{
		{"$default", "/live/v2", "/live/v2"},
		{"live", "/live/v2", "/v2"},
		{"live", "/live", "/"},
		{"live", "/lively/v2", "/lively/v2"},
		{"live", "/v2", "/v2"},
		{"", "/v2", "/v2"},
	} {
		var got captured
		invoke(t, capture(&got), strings.Replace(v2("GET", tt.path), "$default", tt.stage, 1))
		if got.Path != tt.want {
			t.Errorf("stage %q: path %q = %q, want %q", tt.stage, tt.path, got.Path, tt.want)
		}
	}
	var got captured
	invoke(t, capture(&got), `{"requestContext":{"http":{"method":"GET","path":"/from/context"}}}`)
	if got.Path != "/from/context" {
		t.Errorf("without rawPath the path is %q", got.Path)
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, event, want string }{
		{"none", rest("GET", "/", `,"multiValueQueryStringParameters":null,"queryStringParameters":null`), ""},
		{"order of names", rest("GET", "/", `,"multiValueQueryStringParameters":{"b":["2","1"],"a":["x"]}`), "a=x&b=2&b=1"},
		{"single-value only", rest("GET", "/", `,"queryStringParameters":{"b":"2","a":"1"}`), "a=1&b=2"},
		{"multi-value over single-value", rest("GET", "/", `,"queryStringParameters":{"a":"2"},"multiValueQueryStringParameters":{"a":["1","2"]}`), "a=1&a=2"},
		{"special characters", rest("GET", "/", `,"multiValueQueryStringParameters":{"a&b=c;":["% +#é\u0000"]}`), "a%26b%3Dc%3B=%25+%2B%23%C3%A9%00"},
		{"empty value", rest("GET", "/", `,"multiValueQueryStringParameters":{"a":[""]}`), "a="},
		{"names without values", rest("GET", "/", `,"multiValueQueryStringParameters":{"a":[],"b":null}`), ""},
		{"version 2 unchanged", v2("GET", "/", `,"rawQueryString":"b=%zz&a;=1&&x"`), "b=%zz&a;=1&&x"},
		{"version 2 from the map", v2("GET", "/", `,"queryStringParameters":{"a":"1,2"}`), "a=1%2C2"},
		{"version 2 without a query", v2("GET", "/"), ""},
	} {
		var got captured
		invoke(t, capture(&got), tt.event)
		if got.Query != tt.want {
			t.Errorf("%s: query %q, want %q", tt.name, got.Query, tt.want)
		}
	}
}

func TestMethodsStayAsWritten(t *testing.T) {
	t.Parallel()
	for _, m := range []string{"GET", "HEAD", "PROPFIND", "get", "G T", "é"} {
		for _, event := range []string{rest(m, "/"), v2(m, "/")} {
			var got captured
			invoke(t, capture(&got), event)
			if got.Method != m {
				t.Errorf("method %q reaches the handler as %q", m, got.Method)
			}
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body, want string
		err              error
		length           int64
	}{
		{"text", `"body":"é<","isBase64Encoded":false`, "é<", nil, 3},
		{"base64", `"body":"AP8=","isBase64Encoded":true`, "\x00\xff", nil, 2},
		{"none", `"body":null,"isBase64Encoded":false`, "", nil, 0},
		{"none, declared as base64", `"body":null,"isBase64Encoded":true`, "", nil, 0},
		{"bad base64", `"body":"AP8","isBase64Encoded":true`, "", ErrBody, -1},
		{"JSON declared as base64", `"body":"{\"data\":{}}","isBase64Encoded":true`, "", ErrBody, -1},
		{"base64url", `"body":"_-__","isBase64Encoded":true`, "", ErrBody, -1},
	} {
		for _, event := range []string{rest("PATCH", "/", ",", tt.body), v2("PATCH", "/", ",", tt.body)} {
			var got captured
			invoke(t, capture(&got), event)
			if got.Body != tt.want || !errors.Is(got.BodyErr, tt.err) || got.Length != tt.length {
				t.Errorf("%s: body %q, %v, length %d, want %q, %v, %d", tt.name, got.Body, got.BodyErr, got.Length, tt.want, tt.err, tt.length)
			}
		}
	}
}

// A handler could mistake these headers for the adapter's own, but clients can send them.
func TestForgedAdapterHeadersAreRemoved(t *testing.T) {
	t.Parallel()
	const forged = `"x-golambdaproxy-apigw-context":%,"X-GoLambdaProxy-ApiGw-StageVars":%,"Host":%,"accept":%`
	for _, event := range []string{
		rest("GET", "/", `,"multiValueHeaders":{`, strings.ReplaceAll(forged, "%", `["x"]`), `}`),
		rest("GET", "/", `,"headers":{`, strings.ReplaceAll(forged, "%", `"x"`), `}`),
		v2("GET", "/", `,"headers":{`, strings.ReplaceAll(forged, "%", `"x"`), `}`),
	} {
		var got captured
		invoke(t, capture(&got), event)
		if diff := cmp.Diff(http.Header{"Accept": {"x"}}, got.Header); diff != "" || got.Host != "x" {
			t.Errorf("%s: host %q, headers (-want +got):\n%s", event, got.Host, diff)
		}
	}
}

func TestContextHasTheDeadline(t *testing.T) {
	t.Parallel()
	want := time.Now().Add(7 * time.Second)
	ctx, cancel := context.WithDeadline(t.Context(), want)
	defer cancel()
	var got time.Time
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, _ = r.Context().Deadline() })
	if _, err := Handler(h).Invoke(ctx, []byte(rest("GET", "/"))); err != nil || !got.Equal(want) {
		t.Errorf("the handler's deadline is %v, %v, want %v", got, err, want)
	}
}

func TestOtherEventsFail(t *testing.T) {
	t.Parallel()
	h := newHandler(http.NotFoundHandler(), io.Discard)
	for _, event := range []string{
		"", "null", "[]", "{}", "x", `"x"`, `{"source":"aws.events"}`, `{"Records":[]}`, `{"httpMethod":7}`, `{"httpMethod":"GET"`,
		`{"requestContext":{"elb":{}}}`,
	} {
		if out, err := h.Invoke(t.Context(), []byte(event)); !errors.Is(err, ErrEvent) || out != nil {
			t.Errorf("Invoke(%s) = %s, %v, want ErrEvent", event, out, err)
		}
	}
}

// The handler receives the same request from both payload versions.
func TestVersionsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		path := "/" + rapid.StringMatching(`[a-z/%2F@ ?]{0,20}`).Draw(t, "path")
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,5}`), 0, 4, rapid.ID[string]).Draw(t, "names")
		slices.Sort(names)
		values := url.Values{}
		for _, n := range names {
			values[n] = rapid.SliceOfN(rapid.String(), 1, 3).Draw(t, n)
		}
		multi, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		encoded := `,"isBase64Encoded":true,"body":"` + base64.StdEncoding.EncodeToString(body) + `"`
		var one, two captured
		for into, event := range map[*captured]string{
			&one: rest("PATCH", path, `,"multiValueQueryStringParameters":`, string(multi), encoded),
			&two: v2("PATCH", path, `,"rawQueryString":"`, values.Encode(), `"`, encoded),
		} {
			if _, err := newHandler(capture(into), io.Discard).Invoke(context.Background(), []byte(event)); err != nil {
				t.Fatal(err)
			}
			into.GatewayID = ""
		}
		if diff := cmp.Diff(one, two); diff != "" || one.Body != string(body) {
			t.Fatalf("REST and HTTP differ:\n%s", diff)
		}
	})
}
