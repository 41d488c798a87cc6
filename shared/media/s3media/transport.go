package s3media

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"callrecordings/shared/requestlog"
)

// Time-outs and retries (docs/adr/007-time-outs.md). The SDK's own connect time-out of 30 s
// is longer than the gateway in front waits.
const (
	connect       = 500 * time.Millisecond
	tlsHandshake  = time.Second
	firstByte     = 2 * time.Second
	uploadAnswer  = time.Minute // storing a part, or joining them, takes the store longer
	readAttempt   = connect + firstByte
	uploadAttempt = connect + uploadAnswer
	attempts      = 3
	backoffBase   = 50 * time.Millisecond
	stall         = 5 * time.Second // between two bytes of a body
)

type dialer func(ctx context.Context, network, addr string) (net.Conn, error)

// newClient makes an HTTP client that waits so long for the head of an answer.
func newClient(head time.Duration, dial dialer) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, connect)
				defer cancel()
				return dial(ctx, network, addr)
			},
			TLSHandshakeTimeout:   tlsHandshake,
			ResponseHeaderTimeout: head,
			ExpectContinueTimeout: time.Second,
			IdleConnTimeout:       90 * time.Second,
			MaxIdleConnsPerHost:   16,
			ForceAttemptHTTP2:     true,
		},
		// S3 redirects a bucket of another region; the signature would be
		// wrong there, so the redirect is the answer.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// retryer is the SDK's standard one, but it tries again only when the rest of
// the deadline carries another whole attempt.
type retryer struct {
	*retry.Standard
	attempt time.Duration // what an attempt may take to its first byte
}

func newRetryer(attempt time.Duration) aws.RetryerV2 {
	return &retryer{attempt: attempt, Standard: retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.Backoff = retry.BackoffDelayerFunc(func(n int, _ error) (time.Duration, error) {
			//nolint:gosec // jitter is no secret
			return rand.N(backoff(n)), nil
		})
	})}
}

// backoff is the longest wait after the n-th failed attempt: 100 ms, 200 ms.
func backoff(n int) time.Duration { return backoffBase << min(max(n, 1), attempts) }

var errNoTime = errors.New("the deadline leaves no time for another attempt")

// GetRetryToken is asked before every attempt but the first.
func (r *retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < r.attempt+backoff(attempts) {
		return nil, errNoTime
	}
	return r.Standard.GetRetryToken(ctx, err)
}

// countCalls notes every attempt in the request's log entry.
var countCalls = []func(*middleware.Stack) error{func(s *middleware.Stack) error {
	return s.Finalize.Insert(middleware.FinalizeMiddlewareFunc("CountCalls",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
			middleware.FinalizeOutput, middleware.Metadata, error,
		) {
			requestlog.From(ctx).MediaCalls++
			return next.HandleFinalize(ctx, in)
		}), "Retry", middleware.After)
}}

// patient gives an operation of an upload the time that uploads take.
func patient(client *http.Client) func(*s3.Options) {
	again := newRetryer(uploadAttempt)
	return func(o *s3.Options) { o.HTTPClient, o.Retryer = client, again }
}
