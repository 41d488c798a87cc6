package eventbridge

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/attempt/attempttest"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/requestlog"
)

// transientFaults are the faults that the bus retries.
var transientFaults = []struct {
	name   string
	answer answer
}{
	{"throttled", respondError(400, "ThrottlingException")},
	{"internal", respondError(500, "InternalException")},
	{"unavailable", respond(503, "<html>Service Unavailable</html>")},
	{"bad gateway", respond(502, "")},
	{"nonsense", respond(200, "<html>hello</html>")},
	{"cut in the body", cut},
	{"connection closed", reset},
	{"no answer", noAnswer},
}

func TestTransientFaultsGetThreeAttempts(t *testing.T) {
	t.Parallel()
	for _, fault := range transientFaults {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, acceptAll, fault.answer)
			log := new(requestlog.Entry)
			n, err := openAt(t, f.url, fastLimits()).Send(requestlog.With(t.Context(), log), events(25))
			if n != 10 || !errors.Is(err, notify.ErrUnavailable) {
				t.Errorf("Send = %d, %v, want 10 and %v", n, err, notify.ErrUnavailable)
			}
			if got := len(f.calls()); got != 4 || log.EventCalls != 4 || log.Events != 10 {
				t.Errorf("%d calls, %d in the log, want 4; %d events, want 10", got, log.EventCalls, log.Events)
			}
			if err != nil && strings.Contains(err.Error(), f.url) {
				t.Errorf("the error shows the URL: %v", err)
			}
		})
	}
}

func TestTransientFaultsRecover(t *testing.T) {
	t.Parallel()
	for _, fault := range transientFaults {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, fault.answer, fault.answer, acceptAll)
			if n, err := openAt(t, f.url, fastLimits()).Send(t.Context(), events(3)); n != 3 || err != nil {
				t.Errorf("Send = %d, %v, want success at the third attempt", n, err)
			}
		})
	}
}

func TestPermanentFaultsAreNotRetried(t *testing.T) {
	t.Parallel()
	limits := fastLimits()
	limits.Attempt = time.Minute // a busy machine must not turn the answer into a time-out
	for _, code := range []string{"AccessDeniedException", "UnrecognizedClientException", "ValidationException", "ResourceNotFoundException"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, respondError(400, code))
			n, err := openAt(t, f.url, limits).Send(t.Context(), events(3))
			if n != 0 || !errors.Is(err, notify.ErrUnavailable) || !strings.Contains(err.Error(), code) || len(f.calls()) != 1 {
				t.Errorf("Send = %d, %v after %d calls, want %v because of %s after 1", n, err, len(f.calls()), notify.ErrUnavailable, code)
			}
		})
	}
}

func TestRefusedConnectionIsUnavailable(t *testing.T) {
	t.Parallel()
	n, err := openAt(t, attempttest.ClosedAddress(t), fastLimits()).Send(t.Context(), events(1))
	if n != 0 || !errors.Is(err, notify.ErrUnavailable) {
		t.Errorf("Send = %d, %v, want %v", n, err, notify.ErrUnavailable)
	}
}

func TestConnectIsBounded(t *testing.T) {
	t.Parallel()
	n := fastLimits()
	n.Connect, n.Attempt = 10*time.Millisecond, time.Minute
	n.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if _, err := openAt(t, "http://192.0.2.1", n).Send(t.Context(), events(1)); !errors.Is(err, notify.ErrUnavailable) {
		t.Errorf("Send = %v, want %v", err, notify.ErrUnavailable)
	}
}

// TestNoAttemptWithoutTime checks that neither a call nor a retry starts if the
// deadline leaves too little time for it.
func TestNoAttemptWithoutTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		left time.Duration
		want int
	}{
		{"no time for an attempt", 30 * time.Second, 0},
		{"time for one attempt, but not for a retry", time.Minute + 30*time.Second, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, respondError(500, "InternalException"))
			n := fastLimits()
			n.Attempt, n.Backoff = time.Minute, 10*time.Second
			ctx, cancel := context.WithTimeout(t.Context(), c.left)
			defer cancel()
			if got, err := openAt(t, f.url, n).Send(ctx, events(3)); got != 0 || !errors.Is(err, notify.ErrUnavailable) {
				t.Errorf("Send = %d, %v, want %v", got, err, notify.ErrUnavailable)
			}
			if got := len(f.calls()); got != c.want {
				t.Errorf("%d calls, want %d", got, c.want)
			}
		})
	}
}

func TestCancellationEndsTheCall(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := newFake(t, func(w http.ResponseWriter, in []entry) {
		cancel()
		noAnswer(w, in)
	})
	n := fastLimits()
	n.Attempt = time.Minute
	_, err := openAt(t, f.url, n).Send(ctx, events(1))
	if !errors.Is(err, notify.ErrUnavailable) || !errors.Is(err, context.Canceled) || len(f.calls()) != 1 {
		t.Errorf("Send = %v after %d calls, want %v because of %v after 1", err, len(f.calls()), notify.ErrUnavailable, context.Canceled)
	}
}

func TestStandardLimits(t *testing.T) {
	t.Parallel()
	n := standard()
	if n.Connect != 500*time.Millisecond || n.Attempt != 2*time.Second || n.Attempts != 3 {
		t.Errorf("standard() = connect %v, attempt %v, %d attempts, want those of the package comment", n.Connect, n.Attempt, n.Attempts)
	}
	for range 100 {
		if d, err := n.Retryer().RetryDelay(2, nil); err != nil || d < 0 || d > 2*n.Backoff {
			t.Fatalf("RetryDelay(2) = %v, %v, want 0 to %v", d, err, 2*n.Backoff)
		}
	}
}
