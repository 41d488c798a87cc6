package attempt_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/requestlog"
)

func TestCarries(t *testing.T) {
	t.Parallel()
	l := attempt.Standard(time.Second)
	if !l.Carries(context.Background(), time.Hour) {
		t.Error("Carries without a deadline = false, want true")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for wait, want := range map[time.Duration]bool{0: true, 8 * time.Second: true, 9500 * time.Millisecond: false, time.Hour: false} {
		if got := l.Carries(ctx, wait); got != want {
			t.Errorf("Carries(%v) with 10 s left = %v, want %v", wait, got, want)
		}
	}
}

// An attempt leaves a second before the deadline, or half of a short time.
func TestLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if got := attempt.Left(t.Context(), time.Hour); got != time.Hour {
			t.Errorf("Left without a deadline = %v, want 1h", got)
		}
		for left, want := range map[time.Duration]time.Duration{
			time.Minute: 10 * time.Second, 11 * time.Second: 10 * time.Second, 5 * time.Second: 4 * time.Second,
			2 * time.Second: time.Second, time.Second: 500 * time.Millisecond, 0: 0,
		} {
			ctx, cancel := context.WithTimeout(t.Context(), left)
			if got := attempt.Left(ctx, 10*time.Second); got != want {
				t.Errorf("Left with %v before the deadline = %v, want %v", left, got, want)
			}
			cancel()
		}
	})
}

// A retry starts even if a whole attempt no longer fits. Every attempt ends early
// enough for the caller to answer.
func TestAttemptsFitTheDeadline(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]http.HandlerFunc{
		"silent": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"first attempt fails": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
		},
	} {
		var calls atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			if calls.Add(1) == 1 {
				serve(w, r)
				return
			}
			_, _ = io.WriteString(w, `{"TableNames":[]}`)
		}))
		l := attempt.Standard(time.Hour)
		l.Backoff, l.Useful = time.Millisecond, time.Second
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		began := time.Now()
		_, err := client(server.URL, l).ListTables(ctx, &dynamodb.ListTablesInput{})
		took, wanted := time.Since(began), name == "first attempt fails"
		cancel()
		server.CloseClientConnections()
		server.Close()
		if (err == nil) != wanted || took > 2900*time.Millisecond {
			t.Errorf("%s: %v after %v, want success: %v, before the deadline of 3 s", name, err, took, wanted)
		}
		if !wanted && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want the deadline as its cause", name, err)
		}
	}
}

func TestJitter(t *testing.T) {
	t.Parallel()
	for range 1000 {
		if d := attempt.Jitter(3); d < 0 || d > 3 {
			t.Fatalf("Jitter(3) = %d", d)
		}
	}
}

// client returns a client of the server with the limits l. It counts attempts as
// Calls in the log entry.
func client(url string, l attempt.Limits) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "eu-west-1", BaseEndpoint: &url, HTTPClient: l.Client(1), Retryer: l.Retryer(),
		APIOptions: l.APIOptions(func(e *requestlog.Entry) { e.Calls++ }),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}, nil
		}),
	})
}

// A call gets three attempts if the server is slow, breaks off midway through an
// answer, or answers 503. It gets fewer if the deadline leaves no time.
func TestAttempts(t *testing.T) {
	t.Parallel()
	limits := attempt.Standard(100 * time.Millisecond)
	limits.Backoff = time.Millisecond
	for name, serve := range map[string]http.HandlerFunc{
		"slow": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		},
		"broken": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"TableNames":`))
		},
		"unavailable": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
	} {
		for _, c := range []struct {
			left time.Duration
			want int
		}{{time.Minute, 3}, {150 * time.Millisecond, 1}} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				serve(w, r)
			}))
			l := limits
			if c.want == 1 {
				l.Backoff = 50 * time.Millisecond // more than the time that is left
			}
			entry := &requestlog.Entry{}
			ctx, cancel := context.WithTimeout(requestlog.With(t.Context(), entry), c.left)
			_, err := client(server.URL, l).ListTables(ctx, &dynamodb.ListTablesInput{})
			cancel()
			server.CloseClientConnections()
			server.Close()
			if err == nil || entry.Calls != c.want {
				t.Errorf("%s, with %v left: %d attempts, error %v, want %d attempts", name, c.left, entry.Calls, err, c.want)
			}
			if c.want == 1 && !errors.Is(err, attempt.ErrNoTime) && ctx.Err() == nil {
				t.Errorf("%s: %v, want ErrNoTime", name, err)
			}
		}
	}
}

func TestSleep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := attempt.Sleep(t.Context(), time.Minute); err != nil || time.Since(began) != time.Minute {
			t.Errorf("Sleep = %v after %v, want nil after a minute", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("enough"))
		defer cancel()
		if err := attempt.Sleep(ctx, time.Minute); err == nil || err.Error() != "enough" || time.Since(began) != 61*time.Second {
			t.Errorf("Sleep = %v after %v, want \"enough\" after a second", err, time.Since(began)-time.Minute)
		}
	})
}
