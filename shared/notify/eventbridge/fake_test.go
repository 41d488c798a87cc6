package eventbridge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"callrecordings/shared/attempt"
	"callrecordings/shared/notify"
	"callrecordings/shared/recording"
)

// thinking is how long the fake waits before it answers: the SDK closes the
// body of its request when the answer begins, and Go's transport drops a
// connection whose answer came before the request had gone out.
const thinking = 300 * time.Microsecond

// entry is an entry of a request.
type entry struct {
	EventBusName, Source, DetailType, Detail string
	Time                                     float64
}

// call is a request: its head and its entries.
type call struct {
	header  http.Header
	entries []entry
}

// answer is what the fake does with a request.
type answer func(w http.ResponseWriter, entries []entry)

// fake is a server of EventBridge that gives one answer after the other, and
// the last one from then on. It notes the requests.
type fake struct {
	url     string
	answers []answer
	mu      sync.Mutex
	noted   []call
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
	n := len(f.noted)
	f.noted = append(f.noted, call{r.Header, input.Entries})
	f.mu.Unlock()
	time.Sleep(thinking)
	f.answers[min(n, len(f.answers)-1)](w, input.Entries)
}

func (f *fake) calls() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.noted
}

// sizes are the numbers of entries of the calls.
func (f *fake) sizes() []int {
	var sizes []int
	for _, c := range f.calls() {
		sizes = append(sizes, len(c.entries))
	}
	return sizes
}

func say(status int, body string) answer {
	return func(w http.ResponseWriter, _ []entry) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// refuse answers as EventBridge does with an error.
func refuse(status int, code string) answer {
	return say(status, fmt.Sprintf(`{"__type":%q,"message":"no"}`, code))
}

// accept takes all entries but those at the places in codes, which it refuses
// with these.
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
		say(http.StatusOK, string(body))(w, entries)
	}
}

var all = accept(nil)

// cut promises more than it sends.
func cut(w http.ResponseWriter, _ []entry) {
	w.Header().Set("Content-Length", "4096")
	_, _ = io.WriteString(w, `{"FailedEntryCount":0,"Entr`)
	reset(w, nil)
}

// reset closes the connection instead of answering.
func reset(w http.ResponseWriter, _ []entry) {
	_ = http.NewResponseController(w).Flush()
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
}

// silence answers nothing until the client has gone.
func silence(w http.ResponseWriter, _ []entry) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
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

// hurried is limits whose every wait is short.
func hurried() attempt.Limits {
	n := standard()
	n.Attempt, n.Backoff = 100*time.Millisecond, time.Millisecond
	return n
}

var static = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret", SessionToken: "session"}, nil
})

// at opens a bus at the endpoint.
func at(t *testing.T, endpoint string, n attempt.Limits) *Bus {
	t.Helper()
	b, err := open(Options{
		Region: "eu-west-1", Endpoint: endpoint, Bus: "recordings", Credentials: static, Application: "callrecordings-publish",
	}, n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// events are n of as many recordings.
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
