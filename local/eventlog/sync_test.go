package eventlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/notify"
)

// A power cut loses no accepted event and no name of a file: Open syncs the folder, Send
// syncs the lines that it has written, and the folder again after a renaming.
func TestEventsAndNamesAreSynced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "events.jsonl")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	var synced []string
	record := func(f *os.File) error {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		what := filepath.Base(f.Name())
		if !info.IsDir() {
			what += fmt.Sprintf(" with %d lines", lines(t, f.Name()))
		} else if old, err := filepath.Glob(filepath.Join(f.Name(), "events-*")); err != nil || len(old) > 0 {
			what += " with a renamed file"
		}
		synced = append(synced, what)
		return nil
	}
	l := openLog(t, path, Options{MaxBytes: perFile, Keep: 5, sync: record})
	for _, want := range [][]string{
		{"data", "events.jsonl with 3 lines"},
		{"data with a renamed file", "events.jsonl with 3 lines"}, // the first file has reached its limit
	} {
		events := []notify.Event{numbered(1), numbered(2), numbered(3)}
		if n, err := l.Send(t.Context(), events); n != len(events) || err != nil {
			t.Fatalf("Send = %d, %v, want %d", n, err, len(events))
		}
		if !slices.Equal(synced, want) {
			t.Errorf("synced %q, want %q", synced, want)
		}
		synced = nil
	}
}

// lines returns the number of lines in a file.
func lines(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

// A log does not open if its folder cannot be synced, because a power cut might then remove
// the file with all its events.
func TestOpenFailsIfTheFolderCannotBeSynced(t *testing.T) {
	t.Parallel()
	failure := errors.New("no sync")
	l, err := Open(filepath.Join(t.TempDir(), "events.jsonl"), Options{sync: func(*os.File) error { return failure }})
	if !errors.Is(err, failure) {
		t.Errorf("Open = %v, %v, want %v", l, err, failure)
	}
}
