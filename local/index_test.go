package main

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/sqlite"
)

// A recording that cannot be indexed is given up after two weeks of tries, and not before.
// The index of others goes on.
func TestAnIndexThatKeepsFailingIsGivenUp(t *testing.T) {
	t.Parallel()
	b, now, log := newBox(t)
	b.settings.Search = true
	other, err := sql.Open("sqlite", b.dir.File("recordings.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // the test ends
	exec := func(text string, args ...any) {
		t.Helper()
		if _, err := other.ExecContext(t.Context(), text, args...); err != nil {
			t.Fatal(err)
		}
	}
	index := func(want int) {
		t.Helper()
		if _, err := b.indexChanges(t.Context()); err != nil {
			t.Fatal(err)
		}
		waiting, parked, err := b.store.Counts(t.Context(), sqlite.Index)
		if waiting+parked != want || err != nil {
			t.Fatalf("%d messages are left, %v, want %d: %s", waiting+parked, err, want, log)
		}
		now.add(maxIndexRetry)
	}
	for _, id := range []string{"202601-bad", "202601-good"} {
		r := &recording.Recording{Account: "a", ID: id, Created: 1, Document: `{"from":"+15550100"}`}
		if err := b.store.Put(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TRIGGER broken BEFORE INSERT ON entries WHEN CAST(new.key AS TEXT) LIKE '%bad%' OR CAST(new.value AS TEXT) LIKE '%bad%'" +
		" BEGIN SELECT RAISE(ABORT, 'broken'); END")
	index(1)
	if maxIndexTries*int(maxIndexRetry) != int(14*24*time.Hour) {
		t.Errorf("%d tries take %v, want two weeks", maxIndexTries, time.Duration(maxIndexTries)*maxIndexRetry)
	}
	exec("UPDATE queue SET tries = ?", maxIndexTries-2)
	index(1)
	index(0)
	if text := log.String(); strings.Count(text, "a recording is left out of searches") != 1 || strings.Contains(text, "15550100") {
		t.Errorf("the log is %s, want one line about the recording without its number", text)
	}
}
