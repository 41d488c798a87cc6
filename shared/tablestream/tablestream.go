// Package tablestream connects the DynamoDB table's stream to the Lambda functions
// that process it (docs/adr/006-deleting.md).
//
// An event is a hint, not the truth: it may arrive late, twice, or after the
// item has changed again. [Handler] therefore gives a function only the [Key] of
// each item, and the function reads the item's current state itself.
// [ChangesHandler] is for functions that publish events: they need the changes
// themselves, in order.
//
// Both report failed items to Lambda by sequence number
// (ReportBatchItemFailures). Lambda retries from the first of them on, in order,
// so a function must tolerate processing an item more than once. It does not read on
// until they succeed, so [Handler] leaves an item that keeps failing after [LeaveAfter].
// What Lambda itself gives up goes to the on-failure queue of the event source
// (template.yaml).
package tablestream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/callrecordings/api/shared/requestlog"
)

// The key attributes of the table in store/dynamo.
const (
	accountAttribute = "a"
	idAttribute      = "id"
)

// reserve is the time before the invocation's deadline that is kept for the
// response. The handler starts no item during this time; the next invocation gets
// the remaining items.
const reserve = 2 * time.Second

// LeaveAfter is how long after its write an item that fails holds up the items after it. Then
// [Handler] leaves it: the work must be something that another process finishes, as reconcile
// finishes purges. An outage of S3 or DynamoDB makes all items fail, so LeaveAfter is longer than
// the 15 minutes after which StreamAgeAlarm tells of it (template.yaml).
const LeaveAfter = 20 * time.Minute

var (
	// ErrKey means that an event lacks the key of an item.
	ErrKey = errors.New("the event has no item key")
	// ErrTime means that the invocation had no time left for the item.
	ErrTime = errors.New("no time left for the item")
)

// Key is the key of an item in the table.
type Key struct {
	// Account is the partition key, ID the sort key.
	Account, ID string
}

// Work processes one item. It may be called more than once for the same item,
// even after it has returned nil.
type Work func(ctx context.Context, key Key) error

// Options configure Handler; all but Metrics are required.
type Options struct {
	// Route is the route in log lines, such as "purge".
	Route string
	// Work is called for every item.
	Work Work
	// Log gets one line for each item.
	Log *slog.Logger
	// Metrics, if not nil, are written to the same line.
	Metrics *requestlog.Metrics
	// Now is the clock.
	Now func() time.Time
}

// Start serves events as a Lambda function. It does not return.
func Start(o Options) { lambda.Start(Handler(o)) }

// Handler returns a Lambda handler that calls Work for every item of an event, in
// order. It reports each failed item and still processes those after it. An item that fails
// [LeaveAfter] after its write is not reported but left; its log line says so. The handler's own
// error is always nil.
func Handler(o Options) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
		for i, record := range e.Records {
			if !o.item(ctx, record.Change, i == 0) {
				response.BatchItemFailures = append(response.BatchItemFailures,
					events.DynamoDBBatchItemFailure{ItemIdentifier: record.Change.SequenceNumber})
			}
		}
		return response, nil
	}
}

// item processes one item, logs it, and reports whether it is done or left. The first item of an
// event has all of its time.
func (o Options) item(ctx context.Context, change events.DynamoDBStreamRecord, first bool) bool {
	entry := &requestlog.Entry{Start: o.Now(), Route: o.Route, Status: http.StatusOK}
	key, err := keyOf(change.Keys)
	if err == nil {
		entry.Account = key.Account
		err = workInTime(requestlog.With(ctx, entry), key, o.Work)
	}
	left := false
	if err != nil {
		is := ""
		if left = o.leaves(change, err) && (first || !ends(ctx)); left {
			is = " is left"
		}
		entry.Status = http.StatusInternalServerError
		entry.Cause = fmt.Errorf("item %s of the stream%s: %w", change.SequenceNumber, is, err)
	}
	entry.Duration = o.Now().Sub(entry.Start)
	entry.Log(ctx, o.Log, o.Metrics)
	return err == nil || left
}

// leaves reports whether an item is old enough to be left after err. An event that an operator
// sends has no times, and its failures are always reported (docs/how-to/alarms.md).
func (o Options) leaves(change events.DynamoDBStreamRecord, err error) bool {
	written := change.ApproximateCreationDateTime.Time
	return !errors.Is(err, ErrTime) && !written.IsZero() && o.Now().Sub(written) >= LeaveAfter
}

// ends reports whether the time of the invocation has run out, so that an item may have failed only
// because those before it were slow.
func ends(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < reserve
}

// workInTime calls work if there is time for it. Errors: ErrTime, and those of work.
func workInTime(ctx context.Context, key Key, work Work) error {
	if ends(ctx) {
		return ErrTime
	}
	return work(ctx, key)
}

// keyOf reads the key of an item. Errors: ErrKey.
func keyOf(keys map[string]events.DynamoDBAttributeValue) (Key, error) {
	account, id := keys[accountAttribute], keys[idAttribute]
	if account.DataType() != events.DataTypeString || id.DataType() != events.DataTypeString {
		return Key{}, ErrKey
	}
	return Key{Account: account.String(), ID: id.String()}, nil
}
