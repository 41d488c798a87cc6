package eventqueue_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
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
	if got := strings.Join(indexed, " "); got != "acme/202601-1 acme/202601-busy acme/202601-lost acme/202601-2" {
		t.Errorf("indexed %s", got)
	}
	if n := strings.Count(log.String(), "\n"); n != len(bodies) || strings.Contains(log.String(), "../x") {
		t.Errorf("%d lines for %d messages:\n%s", n, len(bodies), &log)
	}
}
