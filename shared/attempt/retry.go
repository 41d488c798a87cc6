package attempt

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithy "github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"callrecordings/shared/requestlog"
)

// ErrNoTime means that the deadline leaves no time for another attempt.
var ErrNoTime = errors.New("the deadline leaves no time for another attempt")

// APIOptions returns SDK options that bound each attempt by l.Attempt, unless
// the answer is streamed, and call count with the request's log entry before
// each attempt.
func (l Limits) APIOptions(count func(*requestlog.Entry)) []func(*middleware.Stack) error {
	each := middleware.FinalizeMiddlewareFunc("EachAttempt",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
			middleware.FinalizeOutput, middleware.Metadata, error,
		) {
			count(requestlog.From(ctx))
			if l.Head > 0 {
				return next.HandleFinalize(ctx, in)
			}
			attempt, cancel := context.WithTimeout(ctx, l.Attempt)
			defer cancel()
			out, md, err := next.HandleFinalize(attempt, in)
			if err != nil && attempt.Err() != nil && ctx.Err() == nil {
				// The SDK would mistake this time-out for the caller's and not retry.
				err = &slowError{l.Attempt}
			}
			return out, md, err
		})
	return []func(*middleware.Stack) error{func(s *middleware.Stack) error {
		return s.Finalize.Insert(each, "Retry", middleware.After)
	}}
}

// slowError reports an attempt that exceeded its limit.
type slowError struct{ limit time.Duration }

func (e *slowError) Error() string { return "no answer within " + e.limit.String() }

// RetryableError makes the SDK retry.
func (*slowError) RetryableError() bool { return true }

// retryer is the SDK's standard retryer with two changes: it also retries if
// an answer breaks off midway, and only if the deadline leaves time for another
// whole attempt.
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
