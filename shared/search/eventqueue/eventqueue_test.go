package eventqueue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/search/eventqueue"
)

// Every event of this service names the recording to index. Messages that fail stay in
// the queue, one by one.
func TestMessages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, messages) // a busy message waits
}

func messages(t *testing.T) {
	event, err := json.Marshal(notify.Event{Type: notify.Deleted, Account: "acme", ID: "202601-1", Revision: "r"})
	if err != nil {
		t.Fatal(err)
	}
	other := func(id string) string { return strings.Replace(string(event), "202601-1", id, 1) }
	bodies := []string{
		string(event), other("202601-busy"), "{", "{}", other("../x"), strings.Replace(string(event), "acme", "a/b", 1), other("202601-lost"), other("202601-2"),
	}
	var indexed []string
	var log bytes.Buffer
	handle := eventqueue.Handler(eventqueue.Queue{
		Route: "index", Now: time.Now, Log: slog.New(slog.NewJSONHandler(&log, nil)),
		Index: func(_ context.Context, account, id string) error {
			indexed = append(indexed, account+"/"+id)
			switch id {
			case "202601-busy":
				return fmt.Errorf("%w: test", search.ErrBusy)
			case "202601-lost":
				return errors.New("lost")
			}
			return nil
		},
	})
	var e events.SQSEvent
	for i, body := range bodies {
		e.Records = append(e.Records, events.SQSMessage{MessageId: strconv.Itoa(i), Body: body})
	}
	answer, err := handle(t.Context(), e)
	text, _ := json.Marshal(answer)
	const failed = `{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"2"},{"itemIdentifier":"3"},{"itemIdentifier":"4"},{"itemIdentifier":"5"},{"itemIdentifier":"6"}]}`
	if err != nil || string(text) != failed {
		t.Errorf("the answer is %s, %v, want %s", text, err, failed)
	}
	if got := strings.Join(slices.Compact(indexed), " "); got != "acme/202601-1 acme/202601-busy acme/202601-lost acme/202601-2" {
		t.Errorf("indexed %s", got)
	}
	if n := strings.Count(log.String(), "\n"); n != len(bodies) || strings.Contains(log.String(), "../x") {
		t.Errorf("%d lines for %d messages:\n%s", n, len(bodies), &log)
	}
}

// A message waits for a short run on the same recording. It returns to the queue if that run
// takes long, or if the function must end.
func TestAMessageWaitsForAnotherRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run, left time.Duration
		failed    int
		atMost    time.Duration
	}{
		"a short run":              {run: time.Second, left: time.Minute, atMost: 1200 * time.Millisecond},
		"a long run":               {run: time.Minute, left: time.Minute, failed: 1, atMost: 5200 * time.Millisecond},
		"a function that must end": {run: time.Minute, left: time.Second, failed: 1, atMost: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				handle := eventqueue.Handler(eventqueue.Queue{
					Route: "index", Now: time.Now, Log: slog.New(slog.DiscardHandler),
					Index: func(context.Context, string, string) error {
						if time.Since(start) < c.run {
							return search.ErrBusy
						}
						return nil
					},
				})
				ctx, cancel := context.WithTimeout(t.Context(), c.left)
				defer cancel()
				answer, err := handle(ctx, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: `{"detail":{"account_id":"acme","id":"202601-1"}}`}}})
				if took := time.Since(start); err != nil || len(answer.BatchItemFailures) != c.failed || took > c.atMost {
					t.Errorf("%d messages failed after %v, %v; want %d after at most %v", len(answer.BatchItemFailures), took, err, c.failed, c.atMost)
				}
			})
		})
	}
}
