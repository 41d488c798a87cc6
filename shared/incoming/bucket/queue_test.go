package bucket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/media"
)

const key = "recordings/acc/202601/202601-call"

// body returns a message about one object.
func body(name, bucket, key, sequencer string) string {
	return `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","eventName":"` + name + `","s3":{"s3SchemaVersion":"1.0",` +
		`"bucket":{"name":"` + bucket + `"},"object":{"key":"` + key + `","size":5,"eTag":"x","sequencer":"` + sequencer + `"}}}]}`
}

// consumer handles messages and records the arrivals that it was asked to ingest.
type consumer struct {
	Queue
	ingested []incoming.Arrival
	log      bytes.Buffer
}

func newConsumer(ingest func(incoming.Arrival) (incoming.Outcome, error)) *consumer {
	c := &consumer{}
	c.Queue = Queue{
		Route: "ingest", Bucket: "audio", Log: slog.New(slog.NewJSONHandler(&c.log, nil)), Now: time.Now,
		Ingest: func(_ context.Context, a incoming.Arrival) (incoming.Outcome, error) {
			c.ingested = append(c.ingested, a)
			return ingest(a)
		},
	}
	return c
}

// invoke handles messages and returns the indexes of those that failed.
func (c *consumer) invoke(ctx context.Context, t *testing.T, bodies ...string) []string {
	t.Helper()
	var e events.SQSEvent
	for i, b := range bodies {
		e.Records = append(e.Records, events.SQSMessage{MessageId: string(rune('0' + i)), Body: b})
	}
	answer, err := Handler(c.Queue)(ctx, e)
	if err != nil {
		t.Fatalf("Handler = %v, want no error of the whole batch", err)
	}
	failed := []string{}
	for _, f := range answer.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed
}

func completed(incoming.Arrival) (incoming.Outcome, error) { return incoming.Completed, nil }

func TestEveryArrivalIsIngested(t *testing.T) {
	t.Parallel()
	c := newConsumer(completed)
	two := strings.Replace(body("ObjectCreated:Put", "audio", key, "0a"), `"Records":[`,
		`"Records":[`+strings.TrimSuffix(strings.TrimPrefix(body("ObjectCreated:Copy", "audio", "recordings/acc/202601/202601-b+c%2B%C3%A4", "0B"), `{"Records":[`), "]}")+",", 1)
	if failed := c.invoke(t.Context(), t, two, `{"Service":"Amazon S3","Event":"s3:TestEvent"}`, body("ObjectCreated:CompleteMultipartUpload", "audio", key, "")); len(failed) != 0 {
		t.Errorf("failed: %q, want none", failed)
	}
	want := []incoming.Arrival{{Key: "recordings/acc/202601/202601-b c+ä", Sequencer: "0B"}, {Key: key, Sequencer: "0A"}, {Key: key}}
	if !slices.Equal(c.ingested, want) {
		t.Errorf("ingested %+v, want %+v", c.ingested, want)
	}
	if n := strings.Count(c.log.String(), `"outcome":"completed"`); n != 3 {
		t.Errorf("log has %d outcomes, want 3:\n%s", n, c.log.String())
	}
}

func TestFailuresAreReportedOneByOne(t *testing.T) {
	t.Parallel()
	c := newConsumer(func(a incoming.Arrival) (incoming.Outcome, error) {
		switch a.Sequencer {
		case "01":
			return "", media.ErrUnavailable
		case "02":
			return "", incoming.ErrEarly
		}
		return incoming.Refused, nil
	})
	event := func(sequencer string) string { return body("ObjectCreated:Put", "audio", key, sequencer) }
	if failed := c.invoke(t.Context(), t, event("00"), event("01"), event("02"), event("03")); !slices.Equal(failed, []string{"1", "2"}) {
		t.Errorf("failed: %q, want 1 and 2", failed)
	}
	var statuses []float64
	for line := range strings.Lines(c.log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if entry["account"] != "acc" || entry["route"] != "ingest" || strings.Contains(line, "202601-call") {
			t.Errorf("log line %s, want the account and the route, but no ID", line)
		}
		statuses = append(statuses, entry["status"].(float64))
	}
	if !slices.Equal(statuses, []float64{422, 500, 425, 422}) {
		t.Errorf("statuses %v, want 422, 500, 425 and 422", statuses)
	}
}

func TestMessagesThatARetryCannotFixAreDone(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{
		"another bucket": body("ObjectCreated:Put", "another", key, "0A"),
		"no bucket":      body("ObjectCreated:Put", "", key, "0A"),
		"a removal":      body("ObjectRemoved:Delete", "audio", key, "0A"),
	} {
		c := newConsumer(completed)
		if failed := c.invoke(t.Context(), t, message); len(failed) != 0 || len(c.ingested) != 0 {
			t.Errorf("%s: failed %q, ingested %+v, want neither", name, failed, c.ingested)
		}
		if !strings.Contains(c.log.String(), `"status":400`) {
			t.Errorf("%s: log %s, want status 400", name, c.log.String())
		}
	}
}

