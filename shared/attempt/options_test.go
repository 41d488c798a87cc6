package attempt_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/attempt"
)

func TestRequire(t *testing.T) {
	t.Parallel()
	if err := attempt.Require("region", true); err != nil {
		t.Errorf("Require(region, true) = %v, want nil", err)
	}
	if err := attempt.Require("region", false); err == nil || !strings.Contains(err.Error(), "region") {
		t.Errorf("Require(region, false) = %v, want an error that names it", err)
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for value, valid := range map[string]bool{
		"": true, "http://127.0.0.1:9000": true, "https://s3.example.com/path": true,
		"127.0.0.1:9000": false, "ftp://x": false, "http://": false, "http://a b": false,
	} {
		err := attempt.CheckURL("public endpoint", value)
		if (err == nil) != valid || err != nil && !strings.Contains(err.Error(), "the public endpoint is not") {
			t.Errorf("CheckURL(%q) = %v, want valid = %v", value, err, valid)
		}
	}
}

// WithoutURL removes the URL from errors of net/http and keeps the cause.
func TestWithoutURL(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	err := attempt.Warm(t.Context(), attempt.Standard(time.Second).Client(1), server.URL)
	if err == nil || !strings.Contains(err.Error(), server.URL) {
		t.Fatalf("Warm = %v, want an error with the URL", err)
	}
	bare := attempt.WithoutURL(fmt.Errorf("wrapped: %w", err))
	if strings.Contains(bare.Error(), server.URL) || !strings.Contains(bare.Error(), "refused") {
		t.Errorf("WithoutURL = %v, want the cause without %s", bare, server.URL)
	}
	if got := attempt.WithoutURL(context.Canceled); !errors.Is(got, context.Canceled) {
		t.Errorf("WithoutURL = %v, want any other error unchanged", got)
	}
	if got := attempt.WithoutURL(nil); got != nil {
		t.Errorf("WithoutURL(nil) = %v, want nil", got)
	}
}

// Streaming limits bound the wait for the head of an answer, but not the reading of
// its body.
func TestStreaming(t *testing.T) {
	t.Parallel()
	l := attempt.Streaming(time.Minute)
	if l.Head != time.Minute || l.Attempt != time.Minute+500*time.Millisecond || l.Attempts != 3 {
		t.Errorf("Streaming(1m) = head %v, attempt %v, %d attempts, want 1m, 1m0.5s and 3", l.Head, l.Attempt, l.Attempts)
	}
}
