package dynamo

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// thinking is how long a fake waits before it answers: the SDK closes the
// body of its request when the answer begins, and Go's transport drops a
// connection whose answer came before the request had gone out.
const thinking = 300 * time.Microsecond

// answer is what a fake DynamoDB does with a request.
type answer func(w http.ResponseWriter, request map[string]any)

// fake is an HTTP server that gives one answer after the other, and the last
// one from then on. It notes the requests.
type fake struct {
	url      string
	answers  []answer
	mu       sync.Mutex
	requests []call
}

// call is one request: the operation and its input.
type call struct {
	operation string
	input     map[string]any
}

func newFake(t *testing.T, answers ...answer) *fake {
	t.Helper()
	f := &fake{answers: answers}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var input map[string]any
	_ = json.Unmarshal(body, &input)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	f.mu.Lock()
	n := len(f.requests)
	f.requests = append(f.requests, call{operation, input})
	f.mu.Unlock()
	time.Sleep(thinking)
	f.answers[min(n, len(f.answers)-1)](w, input)
}

func (f *fake) calls() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// operations are the names of the calls, "GetItem PutItem".
func (f *fake) operations() string {
	var names []string
	for _, c := range f.calls() {
		names = append(names, c.operation)
	}
	return strings.Join(names, " ")
}

// hurried is a network whose every wait is short.
func hurried() network {
	n := standard()
	n.Attempt, n.Backoff, n.conflict, n.patience = 100*time.Millisecond, time.Millisecond, time.Millisecond, 4*time.Millisecond
	return n
}

// at opens a store at the endpoint, in a hurry.
func at(t *testing.T, endpoint string, n network) *Store {
	t.Helper()
	s, err := open(Options{
		Region: "eu-west-1", Endpoint: endpoint, Table: "recordings", Credentials: static,
		Now: func() time.Time { return time.Date(2023, 11, 3, 8, 0, 0, 0, time.UTC) },
	}, n)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func say(status int, body string) answer {
	return func(w http.ResponseWriter, _ map[string]any) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// refuse answers as DynamoDB does with an error.
func refuse(status int, code, message string) answer {
	return say(status, fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":%q}`, code, message))
}

// unmetBy answers that the condition does not hold, because of m.
func unmetBy(m item) answer {
	body := map[string]any{
		"__type":  "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
		"message": "The conditional request failed",
	}
	if m != nil {
		body["Item"] = wireItem(m)
	}
	text, _ := json.Marshal(body)
	return say(http.StatusBadRequest, string(text))
}

// give answers a GetItem with m.
func give(m item) answer {
	text, _ := json.Marshal(map[string]any{
		"Item": wireItem(m), "ConsumedCapacity": map[string]any{"TableName": "recordings", "CapacityUnits": 1},
	})
	return say(http.StatusOK, string(text))
}

// done answers a write.
var done = say(http.StatusOK, `{"ConsumedCapacity":{"TableName":"recordings","CapacityUnits":3}}`)

// cut promises more than it sends.
func cut(w http.ResponseWriter, _ map[string]any) {
	w.Header().Set("Content-Length", "4096")
	_, _ = io.WriteString(w, `{"ConsumedCapacity":{"TableName":"rec`)
	hangUp(w)
}

// reset closes the connection instead of answering.
func reset(w http.ResponseWriter, _ map[string]any) { hangUp(w) }

func hangUp(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush()
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// stall begins an answer and does not go on until the client has gone.
func stall(w http.ResponseWriter, _ map[string]any) {
	w.Header().Set("Content-Length", "4096")
	_, _ = io.WriteString(w, "{")
	silence(w, nil)
}

// silence answers nothing until the client has gone.
func silence(w http.ResponseWriter, _ map[string]any) {
	rc := http.NewResponseController(w)
	_ = rc.Flush()
	if conn, _, err := rc.Hijack(); err == nil {
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close()
	}
}

// refused is an address where nothing listens.
func refused(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return "http://" + l.Addr().String()
}

// written reads the item of a PutItem as the store sent it.
func written(t *testing.T, c call) item {
	t.Helper()
	attributes, _ := c.input["Item"].(map[string]any)
	if c.operation != "PutItem" || attributes == nil {
		t.Fatalf("a %s without an item, want a PutItem: %v", c.operation, c.input)
	}
	m := make(item)
	for name, v := range attributes {
		for kind, value := range v.(map[string]any) {
			switch kind {
			case "S":
				m[name] = str(value.(string))
			case "N":
				m[name] = &types.AttributeValueMemberN{Value: value.(string)}
			}
		}
	}
	return m
}
