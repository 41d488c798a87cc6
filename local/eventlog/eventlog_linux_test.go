package eventlog_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/callrecordings/api/local/eventlog"
	"github.com/callrecordings/api/shared/notify"
)

// On Linux, /dev/full behaves like a full disk.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	l, err := eventlog.Open(path, eventlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // every write to it fails
	n, err := l.Send(t.Context(), []notify.Event{event("202601-1")})
	if n != 0 || !errors.Is(err, notify.ErrUnavailable) {
		t.Errorf("Send = %d, %v, want %v", n, err, notify.ErrUnavailable)
	}
}

// An event counts as accepted only once its line is synced. On Linux, /dev/null
// takes every write but cannot be synced.
func TestUnsyncedEventsAreNotAccepted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.Symlink("/dev/null", path); err != nil {
		t.Fatal(err)
	}
	l, err := eventlog.Open(path, eventlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it holds nothing
	n, err := l.Send(t.Context(), []notify.Event{event("202601-1"), event("202601-2")})
	if n != 0 || !errors.Is(err, notify.ErrUnavailable) {
		t.Errorf("Send = %d, %v, want 0 and %v", n, err, notify.ErrUnavailable)
	}
}
