package attempt_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/requestlog"
)

// Lost is true if any failed attempt may have taken effect, even if a retry
// succeeded.
func TestWatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first http.HandlerFunc
		want  bool
	}{
		"success":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }, false},
		"throttled": {throttled, false},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"TableNames":`)
		}, true},
		"reset":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true},
		"server error": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, true},
		"late":         {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if calls++; calls == 1 {
					c.first(w, r)
					return
				}
				_, _ = io.WriteString(w, "{}")
			}))
			defer server.Close()
			defer server.CloseClientConnections()
			l := attempt.Standard(time.Minute)
			if name == "late" {
				l = attempt.Standard(200 * time.Millisecond)
			}
			l.Backoff = time.Millisecond
			ctx, watched := attempt.Watch(requestlog.With(t.Context(), new(requestlog.Entry)))
			_, err := client(server.URL, l).ListTables(ctx, &dynamodb.ListTablesInput{})
			if err != nil || watched.Lost() != c.want {
				t.Errorf("ListTables = %v, Lost = %v, want success and %v", err, watched.Lost(), c.want)
			}
		})
	}
}

func throttled(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = io.WriteString(w, `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}`)
}

// An attempt with a refused connection cannot have taken effect.
func TestWatchWithoutAConnection(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	l := attempt.Standard(200 * time.Millisecond)
	l.Backoff = time.Millisecond
	ctx, watched := attempt.Watch(requestlog.With(t.Context(), new(requestlog.Entry)))
	if _, err := client(server.URL, l).ListTables(ctx, &dynamodb.ListTablesInput{}); err == nil || watched.Lost() {
		t.Errorf("ListTables = %v, Lost = %v, want an error and false", err, watched.Lost())
	}
}
