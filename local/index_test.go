package main

import (
	"database/sql"
	"testing"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/sqlite"
)

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
