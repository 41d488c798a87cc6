// Package attempt holds the code that the drivers of AWS services (store/dynamo,
// media/s3media and notify/eventbridge) share: the HTTP client, the retries, the
// count of attempts in the request log, and the checks of options. A driver keeps
// only its own values.
//
// Every call ends. [Limits] bounds connecting, each attempt, the number of
// attempts and the wait before a retry. Attempts fit into the time that the
// context's deadline leaves, and end early enough for the caller to answer
// ([Left]). A retry starts only if enough time remains for it to be useful
// (docs/adr/007-time-outs.md). The SDK's defaults are not used because its connect
// time-out of 30 s is longer than the gateway waits for a function (29 s).
//
// Jitter and Sleep also serve clients of other services (incoming/importer).
//
// # Failure modes
//
// An attempt may succeed although its answer is lost.
// The retry then repeats the request, so each driver must recognize its own
// write or tolerate a duplicate. [Watch] reports whether an answer was lost.
package attempt

import (
	"cmp"
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
	// Streams names the operation with a streamed answer, such as "GetObject"; ""
	// for none. The caller reads the answer after the attempt.
	Streams string
	// Attempt is the longest that an attempt takes, from connecting to the last
	// byte of the answer. If Head is set, only sending a request counts on top: its
	// length depends on the body, so each write to the connection is bounded
	// instead.
	Attempt time.Duration
	// Useful is how much time must remain before the deadline for a retry to start.
	// An attempt may take longer. 0 means Attempt.
	Useful time.Duration
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
// and a first wait of up to 100 ms. A retry starts if two seconds are left. They do
// not bound the reading of the body.
func Streaming(head time.Duration) Limits {
	l := Standard(0)
	l.Handshake, l.Head, l.Attempt, l.Backoff = time.Second, head, l.Connect+head, 100*time.Millisecond
	l.Useful = 2 * time.Second
	return l
}

// Carries reports whether the context's deadline leaves time for the wait and a
// useful attempt after it.
func (l Limits) Carries(ctx context.Context, wait time.Duration) bool {
	end, ok := ctx.Deadline()
	return !ok || time.Until(end) >= wait+cmp.Or(l.Useful, l.Attempt)
}

// answer is the time that an attempt leaves its caller to answer the caller's own
// client before the deadline.
const answer = time.Second

// Left returns how long a step may take: most, or less near the context's deadline.
// It keeps the last second before the deadline free, or half of the remaining time
// if less than two seconds remain.
func Left(ctx context.Context, most time.Duration) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return most
	}
	left := time.Until(end)
	return min(most, max(left-answer, left/2))
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
