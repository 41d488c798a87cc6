package indexqueue_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/notify/indexqueue"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search/eventqueue"
)

// message is a message of a call of SendMessageBatch.
type message struct {
	ID    string `json:"Id"`
	Body  string `json:"MessageBody"`
	Group string `json:"MessageGroupId"`
}

// fakeSQS keeps the messages that it takes. It refuses those of call refuse.
type fakeSQS struct {
	mu       sync.Mutex
	calls    int
	refuse   int
	messages []message
}

func (f *fakeSQS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var in struct {
		URL     string `json:"QueueUrl"`
		Entries []message
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("X-Amz-Target") != "AmazonSQS.SendMessageBatch" || in.URL == "" {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	f.calls++
	type result map[string]any
	out := map[string][]result{"Successful": {}, "Failed": {}}
	for i, m := range in.Entries {
		if f.calls == f.refuse && i == len(in.Entries)-1 {
			out["Failed"] = append(out["Failed"], result{"Id": m.ID, "Code": "InternalError", "SenderFault": false})
			continue
		}
		sum := md5.Sum([]byte(m.Body))
		out["Successful"] = append(out["Successful"], result{"Id": m.ID, "MessageId": fmt.Sprint(f.calls, m.ID), "MD5OfMessageBody": hex.EncodeToString(sum[:])})
		f.messages = append(f.messages, m)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(out)
}

func open(t *testing.T, f *fakeSQS) *indexqueue.Queue {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	q, err := indexqueue.Open(indexqueue.Options{
		Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
		Endpoint: server.URL, URL: server.URL + "/000000000000/index",
	})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

const quiet, busy = "b0000000000000000000000000000000", "a0000000000000000000000000000000"

// event returns the change n of a recording.
func event(account string, recordings, n int) notify.Event {
	return notify.Event{
		Type: notify.Changed, Time: time.Unix(1_800_000_000, 0), Account: account, ID: fmt.Sprintf("202601-%032x", n%recordings),
		Revision: strconv.Itoa(n), State: recording.Ready,
	}
}

// Each recording gets one message in the group of its account, and the function index
// understands it.
func TestSend(t *testing.T) {
	t.Parallel()
	f := &fakeSQS{}
	var sent []notify.Event
	for n := range 60 {
		sent = append(sent, event([]string{busy, quiet}[n%2], 25, n))
	}
	if accepted, err := open(t, f).Send(t.Context(), sent); err != nil || accepted != len(sent) {
		t.Fatalf("Send = %d, %v", accepted, err)
	}
	if f.calls != 5 || len(f.messages) != 50 {
		t.Errorf("%d messages in %d calls, want 50 in 5", len(f.messages), f.calls)
	}
	var e events.SQSEvent
	for _, m := range f.messages {
		e.Records = append(e.Records, events.SQSMessage{MessageId: m.Group, Body: m.Body})
	}
	seen := map[string]bool{}
	index := func(_ context.Context, account, id string) error {
		if group := e.Records[len(seen)].MessageId; group != account || seen[account+id] {
			t.Errorf("a message of the group %s is about %s of %s", group, id, account)
		}
		seen[account+id] = true
		return nil
	}
	handle := eventqueue.Handler(eventqueue.Queue{Index: index, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if answer, err := handle(t.Context(), e); err != nil || len(answer.BatchItemFailures) > 0 || len(seen) != 50 {
		t.Errorf("the function indexed %d recordings: %+v, %v", len(seen), answer, err)
	}
}

// If the queue refuses a message, Send ends, and a retry from there on sends the rest.
func TestRefusedMessages(t *testing.T) {
	t.Parallel()
	f := &fakeSQS{refuse: 2}
	q := open(t, f)
	var sent []notify.Event
	for n := range 30 {
		sent = append(sent, event(busy, 30, n))
	}
	accepted, err := q.Send(t.Context(), sent)
	if accepted != 10 || !errors.Is(err, notify.ErrUnavailable) {
		t.Fatalf("Send = %d, %v, want 10 and ErrUnavailable", accepted, err)
	}
	if n, err := q.Send(t.Context(), sent[accepted:]); err != nil || n != 20 {
		t.Errorf("the retry = %d, %v", n, err)
	}
	named := map[string]bool{}
	for _, m := range f.messages {
		named[m.Body] = true
	}
	if len(named) != 30 {
		t.Errorf("the queue has messages about %d recordings, want 30", len(named))
	}
	ended, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if n, err := q.Send(ended, sent); n != 0 || !errors.Is(err, notify.ErrUnavailable) {
		t.Errorf("Send without time = %d, %v", n, err)
	}
}

// fair returns the first n messages that a fair queue delivers while so many are in flight, in
// order. A group is noisy if it has at least 30 messages in flight, and more than a tenth of
// all. Messages of others come first.
func fair(messages []message, inFlight, n int) []message {
	var order []message
	for rest := slices.Clone(messages); len(order) < n; {
		flying := map[string]int{}
		for _, m := range order[max(0, len(order)-inFlight):] {
			flying[m.Group]++
		}
		next := max(0, slices.IndexFunc(rest, func(m message) bool {
			return m.Group == "" || flying[m.Group] < 30 || flying[m.Group]*10 <= inFlight
		}))
		order, rest = append(order, rest[next]), slices.Delete(rest, next, next+1)
	}
	return order
}

// After 10,000 events of one account, that of another is delivered among the first messages,
// by the rules of SQS, which need the account as the group.
func TestAFloodDoesNotDelayOthers(t *testing.T) {
	t.Parallel()
	f := &fakeSQS{}
	q := open(t, f)
	var sent []notify.Event
	for n := range 10_000 {
		sent = append(sent, event(busy, 10_000, n))
	}
	sent = append(sent, event(quiet, 1, 0))
	if accepted, err := q.Send(t.Context(), sent); err != nil || accepted != len(sent) {
		t.Fatalf("Send = %d, %v", accepted, err)
	}
	const consumers = 100
	at := slices.IndexFunc(fair(f.messages, consumers, 3*consumers), func(m message) bool { return m.Group == quiet })
	if at < 0 || at > consumers {
		t.Errorf("the quiet account's message is delivered after %d others, want at most %d", at, consumers)
	}
}

// Open names each option that is missing or wrong.
func TestOpenChecksOptions(t *testing.T) {
	t.Parallel()
	_, err := indexqueue.Open(indexqueue.Options{Endpoint: "queue"})
	for _, want := range []string{"region", "URL of the queue", "credentials", "endpoint"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, want it to name the %s", err, want)
		}
	}
}
