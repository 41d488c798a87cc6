package faults

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// queue is a queue of SQS: messages are delivered until they are handled.
type queue struct {
	mu       sync.Mutex
	sent     int
	messages []delayed
}

// delayed is a message that is delivered at a time or later.
type delayed struct {
	events.SQSMessage

	due time.Time
}

// send adds a message that is delivered after a delay.
func (q *queue) send(body string, at time.Time, delay time.Duration) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent++
	id := strconv.Itoa(q.sent)
	q.messages = append(q.messages, delayed{events.SQSMessage{
		MessageId: id, Body: body, Attributes: map[string]string{"SentTimestamp": strconv.FormatInt(at.UnixMilli(), 10)},
	}, at.Add(delay)})
	return id
}

// take removes the messages that are due, and returns them.
func (q *queue) take(now time.Time) []events.SQSMessage {
	q.mu.Lock()
	defer q.mu.Unlock()
	var taken []events.SQSMessage
	q.messages = slices.DeleteFunc(q.messages, func(d delayed) bool {
		due := !d.due.After(now)
		if due {
			taken = append(taken, d.SQSMessage)
		}
		return due
	})
	return taken
}

// clear removes all messages.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = nil
}

// putBack adds a message that was not handled.
func (q *queue) putBack(m events.SQSMessage) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.messages = append(q.messages, delayed{SQSMessage: m})
}

// len returns the number of messages.
func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.messages)
}

// sqsServer answers SendMessage and SendMessageBatch
// (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html).
type sqsServer struct {
	queue *queue
	now   func() time.Time
}

// ServeHTTP implements [http.Handler].
func (s sqsServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	type message struct {
		ID    string `json:"Id"`
		Body  string `json:"MessageBody"`
		Delay int64  `json:"DelaySeconds"`
	}
	var in struct {
		message

		Entries []message
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	send := func(m message) map[string]string {
		sum := md5.Sum([]byte(m.Body))
		return map[string]string{"Id": m.ID, "MessageId": s.queue.send(m.Body, s.now(), time.Duration(m.Delay)*time.Second), "MD5OfMessageBody": hex.EncodeToString(sum[:])}
	}
	var out any
	switch r.Header.Get("X-Amz-Target") {
	case "AmazonSQS.SendMessage":
		out = send(in.message)
	case "AmazonSQS.SendMessageBatch":
		var all []map[string]string
		for _, m := range in.Entries {
			all = append(all, send(m))
		}
		out = map[string]any{"Successful": all}
	default:
		http.Error(w, "only SendMessage and SendMessageBatch", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	_ = json.NewEncoder(w).Encode(out)
}

// busServer answers PutEvents
// (docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html).
type busServer struct {
	mu sync.Mutex
	// received has the number of times that each event has arrived.
	received map[sent]int
}

// sent identifies an event.
type sent struct{ Type, ID, Revision string }

// ServeHTTP implements [http.Handler].
func (b *busServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Entries []struct{ Detail, DetailType string }
	}
	text, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(text, &in)
	}
	if err != nil || r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" {
		http.Error(w, "only PutEvents", http.StatusBadRequest)
		return
	}
	var out struct {
		FailedEntryCount int
		Entries          []struct{ EventId string }
	}
	for i, e := range in.Entries {
		b.receive(e.DetailType, []byte(e.Detail))
		out.Entries = append(out.Entries, struct{ EventId string }{strconv.Itoa(i)})
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(out)
}

// receive counts an event.
func (b *busServer) receive(kind string, detail []byte) {
	var d struct{ ID, Revision string }
	if err := json.Unmarshal(detail, &d); err != nil {
		panic(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.received[sent{kind, d.ID, d.Revision}]++
}

// hookServer is a receiver of webhooks, which accepts every batch.
type hookServer struct {
	mu sync.Mutex
	// changes counts the changes that have arrived, by ID and revision.
	changes map[[2]string]int
}

// ServeHTTP implements [http.Handler].
func (s *hookServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Data struct {
			Changes []struct{ ID, Revision string }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "not JSON", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range in.Data.Changes {
		s.changes[[2]string{c.ID, c.Revision}]++
	}
}
