package main_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/gateway"
	"github.com/callrecordings/api/shared/link"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/dynamo"
)

// function is the function get or share as a process.
type function struct {
	*lambda

	table   *dynamo.Store
	process *os.Process
	token   string
	exited  chan error
	log     *bytes.Buffer
}

// program returns a function that builds the program of a folder once.
func program(folder string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "function")
		if err != nil {
			return "", err
		}
		out := filepath.Join(dir, "function")
		text, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", out, folder).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%w: %s", err, text)
		}
		return out, nil
	})
}

var getProgram, shareProgram = program("."), program("../share")

func startGet(t *testing.T) *function {
	t.Helper()
	return startFunction(t, getProgram)
}

// startFunction starts a program that build returns. The table has the recording.
func startFunction(t *testing.T, build func() (string, error)) *function {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	l := &lambda{t: t, items: map[tableKey]json.RawMessage{}, events: make(chan invocation), closed: make(chan int64, 1)}
	server := httptest.NewServer(l)
	t.Cleanup(server.Close)
	table := openTable(t, server.URL)
	put(t, table)
	jwks, err := auth.NewKeys(rand.Reader, "test")
	if err != nil {
		t.Fatal(err)
	}
	f := &function{lambda: l, table: table, exited: make(chan error, 1), log: new(bytes.Buffer)}
	if f.token, err = auth.Sign(jwks, auth.Claims{Account: streamAccount, Expires: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://"), "AWS_REGION=eu-west-1", "AWS_ENDPOINT_URL=" + server.URL,
		"AWS_ACCESS_KEY_ID=id", "AWS_SECRET_ACCESS_KEY=secret", "TABLE_NAME=recordings", "BUCKET_NAME=bucket", "TOKEN_KEYS=" + string(jwks),
		"MEDIA_DELIVERY=stream", "GOGC=400", "GOMEMLIMIT=400MiB", // as in template.yaml
	}
	cmd.Stdout, cmd.Stderr = f.log, f.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f.process = cmd.Process
	go func() { f.exited <- cmd.Wait() }()
	t.Cleanup(func() { _ = f.process.Kill() })
	return f
}

// openTable opens the table of the stand-in.
func openTable(t *testing.T, endpoint string) *dynamo.Store {
	t.Helper()
	table, err := dynamo.Open(dynamo.Options{
		Region: "eu-west-1", Endpoint: endpoint, Table: "recordings", Now: time.Now, Random: rand.Reader,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// put stores the recording.
func put(t *testing.T, table *dynamo.Store) {
	t.Helper()
	doc, err := recording.ParseDocument([]byte(`{"call_id":"c","direction":"inbound"}`))
	if err != nil {
		t.Fatal(err)
	}
	created := recording.SecondsOf(time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC))
	if err := table.Put(t.Context(), &recording.Recording{
		Account: streamAccount, ID: streamID, Created: created, Modified: created, Document: doc,
		Audio: recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: streamSize},
	}); err != nil {
		t.Fatal(err)
	}
}

// memory returns the resident memory of the process in bytes.
func (f *function) memory() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.process.Pid))
	if err != nil {
		f.t.Error(err)
	}
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		f.t.Fatalf("no memory in %s", text)
	}
	n, _ := strconv.Atoi(string(m[1]))
	return n << 10
}

// event returns the event of a request for the audio.
func (f *function) event(method, delivery string, header ...string) string {
	headers := map[string][]string{"X-Auth-Token": {f.token}, "Accept": {"audio/mpeg"}}
	for i := 0; i < len(header); i += 2 {
		headers[header[i]] = []string{header[i+1]}
	}
	text, _ := json.Marshal(map[string]any{
		"httpMethod": method, "path": "/v2/accounts/" + streamAccount + "/recordings/" + streamID, "multiValueHeaders": headers,
		"multiValueQueryStringParameters": map[string]any{"delivery": []string{delivery}}, "requestContext": map[string]any{"requestId": "r1"},
	})
	return string(text)
}

// response is a response of the function, taken apart as API Gateway does.
type response struct {
	Status int                 `json:"statusCode"`
	Header map[string][]string `json:"multiValueHeaders"`

	first   []byte // the beginning of the body
	rest    int64  // how many bytes followed
	trailer http.Header
	err     error
}

