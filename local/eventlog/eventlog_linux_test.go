package eventlog_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"callrecordings/local/eventlog"
	"callrecordings/shared/notify"
)

// Linux has a disk that is full.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	l, err := eventlog.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // nothing can be written to it
	n, err := l.Send(t.Context(), []notify.Event{event("202601-1")})
	if n != 0 || !errors.Is(err, notify.ErrUnavailable) {
		t.Errorf("Send = %d, %v, want %v", n, err, notify.ErrUnavailable)
	}
}
