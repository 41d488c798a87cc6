package eventlog_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/local/eventlog"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/recording"
)

func event(id string) notify.Event {
	return notify.Event{
		Type: notify.Created, Time: time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC),
		Account: "a", ID: id, Revision: "r", State: recording.Pending,
	}
}

func open(t *testing.T, path string) *eventlog.Log {
	t.Helper()
	l, err := eventlog.Open(path, eventlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// send sends one event for each ID.
func send(t *testing.T, l *eventlog.Log, ids ...string) {
	t.Helper()
	var events []notify.Event
	for _, id := range ids {
		events = append(events, event(id))
	}
	if n, err := l.Send(t.Context(), events); n != len(ids) || err != nil {
		t.Fatalf("Send = %d, %v, want %d", n, err, len(ids))
	}
}

// ids returns the IDs in the file, line by line, with "?" for a line that is not
// an event. It skips empty lines: a writer adds one if it sees another writer's
// half-written line.
func ids(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if line == "\n" {
			continue
		}
		var e struct{ Detail struct{ ID string } }
		if err := json.Unmarshal([]byte(line), &e); err != nil || !strings.HasSuffix(line, "\n") {
			e.Detail.ID = "?"
		}
		found = append(found, e.Detail.ID)
	}
	return strings.Join(found, " ")
}

func TestLines(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	l := open(t, path)
	send(t, l)
	send(t, l, "202601-1", "202601-2")
	send(t, open(t, path), "202601-3") // as by another process, or after a restart
	send(t, l, "202601-4")
	if got, want := ids(t, path), "202601-1 202601-2 202601-3 202601-4"; got != want {
		t.Errorf("the file has %s, want %s", got, want)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	want, _ := json.Marshal(event("202601-1"))
	if first, _, _ := strings.Cut(string(text), "\n"); err != nil || first != string(want) {
		t.Errorf("the first line is %s, %v, want %s", first, err, want)
	}
}

// The lines after a crash are complete, regardless of where the crash cut the last line.
func TestTornLine(t *testing.T) {
	t.Parallel()
	line, err := json.Marshal(event("202601-2"))
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(line) + 2 {
		path := filepath.Join(t.TempDir(), "events.jsonl")
		l := open(t, path)
		send(t, l, "202601-1")
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(whole, append(line, '\n')[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		send(t, l, "202601-2", "202601-3")
		want := "202601-1 ? 202601-2 202601-3"
		switch cut {
		case 0:
			want = "202601-1 202601-2 202601-3"
		case len(line), len(line) + 1: // the line was complete, so its event appears twice
			want = "202601-1 202601-2 202601-2 202601-3"
		}
		if got := ids(t, path); got != want {
			t.Fatalf("cut after %d bytes, the file has %s, want %s", cut, got, want)
		}
	}
}

func TestTwoWriters(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	var wg sync.WaitGroup
	for range 2 {
		l := open(t, path)
		wg.Go(func() {
			for i := range 20 {
				if _, err := l.Send(t.Context(), []notify.Event{event("202601-" + strconv.Itoa(i))}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := strings.Fields(ids(t, path)); len(got) != 40 || strings.Contains(strings.Join(got, " "), "?") {
		t.Errorf("the file has %d lines, want 40 complete ones: %q", len(got), got)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing", "events.jsonl")
	if _, err := eventlog.Open(path, eventlog.Options{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Open = %v, want an error that names %s", err, path)
	}
	l := open(t, filepath.Join(t.TempDir(), "events.jsonl"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	n, err := l.Send(t.Context(), []notify.Event{event("202601-1")})
	if n != 0 || !errors.Is(err, notify.ErrUnavailable) || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Send to a closed file = %d, %v, want %v", n, err, notify.ErrUnavailable)
	}
}
