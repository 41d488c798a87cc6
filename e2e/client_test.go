package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/callrecordings/api/shared/openapi/openapitest"
)

// answer is the response to the last request of a script.
type answer struct {
	status int
	header http.Header
	body   []byte
}

type answerKey struct{}

// client never follows redirects, because the contract covers the target of a
// redirect. Scripts request the target themselves.
var client = &http.Client{
	Timeout:       60 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// last returns the script's last answer. The script fails if it has made no
// request.
func last(ts *testscript.TestScript) *answer {
	a, ok := ts.Value(answerKey{}).(*answer)
	if !ok || a.header == nil {
		ts.Fatalf("the script has made no request yet")
	}
	return a
}

// cmdHTTP is `http [-H header]… [-as token] [-d body | -f file] METHOD path`.
// It sends the token $TOKEN, or the one given by -as; "-as none" sends no token.
// A path that begins with "http" is a complete URL: it is presigned, so no token
// is sent. Accept defaults to application/json.
func cmdHTTP(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("http cannot be negated; check the status")
	}
	header := http.Header{"Accept": {"application/json"}}
	token := ts.Getenv("TOKEN")
	var body io.Reader
	for len(args) > 2 && strings.HasPrefix(args[0], "-") {
		switch args[0] {
		case "-H":
			name, value, ok := strings.Cut(args[1], ":")
			if !ok {
				ts.Fatalf("-H %q: want Name: value", args[1])
			}
			header.Set(name, strings.TrimSpace(value))
		case "-as":
			token = args[1]
		case "-d":
			body = strings.NewReader(args[1])
		case "-f":
			body = strings.NewReader(ts.ReadFile(args[1]))
		default:
			ts.Fatalf("http: unknown flag %s", args[0])
		}
		args = args[2:]
	}
	if len(args) != 2 {
		ts.Fatalf("usage: http [-H header]… [-as token] [-d body | -f file] METHOD path")
	}
	url := args[1]
	if !strings.HasPrefix(url, "http") {
		url = ts.Getenv("URL") + url
		if token != "none" {
			header.Set("X-Auth-Token", token)
		}
	}
	*ts.Value(answerKey{}).(*answer) = request(ts, args[0], url, header, body)
}

func request(ts *testscript.TestScript, method, url string, header http.Header, body io.Reader) answer {
	var sent []byte
	if body != nil {
		var err error
		sent, err = io.ReadAll(body)
		ts.Check(err)
		body = bytes.NewReader(sent) // a reader of known length, which S3 requires
	}
	req, err := http.NewRequest(method, url, body)
	ts.Check(err)
	req.Header = header
	resp, err := client.Do(req)
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }()
	read, err := io.ReadAll(resp.Body)
	ts.Check(err)
	location, _, _ := strings.Cut(url, "?")
	ts.Logf("%s %s: %d, %d bytes\n%.2000s", method, location, resp.StatusCode, len(read), printable(resp.Header, read))
	restore(resp.Header)
	if strings.HasPrefix(url, ts.Getenv("URL")+"/") { // not a presigned URL
		ts.Check(conforms(ts.Getenv("URL"), resp, sent, read))
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: read}
}

// restore adds the original names of headers that API Gateway has renamed
// (docs/reference/gateway.md).
func restore(h http.Header) {
	for name, values := range h.Clone() {
		if short, ok := strings.CutPrefix(name, "X-Amzn-Remapped-"); ok {
			h[http.CanonicalHeaderKey(short)] = values
		}
	}
}

// conforms checks a request and its answer against the API's definition. base is
// the address of the API, including the stage.
func conforms(base string, resp *http.Response, sent, read []byte) error {
	if resp.Header.Get("Content-Encoding") == "gzip" && len(read) > 0 {
		z, err := gzip.NewReader(bytes.NewReader(read))
		if err != nil {
			return fmt.Errorf("gunzip: %w", err)
		}
		if read, err = io.ReadAll(z); err != nil {
			return fmt.Errorf("gunzip: %w", err)
		}
	}
	return openapitest.Check(openapitest.Exchange{
		Method: resp.Request.Method, URL: strings.TrimPrefix(resp.Request.URL.String(), base), Header: resp.Request.Header, Body: sent,
		Status: resp.StatusCode, Answer: resp.Header, AnswerBody: read,
	})
}

// printable returns the body for the log; audio and compressed bodies are left
// out.
func printable(h http.Header, body []byte) []byte {
	if strings.HasPrefix(h.Get("Content-Type"), "audio/") || h.Get("Content-Encoding") != "" {
		return nil
	}
	return body
}