// do has the function handle an event. begun, if not nil, is called when the first bytes
// of the body are here; leave ends the connection then.
func (f *function) do(event string, begun func(response), leave bool) response {
	f.t.Helper()
	done := make(chan response, 1)
	take := func(w http.ResponseWriter, r *http.Request) {
		got := response{trailer: r.Trailer}
		defer func() { done <- got }()
		if kind := r.Header.Get("Content-Type"); kind != "application/vnd.awslambda.http-integration-response" {
			f.t.Errorf("%s has the type %q", r.URL.Path, kind)
		}
		var head []byte
		for !bytes.Contains(head, make([]byte, 8)) && got.err == nil {
			chunk := make([]byte, 4096)
			var n int
			n, got.err = r.Body.Read(chunk)
			head = append(head, chunk[:n]...)
		}
		prelude, body, _ := bytes.Cut(head, make([]byte, 8))
		if err := json.Unmarshal(prelude, &got); err != nil {
			f.t.Errorf("prelude %q: %v", prelude, err)
		}
		got.first = body
		if begun != nil {
			begun(got)
		}
		if leave {
			panic(http.ErrAbortHandler)
		}
		more, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
		got.first, got.err = append(got.first, more...), err
		if err == nil {
			got.rest, got.err = io.Copy(io.Discard, r.Body)
		}
		w.WriteHeader(http.StatusAccepted)
	}
	select {
	case f.events <- invocation{event, take}:
	case err := <-f.exited:
		f.t.Fatalf("the function exited: %v\n%s", err, f.log)
	case <-time.After(patience):
		f.t.Fatal("the function asks for no event")
	}
	select {
	case got := <-done:
		return got
	case <-time.After(2 * patience):
		f.t.Fatal("the function does not answer")
		return response{}
	}
}

// length returns the declared and the received length of a body.
func (r response) length() (declared string, got int64) {
	return strings.Join(r.Header["Content-Length"], ","), int64(len(r.first)) + r.rest
}

// The function sends the first bytes before it has read the last ones, in constant memory,
// as much as Lambda lets it.
func TestGetStreamsInConstantMemory(t *testing.T) {
	t.Parallel()
	f := startGet(t)
	if got := f.do(f.event("HEAD", "stream"), nil, false); got.Status != 200 || got.Header["Content-Length"][0] != strconv.Itoa(streamSize) {
		t.Errorf("HEAD = %+v, want 200 with %d bytes", got, streamSize)
	}
	before := f.memory()
	proceed := make(chan struct{})
	f.proceed = proceed
	began := time.Now()
	wanted := int64(gateway.MaxStream)
	got := f.do(f.event("GET", "stream", "Range", fmt.Sprintf("bytes=5-%d", wanted+4)), func(r response) {
		t.Logf("first byte after %v", time.Since(began).Round(time.Millisecond))
		if r.Status != http.StatusPartialContent {
			t.Errorf("status = %d, want 206", r.Status)
		}
		close(proceed) // the bucket has sent no more than a part until now
		began = time.Now()
	}, false)
	declared, n := got.length()
	if n != wanted || declared != strconv.FormatInt(wanted, 10) || got.err != nil || got.trailer.Get("Lambda-Runtime-Function-Error-Type") != "" {
		t.Errorf("got %d of %s bytes, %v, %v, want %d", n, declared, got.err, got.trailer, wanted)
	}
	took, grown := time.Since(began), f.memory()-before
	t.Logf("%d bytes in %v, %.0f MB/s, memory %+d KB", n, took, float64(n)/1e6/took.Seconds(), grown>>10)
	if grown > mostGrowth {
		t.Errorf("the memory has grown by %d bytes, want at most %d", grown, mostGrowth)
	}
	if want := fmt.Sprintf("bytes=5-%d %s", wanted+4, streamTag); !slices.Equal(f.ranges(), []string{want}) {
		t.Errorf("reads = %q, want %q", f.ranges(), want)
	}
}

// Answers that are not streamed have the format of a stream.
func TestGetAnswersErrorsInStreamingMode(t *testing.T) {
	t.Parallel()
	f := startGet(t)
	for _, c := range []struct {
		event  string
		status int
		header string
		want   string
		body   string
	}{
		{f.event("GET", "stream"), 413, "Content-Type", "application/json", "do not fit into one stream"},
		{f.event("GET", "auto"), 302, "Cache-Control", "no-store", `"status":"success"`},
		{f.event("GET", "pigeon"), 400, "Content-Type", "application/json", `"stream"`},
		{f.event("GET", "stream", "Range", "bytes=2000000000-"), 416, "Content-Range", "bytes */1073741824", "range not satisfiable"},
		{f.event("GET", "stream", "Range", "bytes=0-3"), 206, "Content-Range", "bytes 0-3/1073741824", "\x00\x00\x00\x00"},
		{f.event("GET", "stream", "If-None-Match", streamTag), 304, "Etag", streamTag, ""},
		{f.event("GET", "stream", "X-Auth-Token", "x"), 401, "Content-Type", "application/json", "invalid"},
		{f.event("GET", "stream", "Accept", "application/json"), 200, "Content-Type", "application/json", streamID},
	} {
		got := f.do(c.event, nil, false)
		if got.Status != c.status || strings.Join(got.Header[c.header], ",") != c.want || !strings.Contains(string(got.first), c.body) {
			t.Errorf("%d with %s: %q, %.300q, want %d, %q, %q", got.Status, c.header, got.Header[c.header], got.first, c.status, c.want, c.body)
		}
		if declared, n := got.length(); c.status != 304 && declared != strconv.FormatInt(n, 10) {
			t.Errorf("%d: %d bytes, declared as %s", c.status, n, declared)
		}
	}
}

