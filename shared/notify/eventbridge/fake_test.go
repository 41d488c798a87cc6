package eventbridge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/attempt/attempttest"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/recording"
)

// answerDelay is how long the fake waits before it answers. The SDK closes its
// request body when the answer begins, and Go's transport drops a connection
// if the answer arrives before the whole request is sent.
const answerDelay = 300 * time.Microsecond

// entry is an entry of a request.
type entry struct {
	EventBusName, Source, DetailType, Detail string
	Time                                     float64
}

// call is a recorded request: its header and its entries.
type call struct {
	header  http.Header
	entries []entry
}

// answer handles a request to the fake.
type answer func(w http.ResponseWriter, entries []entry)

// fake is an EventBridge server that gives its answers in order and repeats the
// last one. It records the requests.
type fake struct {
	url     string
	answers []answer
	mu      sync.Mutex
	got     []call
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
	var input struct{ Entries []entry }
	_ = json.NewDecoder(r.Body).Decode(&input)
	f.mu.Lock()
	n := len(f.got)
	f.got = append(f.got, call{r.Header, input.Entries})
	f.mu.Unlock()
	time.Sleep(answerDelay)
	f.answers[min(n, len(f.answers)-1)](w, input.Entries)
}

func (f *fake) calls() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got
}

// sizes returns the number of entries of each call.
func (f *fake) sizes() []int {
	var sizes []int
	for _, c := range f.calls() {
		sizes = append(sizes, len(c.entries))
	}
	return sizes
}

// respond answers with the status and the body.
func respond(status int, body string) answer {
	return func(w http.ResponseWriter, _ []entry) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// respondError answers with an error in EventBridge's form.
func respondError(status int, code string) answer {
	return respond(status, fmt.Sprintf(`{"__type":%q,"message":"no"}`, code))
}

// accept accepts all entries except those with an index in codes, which it
// rejects with that code.
func accept(codes map[int]string) answer {
	return func(w http.ResponseWriter, entries []entry) {
		results := make([]map[string]string, len(entries))
		for i := range entries {
			results[i] = map[string]string{"EventId": "event-" + strconv.Itoa(i)}
			if code := codes[i]; code != "" {
				results[i] = map[string]string{"ErrorCode": code, "ErrorMessage": "no"}
			}
		}
		body, _ := json.Marshal(map[string]any{"FailedEntryCount": len(codes), "Entries": results})
		respond(http.StatusOK, string(body))(w, entries)
	}
}

var acceptAll = accept(nil)

// cut announces a longer body than it sends, then closes the connection.
func cut(w http.ResponseWriter, _ []entry) {
	w.Header().Set("Content-Length", "4096")
	_, _ = io.WriteString(w, `{"FailedEntryCount":0,"Entr`)
	attempttest.HangUp(w)
}

// reset closes the connection instead of answering.
func reset(w http.ResponseWriter, _ []entry) { attempttest.HangUp(w) }

// noAnswer sends nothing until the client disconnects.
func noAnswer(w http.ResponseWriter, _ []entry) { attempttest.NoAnswer(w) }

// fastLimits returns limits with short waits.
func fastLimits() attempt.Limits {
	n := standard()
	n.Attempt, n.Backoff = 250*time.Millisecond, time.Millisecond
	return n
}

var static = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret", SessionToken: "session"}, nil
})

// openAt opens a bus at the endpoint.
func openAt(t *testing.T, endpoint string, n attempt.Limits) *Bus {
	t.Helper()
	b, err := open(Options{
		Region: "eu-west-1", Endpoint: endpoint, Bus: "recordings", Credentials: static, Application: "callrecordings-publish",
	}, n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// events returns n events, each about a different recording.
func events(n int) []notify.Event {
	list := make([]notify.Event, n)
	for i := range list {
		list[i] = notify.Event{
			Type: notify.Completed, Time: time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC),
			Account: "a", ID: "202601-" + strconv.Itoa(i), Revision: "r", State: recording.Ready,
		}
	}
	return list
}