// cmdStatus is `status CODE`: the last answer has that status.
func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: status CODE")
	}
	if got := strconv.Itoa(last(ts).status); (got == args[0]) == neg {
		ts.Fatalf("status %s, want %s", got, not(neg, args[0]))
	}
}

// cmdHeader is `header NAME [PATTERN]`: the header is present and matches the
// pattern. With ! and without a pattern, the header is absent.
func cmdHeader(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: header NAME [PATTERN]")
	}
	values := last(ts).header.Values(args[0])
	got := strings.Join(values, ", ")
	matched := len(values) > 0
	if len(args) == 2 {
		matched = matched && regexp.MustCompile(args[1]).MatchString(got)
	}
	if matched == neg {
		ts.Fatalf("header %s: %q, want %s", args[0], got, not(neg, strings.Join(args[1:], "")))
	}
}

// cmdJSON is `json PATH [VALUE]`: the value at PATH in the body's JSON equals
// VALUE, in compact form and with strings unquoted. PATH is names and indices
// joined by dots; "len" is the length of an array and "" the whole body. With !
// and without a value, PATH does not exist.
func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: json PATH [VALUE]")
	}
	if strings.HasSuffix(args[0], ".") {
		ts.Fatalf("json %s: the path ends with a dot: # begins a comment, and len is the length of an array", args[0])
	}
	got, ok := lookup(last(ts).body, args[0])
	matched := ok
	if len(args) == 2 {
		matched = matched && got == args[1]
	}
	if matched == neg {
		ts.Fatalf("json %s: %q (present: %v), want %s", args[0], got, ok, not(neg, strings.Join(args[1:], "")))
	}
}

// cmdSave is `save NAME json PATH`, `save NAME path PATH`, `save NAME header NAME`, `save
// NAME stdout` or `save NAME body`. The last writes the body to a file, and the others set
// a variable. path is the URL at PATH without what precedes /v2: an emulator cannot be
// reached at the address that its gateway shows to functions.
func cmdSave(ts *testscript.TestScript, neg bool, args []string) {
	if !neg && len(args) == 2 && args[1] == "stdout" {
		ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
		return
	}
	a := last(ts)
	switch {
	case neg || len(args) < 2:
	case args[1] == "json" && len(args) == 3:
		got, ok := lookup(a.body, args[2])
		if !ok {
			ts.Fatalf("save: the answer has no %s", args[2])
		}
		ts.Setenv(args[0], got)
		return
	case args[1] == "path" && len(args) == 3:
		got, _ := lookup(a.body, args[2])
		at := strings.Index(got, "/v2/")
		if at < 0 || !strings.HasPrefix(got, "http") {
			ts.Fatalf("save: %s is %q, want a URL of the API", args[2], got)
		}
		ts.Setenv(args[0], got[at:])
		return
	case args[1] == "header" && len(args) == 3:
		ts.Setenv(args[0], a.header.Get(args[2]))
		return
	case args[1] == "body":
		ts.Check(writeFile(ts.MkAbs(args[0]), a.body))
		return
	}
	ts.Fatalf("usage: save NAME json PATH | path PATH | header NAME | body | stdout")
}

// cmdSize is `size N`: the body has N bytes.
func cmdSize(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: size N")
	}
	if got := strconv.Itoa(len(last(ts).body)); (got == args[0]) == neg {
		ts.Fatalf("body of %s bytes, want %s", got, not(neg, args[0]))
	}
}

// cmdBody is `body PATTERN`: the body matches the pattern.
func cmdBody(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: body PATTERN")
	}
	if regexp.MustCompile(args[0]).Match(last(ts).body) == neg {
		ts.Fatalf("body %.300q, want %s", last(ts).body, not(neg, args[0]))
	}
}

// lookup returns the value at a path of names and indices joined by dots.
func lookup(body []byte, path string) (string, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", false
	}
	for path != "" {
		var step string
		step, path, _ = strings.Cut(path, ".")
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[strings.ReplaceAll(step, "%2E", ".")]
			if !ok {
				return "", false
			}
			v = next
		case []any:
			if step == "len" {
				return strconv.Itoa(len(at)), true
			}
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(at) {
				return "", false
			}
			v = at[i]
		default:
			return "", false
		}
	}
	if s, ok := v.(string); ok {
		return s, true
	}
	text, err := json.Marshal(v)
	return string(text), err == nil
}

func not(neg bool, want string) string {
	if neg {
		return fmt.Sprintf("anything but %q", want)
	}
	return fmt.Sprintf("%q", want)
}
