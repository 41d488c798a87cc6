package jobqueue

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/job"
)

func TestMessagesThatFailAreDeliveredAgain(t *testing.T) {
	t.Parallel()
	var seen []job.Message
	w := worker{env: wiring.Env{Log: slog.New(slog.DiscardHandler)}, name: "work", slice: func(_ context.Context, m job.Message) (bool, error) {
		seen = append(seen, m)
		if m.Account == "B" {
			return false, errors.New("no")
		}
		return true, nil
	}}
	at := map[string]string{"SentTimestamp": "1769860800123"}
	answer, err := w.handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "1", Body: `{"account":"A"}`, Attributes: at},
		{MessageId: "2", Body: `{"account":"B"}`, Attributes: at},
		{MessageId: "3", Body: `{}`, Attributes: at},
		{MessageId: "4", Body: `nonsense`, Attributes: at},
		{MessageId: "5", Body: `{"account":"A"}`},
	}})
	if err != nil || len(answer.BatchItemFailures) != 4 {
		t.Fatalf("%+v, %v", answer, err)
	}
	for i, want := range []string{"2", "3", "4", "5"} {
		if got := answer.BatchItemFailures[i].ItemIdentifier; got != want {
			t.Errorf("failure %d: %s, want %s", i, got, want)
		}
	}
	if len(seen) != 2 || seen[0].ID != "1" || !seen[0].Sent.Equal(time.UnixMilli(1769860800123)) {
		t.Errorf("%+v", seen)
	}
}
