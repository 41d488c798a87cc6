// Package eventqueue indexes the recordings that this service's own events name. The function
// publish puts the events into a queue, and Lambda delivers them from there
// (docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
//
// An event is a hint: it may come late, twice or out of order. Only the account and the
// ID in it are read, and [search.Indexer] reads the recording itself. A message that fails
// stays in the queue, and moves to the dead-letter queue if it keeps failing.
package eventqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/sqsbatch"
)

const (
	// busyTime is how long a message waits for another run on the same recording. Most runs
	// take less than a second.
	busyTime = 5 * time.Second
	// busyPause is the shortest pause between two tries. The longest is twice as long.
	busyPause = 100 * time.Millisecond
)

// ErrMessage means that a message is not an event of this service.
var ErrMessage = errors.New("the message is not an event about a recording")

// Queue handles the messages of the queue. All fields but Metrics are required.
type Queue struct {
	// Route names the work in the log, "index".
	Route string
	// Index indexes one recording. It may be called again for the same one.
	Index func(ctx context.Context, account, id string) error
	// Log gets one line per message.
	Log *slog.Logger
	// Metrics, if not nil, are written to the same line.
	Metrics *requestlog.Metrics
	// Now is the clock.
	Now func() time.Time
}

// Start serves messages as a Lambda function, and does not return.
func Start(q Queue) { lambda.Start(Handler(q)) }

// Handler returns a Lambda handler that indexes the recording of each message. It reports
// the messages that failed, one by one (ReportBatchItemFailures). Its own error is always
// nil.
func Handler(q Queue) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		return sqsbatch.Each(e, func(_ int, m *events.SQSMessage) bool { return q.message(ctx, m) }), nil
	}
}

// message indexes the recording of one message, logs it, and reports whether the queue can
// forget the message.
func (q Queue) message(ctx context.Context, m *events.SQSMessage) bool {
	entry := &requestlog.Entry{Start: q.Now(), Route: q.Route, Status: http.StatusOK}
	account, id, err := parse([]byte(m.Body))
	if err != nil {
		entry.Status, entry.Cause = http.StatusBadRequest, fmt.Errorf("message %s: %w", m.MessageId, err)
	} else {
		entry.Account = account
		if err = q.index(requestlog.With(ctx, entry), account, id); err != nil {
			entry.Status, entry.Cause = http.StatusInternalServerError, err
		}
		if errors.Is(err, search.ErrBusy) {
			entry.Status = http.StatusTooEarly
		}
	}
	entry.Duration = q.Now().Sub(entry.Start)
	entry.Log(ctx, q.Log, q.Metrics)
	return err == nil
}

// index indexes a recording. If another run works on it, index tries again for busyTime,
// because the queue returns a message that has failed only after minutes.
func (q Queue) index(ctx context.Context, account, id string) error {
	wait, cancel := context.WithTimeout(ctx, busyTime)
	defer cancel()
	for {
		err := q.Index(ctx, account, id)
		if !errors.Is(err, search.ErrBusy) || attempt.Sleep(wait, busyPause+attempt.Jitter(busyPause)) != nil {
			return err
		}
	}
}

// parse reads an event (docs/reference/events.md). It returns
// ErrMessage without quoting the message.
func parse(body []byte) (account, id string, err error) {
	var e struct {
		Detail struct {
			Account string `json:"account_id"`
			ID      string `json:"id"`
		} `json:"detail"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return "", "", fmt.Errorf("%w: it is not JSON", ErrMessage)
	}
	account, id, ok := recording.ParseKey(recording.AudioKey(e.Detail.Account, e.Detail.ID))
	if !ok || account != e.Detail.Account || id != e.Detail.ID {
		return "", "", fmt.Errorf("%w: it has no account and ID", ErrMessage)
	}
	return account, id, nil
}
