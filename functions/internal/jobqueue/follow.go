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
func Follow(f config.Function, build func(s *config.Settings, now func() time.Time) (*job.Book, job.Options, error)) {
	wiring.Start(f, func(e wiring.Env) (func(), error) {
		book, o, err := build(e.Settings, time.Now)
		if err != nil {
			return nil, err
		}
		o.SliceTime, o.Lease, o.Holder, o.Now = sliceTime, lease, os.Getenv("AWS_LAMBDA_LOG_STREAM_NAME"), time.Now
		o.Failed = func(ctx context.Context, j *job.Job, cause error) {
			e.Log.WarnContext(ctx, "a step of a job failed", slog.String("account_id", j.Account), slog.String("job", j.ID),
				slog.String("action", j.Action), slog.Int("tries", j.Tries), slog.String("cause", cause.Error()))
		}
		engine := job.NewEngine(book, o)
		w := worker{e, f, engine.Slice}
		return func() { lambda.Start(w.handle) }, nil
	})
}

// worker handles messages.
type worker struct {
	env   wiring.Env
	name  config.Function
	slice func(context.Context, job.Message) (bool, error)
}

// handle works on the account of each message. It reports the messages that the queue must
// deliver again; its own error is always nil.
func (w *worker) handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	return sqsbatch.Each(e, func(_ int, m *events.SQSMessage) bool { return w.message(ctx, m) == nil }), nil
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
	if entry.Cause = err; err != nil {
		entry.Status = http.StatusServiceUnavailable
	}
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
