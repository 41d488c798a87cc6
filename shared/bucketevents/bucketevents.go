// Package bucketevents turns messages about new objects of the bucket into
// arrivals (docs/adr/010-arrival.md).
//
// S3 puts its events into a queue, and Lambda hands them over in batches
// (docs.aws.amazon.com/lambda/latest/dg/with-sqs.html). Messages that fail are
// reported one by one (ReportBatchItemFailures); the queue delivers them again,
// and sets aside what keeps failing, for a replay. What no repetition mends (an
// event of another bucket, of an object that is no recording's, of something
// else than a new object) is logged and done with; so is what was left in an
// inbox, for another replay.
package bucketevents

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

	"callrecordings/shared/arrival"
	"callrecordings/shared/recording"
	"callrecordings/shared/requestlog"
)

// reserve is what is left of the invocation's time for its answer: an arrival
// that would begin in it is left for the next invocation.
const reserve = 5 * time.Second

var (
	// ErrMessage says that a message is no event of a bucket.
	ErrMessage = errors.New("the message is no event of a bucket")
	// ErrForeign says that an event is not of this bucket, or of no new object.
	ErrForeign = errors.New("the event is not of a new object of this bucket")
	// ErrTime says that the invocation's time was used up before the arrival.
	ErrTime = errors.New("no time left for the arrival")
)

// Options are what a function on the queue is made of; all but Metrics are
// required.
type Options struct {
	// Route is what lines of the log call the work, "ingest".
	Route string
	// Bucket whose events are taken.
	Bucket string
	// Take takes one arrival. It may be called again for the same one.
	Take func(ctx context.Context, a arrival.Arrival) (arrival.Outcome, error)
	// Log gets one line for each arrival.
	Log *slog.Logger
	// Metrics, if not nil, are in the same line.
	Metrics *requestlog.Metrics
	// Now is the clock.
	Now func() time.Time
}

// Start serves messages as a Lambda function, and does not return.
func Start(o Options) { lambda.Start(Handler(o)) }

// Handler makes a Lambda handler that takes what each message tells of. A
// message of which one arrival fails is reported; those behind it are done all
// the same. The handler's own error is always nil.
func Handler(o Options) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for _, m := range e.Records {
			if !o.message(ctx, m) {
				answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			}
		}
		return answer, nil
	}
}

// message does what one message asks for, and reports whether it is done with.
func (o Options) message(ctx context.Context, m events.SQSMessage) bool {
	notices, err := parse([]byte(m.Body))
	if err != nil {
		entry := o.begin()
		o.end(ctx, entry, http.StatusBadRequest, fmt.Errorf("message %s: %w", m.MessageId, err))
		return false // somebody has to look at it
	}
	done := true
	for _, n := range notices {
		done = o.notice(ctx, n) && done
	}
	return done
}

// statuses are what the log says of outcomes, as an answer would have it.
var statuses = map[arrival.Outcome]int{
	arrival.Refused: http.StatusUnprocessableEntity,
	arrival.Ignored: http.StatusBadRequest,
	arrival.Gone:    http.StatusGone,
	arrival.Removed: http.StatusGone,
}

// notice takes one arrival, logs it, and reports whether it is done with.
func (o Options) notice(ctx context.Context, n notice) bool {
	entry := o.begin()
	if n.bucket != o.Bucket || !strings.HasPrefix(n.name, created) {
		o.end(ctx, entry, http.StatusBadRequest, ErrForeign)
		return true
	}
	entry.Account = accountOf(n.Key)
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < reserve {
		o.end(ctx, entry, http.StatusServiceUnavailable, ErrTime)
		return false
	}
	outcome, err := o.Take(requestlog.With(ctx, entry), n.Arrival)
	switch {
	case errors.Is(err, arrival.ErrEarly):
		o.end(ctx, entry, http.StatusTooEarly, err)
		return false
	case errors.Is(err, arrival.ErrKept): // until somebody has mended the cause
		entry.Outcome = kept
		o.end(ctx, entry, http.StatusUnprocessableEntity, err)
		return true
	case err != nil:
		o.end(ctx, entry, http.StatusInternalServerError, err)
		return false
	}
	status := statuses[outcome]
	if status == 0 {
		status = http.StatusOK
	}
	entry.Outcome = string(outcome)
	o.end(ctx, entry, status, nil)
	return true
}

// kept is what the log calls the outcome of arrival.ErrKept.
const kept = "kept"

// accountOf is the account whose audio lies under key, "" for none.
func accountOf(key string) string {
	if account, _, ok := recording.ParseInboxKey(key); ok {
		return account
	}
	account, _, _ := recording.ParseKey(key)
	return account
}

func (o Options) begin() *requestlog.Entry {
	return &requestlog.Entry{Start: o.Now(), Route: o.Route}
}

func (o Options) end(ctx context.Context, entry *requestlog.Entry, status int, cause error) {
	entry.Status, entry.Cause = status, cause
	entry.Duration = o.Now().Sub(entry.Start)
	entry.Log(ctx, o.Log, o.Metrics)
}

// created begins the names of events of new objects, however they were stored
// (docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html).
const created = "ObjectCreated:"

// notice is one record of an event.
type notice struct {
	arrival.Arrival
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

// testEvent is what S3 sends when a bucket is told where its events go.
const testEvent = "s3:TestEvent"

// maxSequencer is more than any sequencer has; a longer one is nonsense.
const maxSequencer = 64

// parse reads a message. Its error is ErrMessage.
func parse(body []byte) ([]notice, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, fmt.Errorf("%w: it is not JSON", ErrMessage) // whose error may quote it
	}
	if len(e.Records) == 0 && e.Event != testEvent {
		return nil, fmt.Errorf("%w: it has no records", ErrMessage)
	}
	var notices []notice
	for _, r := range e.Records {
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err != nil {
			return nil, fmt.Errorf("%w: its key is not encoded", ErrMessage)
		}
		sequencer := strings.ToUpper(r.S3.Object.Sequencer)
		if len(sequencer) > maxSequencer || strings.Trim(sequencer, "0123456789ABCDEF") != "" {
			return nil, fmt.Errorf("%w: its sequencer is no number", ErrMessage)
		}
		notices = append(notices, notice{
			Arrival: arrival.Arrival{Key: key, Sequencer: sequencer}, bucket: r.S3.Bucket.Name, name: r.EventName,
		})
	}
	return notices, nil
}
