package tablestream

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"callrecordings/shared/requestlog"
	"callrecordings/shared/store"
)

// Patience is how long an item that cannot be read holds the shard up, from the
// write on. A function of the version that wrote it may be on its way to be
// deployed; afterwards nobody would mend it, and all behind it would wait.
const Patience = 5 * time.Minute

// Read reads a change from what the stream tells of it, as store/dynamo's
// ChangeOf does. It is an argument, so that who follows no changes does not link
// the driver. Its error is an item that cannot be read.
type Read func(events.DynamoDBStreamRecord) (store.Change, error)

// Feed takes changes in the order of the stream and returns how many of them,
// from the front, are done with. It is len(changes) if and only if the error is
// nil. What is not done comes again, with all behind it.
type Feed func(ctx context.Context, changes []store.Change) (done int, err error)

// ChangesOptions are what a function is made of that is fed with changes; all
// but Metrics are required.
type ChangesOptions struct {
	// Route is what lines of the log call the work, "publish".
	Route string
	// Read reads the changes.
	Read Read
	// Feed gets them.
	Feed Feed
	// Log gets one line for each batch, and one for each item that is given up.
	Log *slog.Logger
	// Metrics, if not nil, are in the same lines.
	Metrics *requestlog.Metrics
	// Now is the clock.
	Now func() time.Time
}

// StartChanges serves events as a Lambda function, and does not return.
func StartChanges(o ChangesOptions) { lambda.Start(ChangesHandler(o)) }

// ChangesHandler makes a Lambda handler that feeds on whole changes, with what
// was there before and after.
//
// For whom an event is more than a hint, order counts: so the changes of an
// event go to the Feed together, and of what is not done only the first is
// reported, with which Lambda begins again
// (docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html).
// The handler's own error is always nil. A function that dies has reported
// nothing, so all of the event comes again.
//
// An item that cannot be read is a failure with which the event ends, like any
// other, for as long as [Patience] lasts. After that it is given up: a line of
// the log names it, with status 500, and the changes behind it go on. Not to
// give it up would lose more: Lambda, when its patience ends, drops the item
// together with all of the batch behind it.
func ChangesHandler(o ChangesOptions) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		answer := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
		if done := o.batch(ctx, e.Records); done < len(e.Records) {
			answer.BatchItemFailures = append(answer.BatchItemFailures,
				events.DynamoDBBatchItemFailure{ItemIdentifier: e.Records[done].Change.SequenceNumber})
		}
		return answer, nil
	}
}

// batch feeds records, logs it, and returns how many are done.
func (o ChangesOptions) batch(ctx context.Context, records []events.DynamoDBEventRecord) int {
	entry := &requestlog.Entry{Start: o.Now(), Route: o.Route, Status: http.StatusOK, Items: len(records)}
	changes, places, unread := o.read(ctx, records)
	done, err := o.feed(requestlog.With(ctx, entry), changes)
	if err == nil {
		err = unread
	}
	at := places[done]
	if err != nil {
		entry.Status = http.StatusInternalServerError
		entry.Cause = fmt.Errorf("item %s of the stream, %d of %d: %w",
			records[at].Change.SequenceNumber, at+1, len(records), err)
	}
	entry.Duration = o.Now().Sub(entry.Start)
	entry.Log(ctx, o.Log, o.Metrics)
	return at
}

// read returns the changes of records up to the first that has to wait, whose
// error it is, without those that are given up. places has the record of each
// change, and behind them the first that was not read.
func (o ChangesOptions) read(ctx context.Context, records []events.DynamoDBEventRecord) (
	changes []store.Change, places []int, unread error,
) {
	for i, r := range records {
		c, err := o.Read(r.Change)
		switch {
		case err == nil:
			changes, places = append(changes, c), append(places, i)
		case o.Now().Sub(r.Change.ApproximateCreationDateTime.Time) < Patience:
			return changes, append(places, i), err
		default:
			o.giveUp(ctx, r.Change, err)
		}
	}
	return changes, append(places, len(records)), nil
}

// giveUp logs an item that nobody will be told of.
func (o ChangesOptions) giveUp(ctx context.Context, r events.DynamoDBStreamRecord, cause error) {
	key, err := keyOf(r.Keys)
	if err != nil {
		key.ID = err.Error()
	}
	entry := &requestlog.Entry{
		Start: o.Now(), Route: o.Route, Status: http.StatusInternalServerError, Account: key.Account, Items: 1,
		Cause: fmt.Errorf("item %s of the stream is given up: %q: %w", r.SequenceNumber, key.ID, cause),
	}
	entry.Log(ctx, o.Log, o.Metrics)
}

// feed leaves time for the answer.
func (o ChangesOptions) feed(ctx context.Context, changes []store.Change) (int, error) {
	if len(changes) == 0 {
		return 0, nil
	}
	if end, ok := ctx.Deadline(); ok {
		if time.Until(end) < reserve {
			return 0, ErrTime
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-reserve))
		defer cancel()
	}
	return o.Feed(ctx, changes)
}
