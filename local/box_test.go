package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/callrecordings/api/shared/api"
)

// Every operation of the API has a handler here and a function in the cloud. Without
// a handler, the first request for the operation would panic.
func TestEveryOperationHasAHandler(t *testing.T) {
	t.Parallel()
	b, _, _ := newBox(t)
	handlers, err := b.operations()
	if err != nil {
		t.Fatal(err)
	}
	known := map[api.Operation]bool{api.OpFallback: true}
	for _, r := range api.Routes {
		known[r.Op] = true
	}
	for op := range known {
		if handlers[op] == nil {
			t.Errorf("local/box.go has no handler for the operation %s", op)
		}
	}
	for op := range handlers {
		if !known[op] {
			t.Errorf("local/box.go has a handler for %s, which shared/api does not route", op)
		}
		if _, err := os.Stat(filepath.Join("..", "functions", string(op), "main.go")); err != nil {
			t.Errorf("operation %s has no function: %v", op, err)
		}
	}
}
