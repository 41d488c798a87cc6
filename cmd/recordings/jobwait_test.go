package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// job wait ends when the plan of a job is complete, because the job may never be confirmed. If it
// has been confirmed, job wait goes on.
func TestJobWaitStopsAtThePlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		states         []string // of one answer each; the last one stays
		code           int
		stdout, stderr string
	}{
		"nobody confirms": {[]string{"planning", "planned"}, failed, "", "the plan is not confirmed; to confirm it: recordings job confirm J --count 2\n"},
		"confirmed":       {[]string{"planning", "planned", "running", "done"}, done, "job J is done", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				state := c.states[min(int(asked.Add(1)), len(c.states))-1]
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"data":{"id":"J","action":"export","state":"`+state+`","plan":{"count":2,"bytes":300}},"status":"success"}`)
			}))
			t.Cleanup(server.Close)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var stdout, stderr bytes.Buffer
			e := env{getenv: func(string) string { return "" }, now: time.Now, stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
			code := run(ctx, e, []string{"job", "wait", "J", "--url", server.URL, "--token", "t", "--account", "a"})
			if code != c.code || !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("job wait = %d, %q, %q, want %d, %q, %q", code, stdout.String(), stderr.String(), c.code, c.stdout, c.stderr)
			}
		})
	}
}
