// Package tablestream turns events of the table's stream into work, one item
// after another (docs/adr/006-deleting.md).
//
// An event is a hint and not the truth: it may come late, twice, or after the
// item has changed again. So work gets the item's [Key] and nothing else, and
// reads for itself what is there now ([Handler]). Only who tells others what
// happened needs the changes themselves, in their order ([ChangesHandler]).
//
// Lambda is told which items failed, by their sequence numbers
// (ReportBatchItemFailures), and begins again with the first of them, in
// order; so work must bear to be repeated. What keeps failing goes to the
// on-failure queue of the event source (template.yaml).
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

	"callrecordings/shared/requestlog"
)

// The attributes of an item's key, as store/dynamo lays the table out.
const (
	accountAttribute = "account_id"
	idAttribute      = "id"
)

// reserve is what is left of the invocation's time for its answer: an item
// that would begin in it is left for the next invocation.
const reserve = 2 * time.Second

var (
	// ErrKey says that an event names no item of the table.
	ErrKey = errors.New("the event has no key of a recording")
	// ErrTime says that the invocation's time was used up before the item.
	ErrTime = errors.New("no time left for the item")
)

// Key names an item of the table.
type Key struct {
	// Account and ID are the item's key.
	Account, ID string
}

// Work does what is to be done for one item. It may be called again for the
// same item, whatever it returned.
type Work func(ctx context.Context, key Key) error

// Options are what a function on a stream is made of; all but Metrics are
// required.
type Options struct {
	// Route is what lines of the log call the work, "purge".
	Route string
	// Work is done for every item.
	Work Work
	// Log gets one line for each item.
	Log *slog.Logger
	// Metrics, if not nil, are in the same line.
	Metrics *requestlog.Metrics
	// Now is the clock.
	Now func() time.Time
}

// Start serves events as a Lambda function, and does not return.
func Start(o Options) { lambda.Start(Handler(o)) }

// Handler makes a Lambda handler that does the work for every item of an event,
// in their order. An item that fails is reported; those behind it are done all
// the same. The handler's own error is always nil.
func Handler(o Options) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		answer := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
		for _, record := range e.Records {
			if !o.item(ctx, record.Change) {
				answer.BatchItemFailures = append(answer.BatchItemFailures,
					events.DynamoDBBatchItemFailure{ItemIdentifier: record.Change.SequenceNumber})
			}
		}
		return answer, nil
	}
}

// item does the work for one item, logs it, and reports whether it is done.
func (o Options) item(ctx context.Context, change events.DynamoDBStreamRecord) bool {
	entry := &requestlog.Entry{Start: o.Now(), Route: o.Route, Status: http.StatusOK}
	key, err := keyOf(change.Keys)
	if err == nil {
		entry.Account = key.Account
		err = within(requestlog.With(ctx, entry), key, o.Work)
	}
	if err != nil {
		entry.Status = http.StatusInternalServerError
		entry.Cause = fmt.Errorf("item %s of the stream: %w", change.SequenceNumber, err)
	}
	entry.Duration = o.Now().Sub(entry.Start)
	entry.Log(ctx, o.Log, o.Metrics)
	return err == nil
}

// within does work if there is time for it.
func within(ctx context.Context, key Key, work Work) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < reserve {
		return ErrTime
	}
	return work(ctx, key)
}

// keyOf reads the key of an item. Its error is [ErrKey].
func keyOf(keys map[string]events.DynamoDBAttributeValue) (Key, error) {
	account, id := keys[accountAttribute], keys[idAttribute]
	if account.DataType() != events.DataTypeString || id.DataType() != events.DataTypeString {
		return Key{}, ErrKey
	}
	return Key{Account: account.String(), ID: id.String()}, nil
}
