package jobqueue

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/job"
)

func TestMessagesThatFailAreDeliveredAgain(t *testing.T) {
	t.Parallel()
	var seen []job.Message
	delays := map[string]time.Duration{}
	w := worker{env: wiring.Env{Log: slog.New(slog.DiscardHandler)}, name: "work", slice: func(_ context.Context, m job.Message) (bool, error) {
		seen = append(seen, m)
		if m.Account == "B" {
			return false, errors.New("no")
		}
		return true, nil
	}, putOff: func(ctx context.Context, receipt string, delay time.Duration) error {
		delays[receipt] = delay
		return ctx.Err()
	}}
	at := func(tries string) map[string]string {
		return map[string]string{"SentTimestamp": "1769860800123", "ApproximateReceiveCount": tries}
	}
	answer, err := w.handle(t.Context(), event{SQSEvent: events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "1", ReceiptHandle: "r1", Body: `{"account":"A"}`, Attributes: at("1")},
		{MessageId: "2", ReceiptHandle: "r2", Body: `{"account":"B"}`, Attributes: at("1")},
		{MessageId: "3", ReceiptHandle: "r3", Body: `{}`, Attributes: at("4")},
		{MessageId: "4", ReceiptHandle: "r4", Body: `nonsense`, Attributes: at("10")},
		{MessageId: "5", ReceiptHandle: "r5", Body: `{"account":"A"}`},
	}}})
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
	want := map[string]time.Duration{"r2": 10 * time.Second, "r3": 80 * time.Second, "r4": 15 * time.Minute, "r5": 10 * time.Second}
	if !maps.Equal(delays, want) {
		t.Errorf("delays %v, want %v", delays, want)
	}
}

// A slice may fail because the time of its process is over. Its message does not wait for the
// visibility timeout then.
func TestAMessageIsPutOffAfterItsTime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var delay time.Duration
	w := worker{env: wiring.Env{Log: slog.New(slog.DiscardHandler)}, slice: func(ctx context.Context, _ job.Message) (bool, error) {
		cancel()
		return true, ctx.Err()
	}, putOff: func(ctx context.Context, _ string, d time.Duration) error {
		delay = d
		return ctx.Err()
	}}
	m := events.SQSMessage{MessageId: "1", Body: `{"account":"A"}`, Attributes: map[string]string{"SentTimestamp": "1"}}
	if err := w.message(ctx, &m); !errors.Is(err, context.Canceled) || strings.Count(err.Error(), "canceled") != 1 || delay != firstDelay {
		t.Errorf("%v, delay %v", err, delay)
	}
}

// The schedule wakes the workers, and gives no account a turn by itself.
func TestTheScheduleWakesWorkers(t *testing.T) {
	t.Parallel()
	for _, failed := range []error{nil, errors.New("no")} {
		woken := 0
		w := worker{env: wiring.Env{Log: slog.New(slog.DiscardHandler)}, wake: func(context.Context) (int, error) {
			woken++
			return 1, failed
		}}
		var e event
		if err := json.Unmarshal([]byte(`{"wake":true}`), &e); err != nil {
			t.Fatal(err)
		}
		if answer, err := w.handle(t.Context(), e); err != nil || woken != 1 || len(answer.BatchItemFailures) != 0 {
			t.Errorf("woken %d times, %+v, %v", woken, answer, err)
		}
	}
	w := worker{wake: func(context.Context) (int, error) { t.Error("woken"); return 0, nil }}
	if _, err := w.handle(t.Context(), event{}); err != nil {
		t.Error(err)
	}
}

// The queue gets the receipt and the delay of a message that is put off.
func TestPutOff(t *testing.T) {
	t.Parallel()
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Header.Get("X-Amz-Target") + " " + string(body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(server.Close)
	q := Open(&config.Settings{
		Region: "eu-west-1", SQSEndpoint: server.URL, JobsQueue: server.URL + "/jobs", AccessKeyID: "a", SecretAccessKey: config.NewSecret("b"),
	})
	if err := q.PutOff(t.Context(), "receipt", 80*time.Second); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"AmazonSQS.ChangeMessageVisibility ", `"ReceiptHandle":"receipt"`, `"VisibilityTimeout":80`, `/jobs"`} {
		if !strings.Contains(got, want) {
			t.Errorf("the request has no %s: %s", want, got)
		}
	}
}
