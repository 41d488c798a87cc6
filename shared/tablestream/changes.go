package tablestream

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// GiveUpAfter is how long after its write an unreadable item blocks its shard.
// During a deployment, a newer version of this service may write items that only
// the newer function can read, so the old function leaves them for the new one.
// Waiting longer would not help, and would delay all later items of the shard.
const GiveUpAfter = 5 * time.Minute

// Read decodes a stream record, as ChangeOf in store/dynamo does. It is passed as
// an argument so that functions that use only Handler do not link the driver. An
// error means that the item is unreadable.
type Read func(events.DynamoDBStreamRecord) (store.Change, error)

// Feed processes changes in the order of the stream and returns how many of them,
// counted from the first, are done. done is len(changes) if and only if the error
// is nil. Lambda delivers the remaining changes again.
type Feed func(ctx context.Context, changes []store.Change) (done int, err error)

// Lost notes that a change of an account's items will never reach Feed. id identifies the
// change. Lost may be called more than once for the same change. account is "" if it is
// unknown. After an error, Lambda delivers the change again.
type Lost func(ctx context.Context, account, id string) error

// ChangesOptions configure ChangesHandler; all but Metrics are required.
type ChangesOptions struct {
	// Route is the route in log lines, such as "publish".
	Route string
	// Read decodes the records.
	Read Read
	// Feed processes the changes.
	Feed Feed
	// Lost is called for each item before it is given up.
	Lost Lost
	// Log gets one line for each batch, and one for each item given up.
	Log *slog.Logger
	// Metrics, if not nil, are written to the same lines.
	Metrics *requestlog.Metrics
	// Now is the clock.
	Now func() time.Time
}

// StartChanges serves events as a Lambda function. It does not return.
func StartChanges(o ChangesOptions) { lambda.Start(ChangesHandler(o)) }

// ChangesHandler returns a Lambda handler that passes changes, with the items
// before and after each write, to Feed.
//
// Order matters to Feed, so it gets all changes of an event at once. If it does
// not finish, the handler reports only the first change that is not done, and
// Lambda retries from there
// (docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html).
// The handler's own error is always nil. If the function crashes, it has reported
// nothing, and Lambda delivers the whole event again.
//
// An unreadable item ends the event like any other failure until [GiveUpAfter]
// has passed since its write. Then the handler gives it up: it calls Lost, logs the item
// with status 500 and goes on with the changes after it. Retrying for longer would
// lose more, because Lambda finally drops the item and the rest of its batch.
func ChangesHandler(o ChangesOptions) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
		if done := o.batch(ctx, e.Records); done < len(e.Records) {
			response.BatchItemFailures = append(response.BatchItemFailures,
				events.DynamoDBBatchItemFailure{ItemIdentifier: e.Records[done].Change.SequenceNumber})
		}
		return response, nil
	}
}

// batch processes records, logs them as one batch, and returns how many are done.
func (o ChangesOptions) batch(ctx context.Context, records []events.DynamoDBEventRecord) int {
	entry := &requestlog.Entry{Start: o.Now(), Route: o.Route, Status: http.StatusOK, Items: len(records)}
	changes, indexes, readErr := o.read(ctx, records)
	done, err := o.feed(requestlog.With(ctx, entry), changes)
	if err == nil {
		err = readErr
	}
	at := indexes[done]
	if err != nil {
		entry.Status = http.StatusInternalServerError
		entry.Cause = fmt.Errorf("item %s of the stream, %d of %d: %w",
			records[at].Change.SequenceNumber, at+1, len(records), err)
	}
	entry.Duration = o.Now().Sub(entry.Start)
	entry.Log(ctx, o.Log, o.Metrics)
	return at
}

// read decodes records up to the first unreadable one that is still worth a
// retry, and returns that record's error. It skips the records that it gives up.
// indexes holds the index in records of each change, followed by the index of the
// first record that was not read.
func (o ChangesOptions) read(ctx context.Context, records []events.DynamoDBEventRecord) (
	changes []store.Change, indexes []int, err error,
) {
	for i, r := range records {
		c, err := o.Read(r.Change)
		switch {
		case err == nil:
			changes, indexes = append(changes, c), append(indexes, i)
		case o.Now().Sub(r.Change.ApproximateCreationDateTime.Time) < GiveUpAfter:
			return changes, append(indexes, i), err
		default:
			if err := o.giveUp(ctx, r.Change, err); err != nil {
				return changes, append(indexes, i), err
			}
		}
	}
	return changes, append(indexes, len(records)), nil
}

// giveUp calls Lost for an unreadable item, and logs it. No event is published for it.
// Errors: ErrTime, and those of Lost.
func (o ChangesOptions) giveUp(ctx context.Context, r events.DynamoDBStreamRecord, cause error) error {
	key, err := keyOf(r.Keys)
	if err != nil {
		key.ID = err.Error()
	}
	err = inTime(ctx, func(ctx context.Context) error { return o.Lost(ctx, key.Account, r.SequenceNumber) })
	if err != nil {
		return fmt.Errorf("give up an item that cannot be read: %w", err)
	}
	entry := &requestlog.Entry{
		Start: o.Now(), Route: o.Route, Status: http.StatusInternalServerError, Account: key.Account, Items: 1,
		Cause: fmt.Errorf("item %s of the stream is given up: %q: %w", r.SequenceNumber, key.ID, cause),
	}
	entry.Log(ctx, o.Log, o.Metrics)
	return nil
}

// feed calls Feed. Errors: ErrTime, and those of Feed.
func (o ChangesOptions) feed(ctx context.Context, changes []store.Change) (done int, err error) {
	if len(changes) == 0 {
		return 0, nil
	}
	err = inTime(ctx, func(ctx context.Context) (err error) {
		done, err = o.Feed(ctx, changes)
		return err
	})
	return done, err
}

// inTime calls work with a deadline that leaves reserve for the response. Errors: ErrTime,
// and those of work.
func inTime(ctx context.Context, work func(context.Context) error) error {
	end, ok := ctx.Deadline()
	if !ok {
		return work(ctx)
	}
	if time.Until(end) < reserve {
		return ErrTime
	}
	ctx, cancel := context.WithDeadline(ctx, end.Add(-reserve))
	defer cancel()
	return work(ctx)
}
