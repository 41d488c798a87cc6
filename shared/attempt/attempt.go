// Package attempt bounds the calls of an AWS client: how long one attempt may
// take, how often and after which wait it is made again, and that none is begun
// which the rest of the context's deadline would not carry
// (docs/adr/007-time-outs.md). The SDK's own connect time-out of 30 s is longer
// than the gateway in front waits.
package attempt

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithy "github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"callrecordings/shared/requestlog"
)

// Limits of the calls of one client.
type Limits struct {
	// Connect bounds the connecting, name look-up included.
	Connect time.Duration
	// Attempt bounds the time from connecting to the last byte of the answer.
	Attempt time.Duration
	// Attempts is the most of them for one call.
	Attempts int
	// Backoff is the longest wait before the second attempt, doubled before each
	// later one.
	Backoff time.Duration
	// Dial connects.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Standard are the limits for attempts of that length: 500 ms to connect, three
// attempts, 50 ms to wait at first.
func Standard(attempt time.Duration) Limits {
	return Limits{
		Connect: 500 * time.Millisecond, Attempt: attempt, Attempts: 3, Backoff: 50 * time.Millisecond,
		Dial: (&net.Dialer{}).DialContext,
	}
}

// ErrNoTime says that the deadline leaves no time for another attempt.
var ErrNoTime = errors.New("the deadline leaves no time for another attempt")

// Client makes an HTTP client that keeps up to idle connections to a host. It
// speaks HTTP/1.1 only, as AWS's JSON services do, and asks for no compression:
// answers within a region are cheaper to read than to unpack.
func (l Limits) Client(idle int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, l.Connect)
				defer cancel()
				return l.Dial(ctx, network, addr)
			},
			TLSHandshakeTimeout: l.Attempt,
			IdleConnTimeout:     90 * time.Second,
			MaxIdleConnsPerHost: idle,
			DisableCompression:  true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Each is an APIOption of a client that bounds the time of every attempt, and
// counts it in the context's entry of the log.
func (l Limits) Each(count func(*requestlog.Entry)) func(*middleware.Stack) error {
	return func(s *middleware.Stack) error {
		return s.Finalize.Insert(middleware.FinalizeMiddlewareFunc("EachAttempt",
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
				middleware.FinalizeOutput, middleware.Metadata, error,
			) {
				count(requestlog.From(ctx))
				attempt, cancel := context.WithTimeout(ctx, l.Attempt)
				defer cancel()
				out, md, err := next.HandleFinalize(attempt, in)
				if err != nil && attempt.Err() != nil && ctx.Err() == nil {
					// The SDK takes it for the caller's own time-out, after which
					// it does not try again.
					err = &slowError{l.Attempt}
				}
				return out, md, err
			}), "Retry", middleware.After)
	}
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
	Limits
}

// Retryer decides about further attempts, with full jitter.
func (l Limits) Retryer() aws.RetryerV2 {
	return &retryer{Limits: l, Standard: retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = l.Attempts
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(brokeOff)}, o.Retryables...)
		o.Backoff = retry.BackoffDelayerFunc(func(failed int, _ error) (time.Duration, error) {
			return Jitter(l.Backoff << min(max(failed-1, 0), l.Attempts)), nil
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

// GetRetryToken is asked before every attempt but the first. Error: ErrNoTime.
func (r *retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	if !r.Carries(ctx, r.Backoff<<r.Attempts) {
		return nil, ErrNoTime
	}
	return r.Standard.GetRetryToken(ctx, err)
}

// Carries reports whether the deadline leaves time for a wait and an attempt.
func (l Limits) Carries(ctx context.Context, wait time.Duration) bool {
	end, ok := ctx.Deadline()
	return !ok || time.Until(end) >= wait+l.Attempt
}

// Jitter is a wait of any length up to the longest.
func Jitter(longest time.Duration) time.Duration {
	return rand.N(longest + 1) //nolint:gosec // jitter is no secret
}

// Sleep waits by the clock. Error: the context's cause, where that ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
