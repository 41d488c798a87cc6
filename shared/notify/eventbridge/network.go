package eventbridge

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	smithy "github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"callrecordings/shared/requestlog"
)

// network says how long to wait and how often to try, as that of store/dynamo
// does (docs/adr/007-time-outs.md). The SDK's own connect time-out of 30 s is
// longer than most invocations have left.
type network struct {
	connect  time.Duration // name look-up included
	attempt  time.Duration // from connecting to the last byte of the answer
	attempts int
	backoff  time.Duration // longest wait before the second attempt, doubled before each later one
	dial     func(ctx context.Context, network, addr string) (net.Conn, error)
}

func standard() network {
	return network{
		connect: 500 * time.Millisecond, attempt: 2 * time.Second, attempts: 3, backoff: 50 * time.Millisecond,
		dial: (&net.Dialer{}).DialContext,
	}
}

// client makes the HTTP client.
func (n network) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, n.connect)
				defer cancel()
				return n.dial(ctx, network, addr)
			},
			TLSHandshakeTimeout: n.attempt,
			IdleConnTimeout:     90 * time.Second,
			DisableCompression:  true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// options makes the part of the SDK client's options that has to do with time.
func (n network) options() sdk.Options {
	return sdk.Options{
		Retryer:    n.retryer(),
		APIOptions: []func(*middleware.Stack) error{n.eachAttempt},
	}
}

// eachAttempt counts every attempt and bounds its time.
func (n network) eachAttempt(s *middleware.Stack) error {
	return s.Finalize.Insert(middleware.FinalizeMiddlewareFunc("EachAttempt",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
			middleware.FinalizeOutput, middleware.Metadata, error,
		) {
			requestlog.From(ctx).EventCalls++
			attempt, cancel := context.WithTimeout(ctx, n.attempt)
			defer cancel()
			out, md, err := next.HandleFinalize(attempt, in)
			if err != nil && attempt.Err() != nil && ctx.Err() == nil {
				// The SDK takes it for the caller's own time-out, after which
				// it does not try again.
				err = &slowError{n.attempt}
			}
			return out, md, err
		}), "Retry", middleware.After)
}

// slowError is an attempt that took too long.
type slowError struct{ limit time.Duration }

func (e *slowError) Error() string { return "no answer within " + e.limit.String() }

// RetryableError tells the SDK to try again.
func (*slowError) RetryableError() bool { return true }

// retryer is the SDK's standard one, but it also repeats what broke off in
// the middle of an answer, and it tries again only when the rest of the
// deadline carries another whole attempt.
type retryer struct {
	*retry.Standard
	network
}

func (n network) retryer() aws.RetryerV2 {
	return &retryer{network: n, Standard: retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = n.attempts
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(brokeOff)}, o.Retryables...)
		o.Backoff = retry.BackoffDelayerFunc(func(failed int, _ error) (time.Duration, error) {
			return jitter(n.backoff << min(max(failed-1, 0), n.attempts)), nil
		})
	})}
}

// brokeOff recognises an answer that could not be read to its end.
func brokeOff(err error) aws.Ternary {
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

var errNoTime = errors.New("the deadline leaves no time for an attempt")

// GetRetryToken is asked before every attempt but the first.
func (r *retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	if !r.carries(ctx, r.backoff<<r.attempts) {
		return nil, errNoTime
	}
	return r.Standard.GetRetryToken(ctx, err)
}

// carries reports whether the deadline leaves time for a wait and an attempt.
func (n network) carries(ctx context.Context, wait time.Duration) bool {
	end, ok := ctx.Deadline()
	return !ok || time.Until(end) >= wait+n.attempt
}

// jitter is a wait of any length up to the longest.
func jitter(longest time.Duration) time.Duration {
	return rand.N(longest + 1) //nolint:gosec // jitter is no secret
}
