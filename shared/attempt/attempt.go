// Package attempt holds the code that the drivers of AWS services (store/dynamo,
// media/s3media and notify/eventbridge) share: the HTTP client, the retries, the
// count of attempts in the request log, and the checks of options. A driver keeps
// only its own values.
//
// Every call ends. [Limits] bounds connecting, each attempt, the number of
// attempts and the wait before a retry. A retry starts only if the context's
// deadline leaves enough time for it (docs/adr/007-time-outs.md). The SDK's
// defaults are not used because its connect time-out of 30 s is longer than the
// gateway waits for a function (29 s).
//
// Jitter and Sleep also serve clients of other services (incoming/importer).
//
// # Failure modes
//
// An attempt may succeed although its answer is lost.
// The retry then repeats the request, so each driver must recognize its own
// write or tolerate a duplicate.
package attempt

import (
	"context"
	"math/rand/v2"
	"net"
	"time"
)

// Limits bounds the calls of one client.
type Limits struct {
	// Connect bounds the time to connect, including the DNS lookup.
	Connect time.Duration
	// Handshake bounds the TLS handshake.
	Handshake time.Duration
	// Head bounds the wait for the head of an answer if its body is streamed. 0
	// means that answers are not streamed: the SDK reads the body as part of the
	// attempt, and Attempt bounds both.
	Head time.Duration
	// Attempt is the longest that an attempt takes, from connecting to the last
	// byte of the answer, or to the end of its head if Head is set. A retry needs
	// at least this much time before the deadline.
	Attempt time.Duration
	// Attempts is the maximum number of attempts for one call, at least 1.
	Attempts int
	// Backoff is the longest wait before the second attempt. It doubles before
	// each later attempt.
	Backoff time.Duration
	// Dial opens a connection.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Standard returns limits for attempts that take up to attempt: 500 ms to
// connect, three attempts, and a first wait of up to 50 ms.
func Standard(attempt time.Duration) Limits {
	return Limits{
		Connect: 500 * time.Millisecond, Handshake: attempt, Attempt: attempt,
		Attempts: 3, Backoff: 50 * time.Millisecond, Dial: (&net.Dialer{}).DialContext,
	}
}

// Streaming returns limits for a service with streamed answers: 500 ms to connect,
// 1 s for the TLS handshake, up to head for the head of an answer, three attempts,
// and a first wait of up to 100 ms. They do not bound the reading of the body.
func Streaming(head time.Duration) Limits {
	l := Standard(0)
	l.Handshake, l.Head, l.Attempt, l.Backoff = time.Second, head, l.Connect+head, 100*time.Millisecond
	return l
}

// Carries reports whether the context's deadline leaves time for the wait and
// an attempt after it.
func (l Limits) Carries(ctx context.Context, wait time.Duration) bool {
	end, ok := ctx.Deadline()
	return !ok || time.Until(end) >= wait+l.Attempt
}

// Jitter returns a random duration from 0 to longest ("full jitter").
func Jitter(longest time.Duration) time.Duration {
	return rand.N(longest + 1) //nolint:gosec // jitter needs no secure randomness
}

// Sleep waits for d. If ctx ends first, it returns the context's cause.
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
