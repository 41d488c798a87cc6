package main

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
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

// While 10,000 changes of one account wait, a recording of another is indexed after a turn
// of at most indexTurn of them.
func TestAFloodDoesNotDelayTheIndexOfOthers(t *testing.T) {
	t.Parallel()
	const busy, quiet, flood = "a0000000000000000000000000000000", "b0000000000000000000000000000000", 10_000
	b, _, _ := newBox(t)
	b.settings.Search = true
	db, err := sql.Open("sqlite", b.dir.File("recordings.db"))
	if err == nil {
		_, err = db.ExecContext(t.Context(), "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT ?)"+
			" INSERT INTO queue (name, account, body) SELECT ?, ?, printf('202601-%032x', n) FROM n", flood, sqlite.Index, busy)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r := recording.Recording{
		Account: quiet, ID: "202601-00000000000000000000000000000001", Created: 63_900_000_000, Modified: 63_900_000_000,
		Document: `{"caller_id_name":"Renate"}`,
	}
	if err := b.store.Put(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	if more, err := b.indexChanges(t.Context()); err != nil || !more {
		t.Fatalf("indexChanges = %t, %v", more, err)
	}
	renate, err := search.Parse("renate")
	if err != nil {
		t.Fatal(err)
	}
	p, err := search.Page(t.Context(), b.store, renate, store.Query{Account: quiet, Limit: 5}, nil)
	if err != nil || len(p.Recordings) != 1 {
		t.Errorf("the search of the quiet account finds %d recordings, %v", len(p.Recordings), err)
	}
	if waiting, _, err := b.store.Counts(t.Context(), sqlite.Index); err != nil || waiting != flood-indexTurn {
		t.Errorf("%d changes wait, %v, want %d", waiting, err, flood-indexTurn)
	}
}