// After a reset, the function goes on with the rest of the same object.
func TestGetResumesAStream(t *testing.T) {
	t.Parallel()
	f := startGet(t)
	f.resets = 1
	got := f.do(f.event("GET", "stream", "Range", "bytes=0-999999"), nil, false)
	if _, n := got.length(); n != 1_000_000 || got.trailer.Get("Lambda-Runtime-Function-Error-Type") != "" {
		t.Errorf("got %d bytes, %v", n, got.trailer)
	}
	if want := "bytes=262144-999999 " + streamTag; len(f.ranges()) != 2 || f.ranges()[1] != want {
		t.Errorf("reads = %q, want the second to be %q", f.ranges(), want)
	}
}

// After too many resets, the trailer marks the body as incomplete.
func TestGetReportsATruncatedStream(t *testing.T) {
	t.Parallel()
	f := startGet(t)
	f.resets = 100
	got := f.do(f.event("GET", "stream", "Range", "bytes=0-9999999"), nil, false)
	if declared, n := got.length(); got.Status != 206 || declared != "10000000" || n != 6*pause {
		t.Errorf("got %d: %d of %s bytes, want 206 with %d", got.Status, n, declared, 6*pause)
	}
	if kind := got.trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "Stream.Truncated" {
		t.Errorf("trailer = %v, want Stream.Truncated", got.trailer)
	}
	f.resets = 0
	if got := f.do(f.event("GET", "stream", "Range", "bytes=0-0"), nil, false); got.Status != 206 {
		t.Errorf("the next event = %d, want 206", got.Status)
	}
}

// When the client leaves, and Lambda ends the response, the read of the bucket is closed.
func TestGetClosesTheBucketWhenItsClientLeaves(t *testing.T) {
	t.Parallel()
	f := startGet(t)
	f.do(f.event("GET", "stream", "Range", "bytes=0-199000000"), nil, true)
	select {
	case sent := <-f.closed:
		if sent > 20<<20 {
			t.Errorf("the bucket has sent %d bytes before the read was closed", sent)
		}
	case <-time.After(patience):
		t.Error("the read of the bucket stays open")
	}
}

// The function share streams in the same way as get. If audio is too long for one stream, a link
// plays it in parts, and the first bytes arrive while the bucket holds back the rest. Without a place
// for another stream, the link is a redirect.
func TestShareStreamsToTheBearerOfALink(t *testing.T) {
	f := startFunction(t, shareProgram)
	links := link.New(f.table, time.Now, rand.Reader)
	now := recording.SecondsOf(time.Now())
	made, secret, err := links.Draft(link.Link{
		Account: streamAccount, Recording: streamID, Maker: link.Maker{Account: streamAccount}, Expires: now + 3600,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := links.Make(t.Context(), made, secret); err != nil {
		t.Fatal(err)
	}
	event := func(secret string) string {
		text, err := json.Marshal(map[string]any{
			"httpMethod": http.MethodGet, "path": "/v2/accounts/" + streamAccount + "/recordings/" + streamID + "/links/" + made.ID + "/" + secret,
			"multiValueHeaders": map[string][]string{"Range": {"bytes=0-49999999"}}, "requestContext": map[string]any{"requestId": "r1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	proceed := make(chan struct{})
	f.mu.Lock()
	f.proceed = proceed
	f.mu.Unlock()
	got := f.do(event(secret), func(response) { close(proceed) }, false)
	if declared, length := got.length(); got.Status != http.StatusPartialContent || got.err != nil || declared != "50000000" || length != 50_000_000 {
		t.Errorf("the link: %d, %s declared, %d bytes, %v, want 206 with 50,000,000", got.Status, declared, length, got.err)
	}
	if got := f.do(event(strings.Repeat("x", len(secret))), nil, false); got.Status != http.StatusNotFound {
		t.Errorf("a wrong secret: %d, want 404", got.Status)
	}
	f.fill(streamAccount)
	if got := f.do(event(secret), nil, false); got.Status != http.StatusFound {
		t.Errorf("the link without a place for a stream: %d, want 302", got.Status)
	}
}
