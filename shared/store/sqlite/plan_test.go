package sqlite

import (
	"crypto/rand"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"callrecordings/shared/store"
)

// Every page is one scan of a part of one index: no sorting, and nothing read
// that is not on the page.
func TestPagesAreIndexRanges(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "recordings.db"), Options{Now: time.Now, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	start := store.Position{Created: 5, ID: "202601-a", After: true}
	for _, q := range []store.Query{
		{},
		{Ascending: true},
		{From: 1, To: 9},
		{Owner: "u"},
		{Owner: "u", From: 1, To: 9, Ascending: true},
		{Start: start},
		{Start: start, Ascending: true},
		{Owner: "u", Start: start},
		{From: 1, To: 9, Start: start, Ascending: true},
	} {
		text, args := statement(q, q.Start, 51)
		rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		index := "by_created (account=?"
		if q.Owner != "" {
			index = "by_user (account=? AND owner=?"
		}
		got := strings.Join(plan, "; ")
		if len(plan) != 1 || !strings.Contains(got, "SEARCH") || !strings.Contains(got, index) {
			t.Errorf("plan of %+v: %s, want one SEARCH of %s", q, got, index)
		}
		if !q.Start.IsZero() && !strings.Contains(got, "created") {
			t.Errorf("plan of %+v: %s, want the start in the range", q, got)
		}
	}
}