func TestInvalidMessagesFail(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{
		"not JSON":           `{"Records":[`,
		"empty":              ``,
		"no records":         `{"Records":[]}`,
		"another test event": `{"Event":"other"}`,
		"number as records":  `{"Records":5}`,
		"badly encoded key":  body("ObjectCreated:Put", "audio", "recordings/%zz", "0A"),
		"sequencer of text":  body("ObjectCreated:Put", "audio", key, "secret"),
		"long sequencer":     body("ObjectCreated:Put", "audio", key, strings.Repeat("A", 65)),
	} {
		c := newConsumer(completed)
		if failed := c.invoke(t.Context(), t, message); len(failed) != 1 || len(c.ingested) != 0 {
			t.Errorf("%s: failed %q, ingested %+v, want it to fail", name, failed, c.ingested)
		}
		if strings.Contains(c.log.String(), "secret") || strings.Contains(c.log.String(), "%zz") {
			t.Errorf("%s: the log quotes the message: %s", name, c.log.String())
		}
	}
}

// slow is an ingester's function that takes until less than reserve is left.
func slow(ctx context.Context) func(incoming.Arrival) (incoming.Outcome, error) {
	return func(incoming.Arrival) (incoming.Outcome, error) {
		if deadline, ok := ctx.Deadline(); ok {
			time.Sleep(time.Until(deadline) - reserve + time.Millisecond)
		}
		return incoming.Completed, nil
	}
}

// A message that comes alone is begun, however little time is left, so none of its
// attempts is lost.
func TestAMessageThatComesAloneIsBegun(t *testing.T) {
	t.Parallel()
	for _, left := range []time.Duration{time.Minute, reserve / 2, time.Second} {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		defer cancel()
		c := newConsumer(completed)
		if failed := c.invoke(ctx, t, body("ObjectCreated:Put", "audio", key, "0A")); len(failed) != 0 || len(c.ingested) != 1 {
			t.Errorf("with %v left: failed %q, ingested %+v, want it ingested", left, failed, c.ingested)
		}
	}
}

// A further message is begun only if there is time to read the audio and to store the result.
func TestAFurtherMessageNeedsTime(t *testing.T) {
	t.Parallel()
	event := body("ObjectCreated:Put", "audio", key, "0A")
	for left, begun := range map[time.Duration]int{10 * time.Second: 1, 20 * time.Second: 2} {
		ctx, cancel := context.WithTimeout(t.Context(), left)
		defer cancel()
		c := newConsumer(completed)
		if failed := c.invoke(ctx, t, event, event); len(c.ingested) != begun || len(failed) != 2-begun {
			t.Errorf("with %v left: %d messages begun, failed %q, want %d begun", left, len(c.ingested), failed, begun)
		}
	}
}

func TestTheLongestSequencer(t *testing.T) {
	t.Parallel()
	c := newConsumer(completed)
	longest := strings.Repeat("A", 64)
	if failed := c.invoke(t.Context(), t, body("ObjectCreated:Put", "audio", key, longest)); len(failed) != 0 || len(c.ingested) != 1 || c.ingested[0].Sequencer != longest {
		t.Errorf("failed %q, ingested %+v, want the sequencer %s", failed, c.ingested, longest)
	}
}

// In a larger batch, the arrivals for which no time is left are reported as failed,
// and the log marks them.
func TestABatchStopsInTime(t *testing.T) {
	t.Parallel()
	event := func(sequencer string) string { return body("ObjectCreated:Put", "audio", key, sequencer) }
	two := `{"Records":[` + strings.TrimSuffix(strings.TrimPrefix(event("0A"), `{"Records":[`), "]}") + "," + strings.TrimPrefix(event("0B"), `{"Records":[`)
	for name, c := range map[string]struct {
		bodies []string
		failed []string
	}{
		"messages":              {[]string{event("0A"), event("0B"), "{", event("0C")}, []string{"1", "2", "3"}},
		"arrivals of a message": {[]string{two, event("0C")}, []string{"0", "1"}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), reserve+100*time.Millisecond)
		defer cancel()
		consumer := newConsumer(slow(ctx))
		if failed := consumer.invoke(ctx, t, c.bodies...); !slices.Equal(failed, c.failed) {
			t.Errorf("%s: failed %q, want %q", name, failed, c.failed)
		}
		if want := []incoming.Arrival{{Key: key, Sequencer: "0A"}}; !slices.Equal(consumer.ingested, want) {
			t.Errorf("%s: ingested %+v, want %+v", name, consumer.ingested, want)
		}
		if n := strings.Count(consumer.log.String(), `"outcome":"unbegun"`); n != 2 {
			t.Errorf("%s: the log marks %d arrivals, want 2:\n%s", name, n, consumer.log.String())
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		body("ObjectCreated:Put", "audio", key, "0A"), `{"Event":"s3:TestEvent"}`, `{"Records":[{}]}`, `[]`, `{"Records":[{"s3":{"object":{"key":"%"}}}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		notices, err := parse(message)
		if err != nil && !errors.Is(err, ErrMessage) {
			t.Errorf("parse(%q) = %v, want ErrMessage", message, err)
		}
		for _, n := range notices {
			if len(n.Sequencer) > maxSequencer {
				t.Errorf("parse(%q) = %+v", message, n)
			}
		}
	})
}
