package attempt

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithy "github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/callrecordings/api/shared/requestlog"
)

// ErrNoTime means that the deadline leaves no time for another attempt.
var ErrNoTime = errors.New("the deadline leaves no time for another attempt")

// APIOptions returns SDK options that bound each attempt and call count with the
// request's log entry before each attempt.
func (l Limits) APIOptions(count func(*requestlog.Entry)) []func(*middleware.Stack) error {
	each := middleware.FinalizeMiddlewareFunc("EachAttempt",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
			middleware.FinalizeOutput, middleware.Metadata, error,
		) {
			count(requestlog.From(ctx))
			out, md, err := l.bounded(ctx, in, next)
			watchFrom(ctx).note(err)
			return out, md, err
		})
	return []func(*middleware.Stack) error{func(s *middleware.Stack) error {
		return s.Finalize.Insert(each, "Retry", middleware.After)
	}}
}

// bounded makes an attempt that ends in time.
func (l Limits) bounded(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	most := l.Attempt
	if l.Head > 0 {
		most = math.MaxInt64 // the client bounds every step
	}
	limit := Left(ctx, most)
	attempt, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(limit, cancel)
	out, md, err := next.HandleFinalize(attempt, in)
	late := !timer.Stop()
	if err != nil || l.Streams == "" || awsmiddleware.GetOperationName(ctx) != l.Streams {
		cancel() // otherwise the caller still reads the body
	}
	if err != nil && late && ctx.Err() == nil {
		// The SDK would mistake this time-out for the caller's and not retry.
		err = &slowError{limit: limit, deadline: limit < most}
	}
	return out, md, err
}

// slowError means that an attempt exceeded its time limit.
type slowError struct {
	limit    time.Duration
	deadline bool // the caller's deadline set the limit
}

func (e *slowError) Error() string {
	if e.deadline {
		return "no answer within " + e.limit.Round(time.Millisecond).String() + ", before the deadline"
	}
	return "no answer within " + e.limit.String()
}

// RetryableError makes the SDK retry.
func (*slowError) RetryableError() bool { return true }

// Is makes the error match context.DeadlineExceeded if the caller's deadline ended
// the attempt.
func (e *slowError) Is(target error) bool { return e.deadline && target == context.DeadlineExceeded }

// retryer is the SDK's standard retryer with two changes: it also retries if
// an answer breaks off midway, and only if the deadline leaves time for a useful
// attempt.
type retryer struct {
	*retry.Standard
	Limits
}

// Retryer returns the SDK retryer that enforces l, with full jitter.
func (l Limits) Retryer() aws.RetryerV2 {
	return &retryer{Limits: l, Standard: retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = l.Attempts
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(brokeOff)}, o.Retryables...)
		o.Backoff = retry.BackoffDelayerFunc(func(failed int, _ error) (time.Duration, error) {
			return Jitter(l.Backoff << min(max(failed-1, 0), l.Attempts)), nil
		})
	})}
}

// brokeOff recognizes an answer that could not be read to its end.
func brokeOff(err error) aws.Ternary {
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// GetRetryToken permits or denies a retry; the SDK calls it before every
// attempt but the first. Error: ErrNoTime.
func (r *retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	if !r.Carries(ctx, r.Backoff<<(r.Attempts-1)) {
		return nil, ErrNoTime
	}
	return r.Standard.GetRetryToken(ctx, err)
}
