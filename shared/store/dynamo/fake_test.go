package dynamo

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/attempt/attempttest"
)

// answerDelay is how long a fake waits before it answers. The SDK closes its
// request body when the answer begins, and Go's transport drops a connection
// if the answer arrives before the whole request is sent.
const answerDelay = 300 * time.Microsecond

// answer handles a request to a fake DynamoDB.
type answer func(w http.ResponseWriter, request map[string]any)

// fake is an HTTP server that gives its answers in order and repeats the last
// one. It records the requests.
type fake struct {
	url      string
	answers  []answer
	mu       sync.Mutex
	requests []call
}

// call is one recorded request: the operation and its input.
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
	time.Sleep(answerDelay)
	f.answers[min(n, len(f.answers)-1)](w, input)
}

func (f *fake) calls() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// operations returns the names of the recorded calls, "GetItem PutItem".
func (f *fake) operations() string {
	var names []string
	for _, c := range f.calls() {
		names = append(names, c.operation)
	}
	return strings.Join(names, " ")
}

// fastLimits returns limits with short waits.
func fastLimits() network {
	n := standard()
	n.Attempt, n.Backoff, n.conflict, n.patience = 250*time.Millisecond, time.Millisecond, time.Millisecond, 4*time.Millisecond
	return n
}

// openAt opens a store at the endpoint with a fixed clock.
func openAt(t *testing.T, endpoint string, n network) *Store {
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

// respond answers with the status and the body.
func respond(status int, body string) answer {
	return func(w http.ResponseWriter, _ map[string]any) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// respondError answers with an error in DynamoDB's form.
func respondError(status int, code, message string) answer {
	return respond(status, fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":%q}`, code, message))
}

// conditionFailed answers that the condition of a write does not hold because of
// the existing item m, nil for none.
func conditionFailed(m item) answer {
	body := map[string]any{
		"__type":  "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
		"message": "The conditional request failed",
	}
	if m != nil {
		body["Item"] = wireItem(m)
	}
	text, _ := json.Marshal(body)
	return respond(http.StatusBadRequest, string(text))
}

// respondItem answers a GetItem with m.
func respondItem(m item) answer {
	text, _ := json.Marshal(map[string]any{
		"Item": wireItem(m), "ConsumedCapacity": map[string]any{"TableName": "recordings", "CapacityUnits": 1},
	})
	return respond(http.StatusOK, string(text))
}

// writeDone acknowledges a write.
var writeDone = respond(http.StatusOK, `{"ConsumedCapacity":{"TableName":"recordings","CapacityUnits":3}}`)

// cut announces a longer body than it sends, then closes the connection.
func cut(w http.ResponseWriter, _ map[string]any) {
	w.Header().Set("Content-Length", "4096")
	_, _ = io.WriteString(w, `{"ConsumedCapacity":{"TableName":"rec`)
	attempttest.HangUp(w)
}

// reset closes the connection instead of answering.
func reset(w http.ResponseWriter, _ map[string]any) { attempttest.HangUp(w) }

// stall starts an answer and then sends nothing until the client disconnects.
func stall(w http.ResponseWriter, _ map[string]any) {
	w.Header().Set("Content-Length", "4096")
	_, _ = io.WriteString(w, "{")
	_ = http.NewResponseController(w).Flush()
	attempttest.NoAnswer(w)
}

// noAnswer sends nothing until the client disconnects.
func noAnswer(w http.ResponseWriter, _ map[string]any) { attempttest.NoAnswer(w) }

// written returns the item that a PutItem sent.
func written(t *testing.T, c call) item {
	t.Helper()
	attributes, _ := c.input["Item"].(map[string]any)
	if c.operation != "PutItem" || attributes == nil {
		t.Fatalf("%s without an item, want a PutItem: %v", c.operation, c.input)
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
