package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/callrecordings/api/shared/store/dynamo/emulator"
)

// slowness is how long a slow answer takes.
const slowness = 5 * time.Millisecond

// transport sends the requests of a client to a handler in this process, with faults. A nil
// injector lets everything through.
type transport struct {
	service string
	to      http.Handler
	inject  *injector
	// race makes another client write the item that the condition of the request is about.
	// done is false if the item does not exist.
	race func(body []byte) (done bool)
}

// Do implements the HTTPClient of the SDK.
func (t *transport) Do(r *http.Request) (*http.Response, error) { return t.RoundTrip(r) }

// RoundTrip implements [http.RoundTripper].
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close()
	}
	if t.inject == nil {
		return t.serve(r, body), nil
	}
	return t.fail(r, body, t.inject.next(t.describe(r, body)))
}

// fail answers a request with a fault.
func (t *transport) fail(r *http.Request, body []byte, f fault) (*http.Response, error) {
	switch f {
	case dead, killBefore:
		return nil, errKilled
	case refused:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	case resetBefore:
		return nil, reset()
	case timedOut:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	case late:
		t.inject.delay(func() { t.serve(r, body) })
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	case throttled:
		return t.refusal(r, tooMany[t.service]), nil
	case failed500:
		return t.refusal(r, problem{http.StatusInternalServerError, "InternalServerError"}), nil
	case condition:
		if t.race == nil || !t.race(body) {
			return t.conflict(r), nil
		}
	case slow:
		time.Sleep(slowness)
	case twice:
		t.serve(r, body)
	}
	answer := t.serve(r, body)
	switch f {
	case killAfter:
		t.inject.die()
		return nil, errKilled
	case resetAfter:
		return nil, reset()
	case failed503:
		return t.refusal(r, problem{http.StatusServiceUnavailable, "ServiceUnavailable"}), nil
	case truncated:
		return t.truncate(answer)
	}
	t.inject.settle()
	return answer, nil
}

// reset returns the error of a connection that breaks.
func reset() error {
	return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

// serve lets the service handle a request.
func (t *transport) serve(r *http.Request, body []byte) *http.Response {
	in := r.Clone(context.WithoutCancel(r.Context()))
	in.RequestURI, in.Body = r.URL.RequestURI(), io.NopCloser(bytes.NewReader(body))
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	in.URL.Scheme, in.URL.Host, in.RemoteAddr = "", "", "127.0.0.1:1"
	w := httptest.NewRecorder()
	t.to.ServeHTTP(w, in)
	answer := w.Result()
	answer.Request = r
	return answer
}

// truncate ends an answer in the middle. An answer without a body is lost.
func (t *transport) truncate(answer *http.Response) (*http.Response, error) {
	text, err := io.ReadAll(answer.Body)
	if err != nil || len(text) == 0 {
		return nil, reset()
	}
	answer.Body = io.NopCloser(io.MultiReader(bytes.NewReader(text[:len(text)/2]), broken{}))
	return answer, nil
}

// broken is the rest of a truncated answer.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// describe names a request.
func (t *transport) describe(r *http.Request, body []byte) call {
	c := call{service: t.service, name: r.Method, write: true}
	switch t.service {
	case bucketS3:
		c.write = r.Method != http.MethodGet && r.Method != http.MethodHead
		c.conditional = r.Method == http.MethodPut && r.Header.Get("If-None-Match") != ""
		for _, part := range []string{"versions", "list-type", "uploads", "uploadId", "retention"} {
			if r.URL.Query().Has(part) {
				c.name += " " + part
			}
		}
	case receiver:
	default:
		_, c.name, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch c.name {
		case "GetItem", "BatchGetItem", "Query", "Scan":
			c.write = false
		}
		c.conditional = c.write && bytes.Contains(body, []byte(`"ConditionExpression"`))
	}
	return c
}

// problem is an error that a service answers.
type problem struct {
	status int
	code   string
}

// tooMany are the answers of throttled services.
var tooMany = map[string]problem{
	dynamoDB:    {http.StatusBadRequest, "ProvisionedThroughputExceededException"},
	bucketS3:    {http.StatusServiceUnavailable, "SlowDown"},
	queueSQS:    {http.StatusBadRequest, "RequestThrottled"},
	eventBridge: {http.StatusBadRequest, "ThrottlingException"},
	receiver:    {http.StatusTooManyRequests, "TooManyRequests"},
}

// conflict is the answer to a conditional write that met another one.
func (t *transport) conflict(r *http.Request) *http.Response {
	if t.service == bucketS3 {
		return t.refusal(r, problem{http.StatusConflict, "ConditionalRequestConflict"})
	}
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), "TransactWriteItems") {
		return t.answer(r, http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",`+
			`"Message":"Transaction cancelled","CancellationReasons":[{"Code":"TransactionConflict","Message":"injected"}]}`)
	}
	return t.refusal(r, problem{http.StatusBadRequest, "TransactionConflictException"})
}

// refusal answers with an error of the service.
func (t *transport) refusal(r *http.Request, p problem) *http.Response {
	body := `{"__type":"com.amazonaws.` + t.service + `#` + p.code + `","message":"injected"}`
	if t.service == bucketS3 {
		body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>` + p.code + `</Code><Message>injected</Message></Error>`
	}
	return t.answer(r, p.status, body)
}

// answer returns an answer of the service.
func (t *transport) answer(r *http.Request, status int, body string) *http.Response {
	kind := "application/x-amz-json-1.0"
	if t.service == bucketS3 {
		kind = "application/xml"
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: http.Header{"Content-Type": {kind}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// raceFor returns the race of a table: another client writes an item that the request has a
// condition on, with the same content.
func raceFor(table *emulator.Table) func([]byte) bool {
	type part struct {
		Item, Key           map[string]map[string]any
		ConditionExpression string
	}
	writes := 0
	return func(body []byte) bool {
		var in struct {
			part
			TransactItems []map[string]part
		}
		if err := json.Unmarshal(body, &in); err != nil {
			panic(err)
		}
		parts := []part{in.part}
		for _, item := range in.TransactItems {
			for _, p := range item {
				parts = append(parts, p)
			}
		}
		for _, p := range parts {
			key := p.Item
			if key == nil {
				key = p.Key
			}
			writes++
			if p.ConditionExpression != "" && table.Overwrite(text(key["a"]), text(key["id"]), fmt.Sprintf("raced-%d", writes)) {
				return true
			}
		}
		return false
	}
}

// text returns a string in DynamoDB's JSON.
func text(attribute map[string]any) string {
	s, _ := attribute["S"].(string)
	return s
}
