package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/store"
)

// plan returns SQLite's query plan for a statement.
func (s *Store) plan(ctx context.Context, text string, args []any) (string, error) {
	rows, err := s.read.QueryContext(ctx, "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return "", err
		}
		steps = append(steps, detail)
	}
	return strings.Join(steps, "; "), rows.Err()
}

// Every page is a scan of one range of one index. The range begins and ends with
// the page, so SQLite sorts nothing and reads no row that is not on the page.
func TestPagesAreIndexRanges(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	for _, c := range []struct {
		name     string
		from, to int64
		start    store.Position
		up, down string // expected index range, ascending and descending
	}{
		{"all", 0, 0, store.Position{}, "", ""},
		{"from", 3, 0, store.Position{}, " AND created>?", " AND created>?"},
		{"to", 0, 9, store.Position{}, " AND created<?", " AND created<?"},
		{"range", 3, 9, store.Position{}, " AND created>? AND created<?", " AND created>? AND created<?"},
		{"start", 0, 0, position(5), " AND (created,id)>(?,?)", " AND (created,id)<(?,?)"},
		{"start after from", 3, 0, position(5), " AND (created,id)>(?,?)", " AND created>? AND (created,id)<(?,?)"},
		{"start before to", 0, 9, position(5), " AND (created,id)>(?,?) AND created<?", " AND (created,id)<(?,?)"},
		{"start in the range", 3, 9, position(5), " AND (created,id)>(?,?) AND created<?", " AND created>? AND (created,id)<(?,?)"},
		{"start at from", 3, 9, position(3), " AND (created,id)>(?,?) AND created<?", " AND created>? AND (created,id)<(?,?)"},
		{"start before the range", 3, 9, position(1), " AND created>? AND created<?", " AND created>? AND (created,id)<(?,?)"},
		{"start after the range", 3, 9, position(20), " AND (created,id)>(?,?) AND created<?", " AND created>? AND created<?"},
	} {
		for _, after := range []bool{false, true} {
			for owner, index := range map[string]string{"": "by_created (account=?", "u": "by_user (account=? AND owner=?"} {
				for ascending, bounds := range map[bool]string{true: c.up, false: c.down} {
					q := store.Query{Account: "a", Owner: owner, Ascending: ascending, From: seconds(c.from), To: seconds(c.to), Start: c.start}
					q.Start.After = after && !c.start.IsZero()
					text, args := pageStatement(q, q.Start, 51)
					got, err := s.plan(t.Context(), text, args)
					if want := fmt.Sprintf("SEARCH recordings USING INDEX %s%s)", index, bounds); err != nil || got != want {
						t.Errorf("%s, %+v: plan %s, %v, want %s", c.name, q, got, err, want)
					}
				}
			}
		}
	}
}

// Find looks up each ID by the primary key of the table.
func TestFindIsIndexed(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	for _, n := range []int{1, 2, store.MaxFind} {
		text, args := findStatement("a", make([]string, n))
		got, err := s.plan(t.Context(), text, args)
		if want := "SEARCH recordings USING INDEX sqlite_autoindex_recordings_1 (account=? AND id=?)"; err != nil || got != want {
			t.Errorf("plan for %d IDs: %s, %v, want %s", n, got, err, want)
		}
	}
}

// Maintenance statements find their rows by an index.
func TestMaintenanceIsIndexed(t *testing.T) {
	t.Parallel()
	s := openWithTimeout(t, filepath.Join(t.TempDir(), "recordings.db"), busyTimeout)
	for _, c := range []struct {
		text string
		args []any
		want string
	}{
		{selectPending, []any{5}, "USING INDEX pending"},
		{deleteExpired, []any{5, 9}, "USING COVERING INDEX expiring"},
		{deleteExpired, []any{5, 9}, "USING INTEGER PRIMARY KEY (rowid=?)"},
		{deleteExpiredClaims, []any{5, 9}, "USING COVERING INDEX claims_expiring"},
		{deleteExpiredClaims, []any{5, 9}, "USING INTEGER PRIMARY KEY (rowid=?)"},
		{deleteExpiredEntries, []any{5, 9}, "USING COVERING INDEX entries_by_expiry"},
		{deleteExpiredEntries, []any{5, 9}, "USING PRIMARY KEY (partition=? AND key=?)"},
		{selectAwaiting, []any{"a", "202601-a", 5}, "USING INDEX awaiting"},
		{selectModified, []any{5}, "USING INDEX by_modified (modified>?)"},
		{selectAudioKeys, []any{"[]"}, "USING COVERING INDEX by_audio_key (audio_key=?)"},
		{selectDue, []any{Changes, 5, 25}, "USING INDEX queue_waiting (name=?)"},
		{replayParked, []any{Changes}, "USING INDEX queue_parked (name=?)"},
		{retryParked, []any{Changes}, "USING INDEX queue_parked (name=?)"},
		{deleteDone, []any{"[]"}, "USING INTEGER PRIMARY KEY (rowid=?)"},
	} {
		got, err := s.plan(t.Context(), c.text, c.args)
		if err != nil || !strings.Contains(got, c.want) || strings.Contains(got, "TEMP") {
			t.Errorf("plan for %s: %s, %v, want %s and no sorting", c.text, got, err, c.want)
		}
	}
}
