package sqlite

import (
	"context"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// Find looks up many recordings; see [store.Finder].
func (s *Store) Find(ctx context.Context, account string, ids []string) (map[string]store.Found, error) {
	const action = "find recordings of"
	found := make(map[string]store.Found, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	requestlog.From(ctx).Calls++
	text, args := findStatement(account, ids)
	rows, err := s.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fail(action, account, "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	for rows.Next() {
		var w row
		if err := w.scan(rows); err != nil {
			return nil, fail(action, account, "", err)
		}
		found[w.r.ID] = w.found()
	}
	if err := rows.Err(); err != nil {
		return nil, fail(action, account, "", err)
	}
	return found, nil
}

// findStatement returns the query for the rows of ids, at least one, and its
// arguments.
func findStatement(account string, ids []string) (string, []any) {
	args := []any{account}
	for _, id := range ids {
		args = append(args, id)
	}
	return "SELECT " + rowColumns + " FROM recordings WHERE account = ? AND id IN (?" + strings.Repeat(",?", len(ids)-1) + ")", args
}

// found returns the row as the result of a lookup.
func (w *row) found() store.Found {
	if w.deleted == 0 {
		return store.Found{Recording: &w.r}
	}
	t := w.tombstone()
	return store.Found{Tombstone: &t}
}

// Revive stores a new recording and may replace a tombstone; see
// [store.Reviver]. It deletes the tombstone's row and inserts a new one, so that
// the recording does not inherit the tombstone's expiry.
func (s *Store) Revive(ctx context.Context, r *recording.Recording, tombstone string) error {
	return s.put(ctx, "revive", r, func(old *row) bool {
		return !old.purgePending && old.until == 0 && (tombstone == "" || tombstone == old.r.Revision)
	})
}
