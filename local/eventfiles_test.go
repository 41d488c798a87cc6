package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// The settings of events.jsonl reach the log of events.
func TestEventsAreRotated(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	p := launchWith(t, path, []string{"EVENTS_MAX_BYTES=1000", "EVENTS_KEEP=2"}, "--empty")
	var names []string
	for i, deadline := 0, time.Now().Add(20*time.Second); time.Now().Before(deadline) && len(names) < 2; i++ {
		id := fmt.Sprintf("202601-%032d", i)
		if a := call(t, p.vars, http.MethodPut, "/recordings", `{"data":{"id":"`+id+`","from":"1001@pbx.example.com"}}`); a.status != http.StatusCreated {
			t.Fatalf("PUT = %d, want 201", a.status)
		}
		names, _ = filepath.Glob(filepath.Join(path, "events-*.jsonl"))
	}
	if len(names) != 2 {
		t.Errorf("renamed files: %q, want two", names)
	}
	stop(t, p, syscall.SIGINT)
}
