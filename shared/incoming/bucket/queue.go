package bucket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/sqsbatch"
)

// reserve is the time at the end of an invocation in which no further arrival is
// begun. It is enough to read the audio (package audiofile: 5 s) and to store the
// result (package judge: 10 s).
const reserve = 15 * time.Second

var (
	// ErrMessage means that a message is not an event of a bucket.
	ErrMessage = errors.New("the message is not an event of a bucket")
	// ErrForeign means that an event belongs to another bucket, or is not about a
	// new object.
	ErrForeign = errors.New("the event is not about a new object of this bucket")
	// ErrTime means that the invocation ran out of time before the arrival.
	ErrTime = errors.New("no time left for the arrival")
)

// Queue handles messages from the queue of the bucket's events. S3 puts its
// events there, and Lambda delivers them one by one or in batches
// (docs.aws.amazon.com/lambda/latest/dg/with-sqs.html). Messages that fail are
// reported one by one (ReportBatchItemFailures); the queue delivers them again,
// and moves a message that keeps failing to its dead-letter queue, for a replay.
// An event that no retry can help (of another bucket, of an object that belongs
// to no recording, or not about a new object) is logged and dropped. So is a
// file that stays in an inbox.
//
// All fields but Metrics are required.
type Queue struct {
	// Route names the work in the log, "ingest".
	Route string
	// Bucket is the name of the bucket. Events of other buckets are rejected.
	Bucket string
	// Ingest ingests one arrival. It may be called again for the same one.
	Ingest func(ctx context.Context, a incoming.Arrival) (incoming.Outcome, error)
	// Log gets one line per arrival.
	Log *slog.Logger
	// Metrics, if not nil, are written to the same line.
	Metrics *requestlog.Metrics
	// Now is the clock.
	Now func() time.Time
}

// Start serves messages as a Lambda function, and does not return.
func Start(q Queue) { lambda.Start(Handler(q)) }

// Handler makes a Lambda handler that ingests the arrivals of each message, in
// order. A message is reported as failed if one of its arrivals failed or was not
// begun; later messages are still handled. The handler's own error is always nil.
//
// The first arrival of an invocation is always begun. With one message in each
// invocation, as in template.yaml, SQS therefore counts no attempt that did not begin the message.
// In a larger batch, an arrival that would begin too late is left to a later invocation, but SQS
// counts the attempt.
func Handler(q Queue) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		return sqsbatch.Each(e, func(i int, m *events.SQSMessage) bool { return q.message(ctx, m, i == 0) }), nil
	}
}

// message ingests the arrivals of a message, and reports whether the queue can forget
// it. first is true for the first message of an invocation.
func (q Queue) message(ctx context.Context, m *events.SQSMessage, first bool) bool {
	notices, err := parse([]byte(m.Body))
	if err != nil {
		q.end(ctx, q.begin(), http.StatusBadRequest, fmt.Errorf("message %s: %w", m.MessageId, err))
		return false // an operator must examine it
	}
	done := true
	for i, n := range notices {
		done = q.notice(ctx, n, first && i == 0) && done
	}
	return done
}

// statuses maps outcomes to the HTTP status that the log shows for them.
var statuses = map[incoming.Outcome]int{
	incoming.Refused: http.StatusUnprocessableEntity,
	incoming.Ignored: http.StatusBadRequest,
	incoming.Gone:    http.StatusGone,
	incoming.Removed: http.StatusGone,
}

// notice ingests one arrival, logs it, and reports whether it needs no retry. first
// is true for the first arrival of an invocation.
func (q Queue) notice(ctx context.Context, n notice, first bool) bool {
	entry := q.begin()
	if n.bucket != q.Bucket || !strings.HasPrefix(n.name, created) {
		q.end(ctx, entry, http.StatusBadRequest, ErrForeign)
		return true
	}
	entry.Account = accountOf(n.Key)
	if deadline, ok := ctx.Deadline(); ok && !first && time.Until(deadline) < reserve {
		entry.Outcome = unbegun
		q.end(ctx, entry, http.StatusServiceUnavailable, ErrTime)
		return false
	}
	outcome, err := q.Ingest(requestlog.With(ctx, entry), n.Arrival)
	switch {
	case errors.Is(err, incoming.ErrEarly):
		q.end(ctx, entry, http.StatusTooEarly, err)
		return false
	case errors.Is(err, incoming.ErrKept): // a replay ingests it once its cause is fixed
		entry.Outcome = kept
		q.end(ctx, entry, http.StatusUnprocessableEntity, err)
		return true
	case err != nil:
		q.end(ctx, entry, http.StatusInternalServerError, err)
		return false
	}
	status := statuses[outcome]
	if status == 0 {
		status = http.StatusOK
	}
	entry.Outcome = string(outcome)
	q.end(ctx, entry, status, nil)
	return true
}

// Outcomes that the log shows for errors: kept for incoming.ErrKept, unbegun for
// ErrTime.
const (
	kept    = "kept"
	unbegun = "unbegun"
)

// accountOf returns the account of the audio under key, or "".
func accountOf(key string) string {
	if account, _, ok := recording.ParseInboxKey(key); ok {
		return account
	}
	account, _, _ := recording.ParseKey(key)
	return account
}

func (q Queue) begin() *requestlog.Entry {
	return &requestlog.Entry{Start: q.Now(), Route: q.Route}
}

func (q Queue) end(ctx context.Context, entry *requestlog.Entry, status int, cause error) {
	entry.Status, entry.Cause = status, cause
	entry.Duration = q.Now().Sub(entry.Start)
	entry.Log(ctx, q.Log, q.Metrics)
}

// created is the prefix of the names of events about new objects, however they
// were stored
// (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html).
const created = "ObjectCreated:"

// notice is one record of an event.
type notice struct {
	incoming.Arrival
	bucket, name string
}

// envelope is the part of S3's event that is read
// (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
type envelope struct {
	Event   string // of S3's test message
	Records []struct {
		EventName string `json:"eventName"`
		S3        struct {
			Bucket struct {
				Name string `json:"name"`
			} `json:"bucket"`
			Object struct {
				Key       string `json:"key"`
				Sequencer string `json:"sequencer"`
			} `json:"object"`
		} `json:"s3"`
	} `json:"Records"`
}

// testEvent is what S3 sends when notifications are configured for a bucket.
const testEvent = "s3:TestEvent"

// maxSequencer is longer than any sequencer of S3.
const maxSequencer = 64

// parse reads a message. It returns ErrMessage without quoting the message, which
// may contain a phone number.
func parse(body []byte) ([]notice, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, fmt.Errorf("%w: it is not JSON", ErrMessage)
	}
	if len(e.Records) == 0 && e.Event != testEvent {
		return nil, fmt.Errorf("%w: it has no records", ErrMessage)
	}
	var notices []notice
	for _, r := range e.Records {
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err != nil {
			return nil, fmt.Errorf("%w: its key is badly encoded", ErrMessage)
		}
		sequencer := strings.ToUpper(r.S3.Object.Sequencer)
		if len(sequencer) > maxSequencer || strings.Trim(sequencer, "0123456789ABCDEF") != "" {
			return nil, fmt.Errorf("%w: its sequencer is not a hexadecimal number", ErrMessage)
		}
		notices = append(notices, notice{
			Arrival: incoming.Arrival{Key: key, Sequencer: sequencer}, bucket: r.S3.Bucket.Name, name: r.EventName,
		})
	}
	return notices, nil
}
