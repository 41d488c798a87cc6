package wiring

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/requestlog"
)

// Job does scheduled work. It returns the number of items that it has worked on.
type Job func(ctx context.Context) (items int, err error)

// Schedule starts a function that runs the job which build returns at each invocation.
// Each run has one log line, without metrics, which would cost more than the runs. The
// handler's own error is always nil: the schedule is the retry. Use it only for a job whose
// failures need no alarm.
func Schedule(f config.Function, build func(s *config.Settings, now func() time.Time) (Job, error)) {
	schedule(f, plain(build), func(error) error { return nil })
}

// ScheduleReporting is like [Schedule], but the handler returns the job's error, so that
// Lambda counts it and an alarm can watch it. Lambda then runs the job again, twice at most.
func ScheduleReporting(f config.Function, build func(s *config.Settings, now func() time.Time) (Job, error)) {
	ScheduleReportingWith(f, plain(build))
}

// ScheduleReportingWith is [ScheduleReporting] for a job that writes logs and metrics of its own.
func ScheduleReportingWith(f config.Function, build func(e Env, now func() time.Time) (Job, error)) {
	schedule(f, build, func(failure error) error { return failure })
}

// plain adapts the build of a job that needs only the settings.
func plain(build func(s *config.Settings, now func() time.Time) (Job, error)) func(Env, func() time.Time) (Job, error) {
	return func(e Env, now func() time.Time) (Job, error) { return build(e.Settings, now) }
}

// schedule starts a function. Its handler passes the job's error to answer, and returns the result.
func schedule(f config.Function, build func(e Env, now func() time.Time) (Job, error), answer func(failure error) error) {
	Start(f, func(e Env) (func(), error) {
		job, err := build(e, time.Now)
		if err != nil {
			return nil, err
		}
		return func() {
			lambda.Start(func(ctx context.Context) error { return answer(e.Run(ctx, f, job)) })
		}, nil
	})
}

// Run runs a job of f and logs it, without metrics. It returns the job's error.
func (e Env) Run(ctx context.Context, f config.Function, job Job) error {
	entry := &requestlog.Entry{Start: time.Now(), Route: string(f), Status: http.StatusOK}
	entry.Items, entry.Cause = job(requestlog.With(ctx, entry))
	if entry.Cause != nil {
		entry.Status = http.StatusInternalServerError
	}
	entry.Duration = time.Since(entry.Start)
	entry.Log(ctx, e.Log, nil)
	return entry.Cause
}
