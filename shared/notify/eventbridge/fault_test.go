package eventbridge

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"callrecordings/shared/notify"
	"callrecordings/shared/requestlog"
)

// passing are the faults that may pass, so that they are tried again.
var passing = []struct {
	name   string
	answer answer
}{
	{"throttled", refuse(400, "ThrottlingException")},
	{"internal", refuse(500, "InternalException")},
	{"unavailable", say(503, "<html>Service Unavailable</html>")},
	{"bad gateway", say(502, "")},
	{"nonsense", say(200, "<html>hello</html>")},
	{"cut in the body", cut},
	{"connection closed", reset},
	{"no answer", silence},
}

func TestPassingFaultsAreTriedThreeTimes(t *testing.T) {
	t.Parallel()
	for _, fault := range passing {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, all, fault.answer)
			log := new(requestlog.Entry)
			n, err := at(t, f.url, hurried()).Send(requestlog.With(t.Context(), log), events(25))
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

func TestPassingFaultsPass(t *testing.T) {
	t.Parallel()
	for _, fault := range passing {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, fault.answer, fault.answer, all)
			if n, err := at(t, f.url, hurried()).Send(t.Context(), events(3)); n != 3 || err != nil {
				t.Errorf("Send = %d, %v, want success at the third attempt", n, err)
			}
		})
	}
}

func TestLastingFaultsAreNotTriedAgain(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"AccessDeniedException", "UnrecognizedClientException", "ValidationException", "ResourceNotFoundException"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, refuse(400, code))
			n, err := at(t, f.url, hurried()).Send(t.Context(), events(3))
			if n != 0 || !errors.Is(err, notify.ErrUnavailable) || !strings.Contains(err.Error(), code) || len(f.calls()) != 1 {
				t.Errorf("Send = %d, %v after %d calls, want %v because of %s after 1", n, err, len(f.calls()), notify.ErrUnavailable, code)
			}
		})
	}
}

func TestRefusedConnectionIsUnavailable(t *testing.T) {
	t.Parallel()
	n, err := at(t, refused(t), hurried()).Send(t.Context(), events(1))
	if n != 0 || !errors.Is(err, notify.ErrUnavailable) {
		t.Errorf("Send = %d, %v, want %v", n, err, notify.ErrUnavailable)
	}
}

func TestConnectingIsBounded(t *testing.T) {
	t.Parallel()
	n := hurried()
	n.Connect, n.Attempt = 10*time.Millisecond, time.Minute
	n.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if _, err := at(t, "http://192.0.2.1", n).Send(t.Context(), events(1)); !errors.Is(err, notify.ErrUnavailable) {
		t.Errorf("Send = %v, want %v", err, notify.ErrUnavailable)
	}
}

// What the deadline would not carry is not begun: neither a call nor another
// attempt of one.
func TestNoAttemptThatTheDeadlineWouldNotCarry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		left time.Duration
		want int
	}{
		{"no time for an attempt", 30 * time.Second, 0},
		{"time for one, but not for a wait as well", time.Minute + 30*time.Second, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, refuse(500, "InternalException"))
			n := hurried()
			n.Attempt, n.Backoff = time.Minute, 10*time.Second
			ctx, cancel := context.WithTimeout(t.Context(), c.left)
			defer cancel()
			if got, err := at(t, f.url, n).Send(ctx, events(3)); got != 0 || !errors.Is(err, notify.ErrUnavailable) {
				t.Errorf("Send = %d, %v, want %v", got, err, notify.ErrUnavailable)
			}
			if got := len(f.calls()); got != c.want {
				t.Errorf("%d calls, want %d", got, c.want)
			}
		})
	}
}

func TestCallerWhoLeavesEndsTheCall(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := newFake(t, func(w http.ResponseWriter, in []entry) {
		cancel()
		silence(w, in)
	})
	n := hurried()
	n.Attempt = time.Minute
	_, err := at(t, f.url, n).Send(ctx, events(1))
	if !errors.Is(err, notify.ErrUnavailable) || !errors.Is(err, context.Canceled) || len(f.calls()) != 1 {
		t.Errorf("Send = %v after %d calls, want %v because of %v after 1", err, len(f.calls()), notify.ErrUnavailable, context.Canceled)
	}
}

func TestStandardNetwork(t *testing.T) {
	t.Parallel()
	n := standard()
	if n.Connect != 500*time.Millisecond || n.Attempt != 2*time.Second || n.Attempts != 3 {
		t.Errorf("standard() = connect %v, attempt %v, %d attempts, want the figures of the package comment", n.Connect, n.Attempt, n.Attempts)
	}
	for range 100 {
		if d, err := n.Retryer().RetryDelay(2, nil); err != nil || d < 0 || d > 2*n.Backoff {
			t.Fatalf("RetryDelay(2) = %v, %v, want 0 to %v", d, err, 2*n.Backoff)
		}
	}
}
