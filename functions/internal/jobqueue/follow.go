package jobqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/callrecordings/api/functions/internal/wiring"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/sqsbatch"
)

const (
	// sliceTime is how long a job works before the next account has its turn.
	sliceTime = 30 * time.Second
	// lease is longer than the function's time-out of 300 s (template.yaml).
	lease = 310 * time.Second
)

// Follow starts a function that works on the jobs in the queue, with the book, the actions
// and the check of rights that build returns. Each message has one log line.
func Follow(f config.Function, build func(s *config.Settings, q *Queue, now func() time.Time) (*job.Book, job.Options, error)) {
	wiring.Start(f, func(e wiring.Env) (func(), error) {
		queue := Open(e.Settings)
		book, o, err := build(e.Settings, queue, time.Now)
		if err != nil {
			return nil, err
		}
		o.SliceTime, o.Lease, o.Holder, o.Now = sliceTime, lease, os.Getenv("AWS_LAMBDA_LOG_STREAM_NAME"), time.Now
		o.Failed = func(ctx context.Context, j *job.Job, cause error) {
			e.Log.WarnContext(ctx, "a step of a job failed", slog.String("account_id", j.Account), slog.String("job", j.ID),
				slog.String("action", j.Action), slog.Int("tries", j.Tries), slog.String("cause", cause.Error()))
		}
		w := worker{env: e, name: f, slice: job.NewEngine(book, o).Slice, wake: book.WakeWaiting, putOff: queue.PutOff}
		return func() { lambda.Start(w.handle) }, nil
	})
}

// worker handles messages.
type worker struct {
	env   wiring.Env
	name  config.Function
	slice func(context.Context, job.Message) (bool, error)
	// wake wakes a worker for each account that needs one.
	wake wiring.Job
	// putOff makes the queue deliver a message again after a delay.
	putOff func(ctx context.Context, receipt string, delay time.Duration) error
}

// event is what invokes the function: messages of the queue, or its schedule.
type event struct {
	events.SQSEvent

	// Wake is true in the input of the schedule (template.yaml).
	Wake bool `json:"wake"`
}

// handle works on the account of each message. It reports the messages that the queue must
// deliver again; its own error is always nil. If the schedule invokes it, it wakes workers; the
// next time is the retry.
func (w *worker) handle(ctx context.Context, e event) (events.SQSEventResponse, error) {
	if e.Wake {
		_ = w.env.Run(ctx, w.name, w.wake) // logged
	}
	return sqsbatch.Each(e.SQSEvent, func(_ int, m *events.SQSMessage) bool { return w.message(ctx, m) == nil }), nil
}

// The delay before the queue delivers a failed message again. Without it, the queue would wait for
// the visibility timeout of half an hour, which serves functions that die. The delay doubles with
// every try, so that the ten tries before the dead-letter queue (template.yaml) take 50 minutes.
const (
	firstDelay = 10 * time.Second
	lastDelay  = 15 * time.Minute
	// putOffTime limits the call that sets it.
	putOffTime = 5 * time.Second
)

// again makes the queue deliver a failed message again soon.
func (w *worker) again(ctx context.Context, m *events.SQSMessage) error {
	tries, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	if err != nil {
		tries = 1
	}
	delay := firstDelay
	for ; tries > 1 && delay < lastDelay; tries-- {
		delay *= 2
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), putOffTime) // ctx may have ended
	defer cancel()
	return w.putOff(ctx, m.ReceiptHandle, min(delay, lastDelay))
}

// message handles and logs a message.
func (w *worker) message(ctx context.Context, m *events.SQSMessage) error {
	entry := &requestlog.Entry{Start: time.Now(), Route: string(w.name), Status: http.StatusOK}
	parsed, err := parse(m)
	if err == nil {
		var worked bool
		entry.Account = parsed.Account
		if worked, err = w.slice(requestlog.With(ctx, entry), parsed); worked {
			entry.Items = 1
		}
	}
	if err != nil {
		entry.Status = http.StatusServiceUnavailable
		err = errors.Join(err, w.again(ctx, m))
	}
	entry.Cause = err
	entry.Duration = time.Since(entry.Start)
	entry.Log(ctx, w.env.Log, w.env.Metrics)
	return err
}

// errMessage means that a message is not one of Wake.
var errMessage = errors.New("the message is not one about jobs")

func parse(m *events.SQSMessage) (job.Message, error) {
	var b body
	if err := json.Unmarshal([]byte(m.Body), &b); err != nil || b.Account == "" {
		return job.Message{}, fmt.Errorf("%w: %s", errMessage, m.MessageId)
	}
	ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64)
	if err != nil {
		return job.Message{}, fmt.Errorf("%w: %s has no time", errMessage, m.MessageId)
	}
	return job.Message{Account: b.Account, ID: m.MessageId, Sent: time.UnixMilli(ms)}, nil
}
