package sqlite

import (
	"context"
	"strings"

	"callrecordings/shared/recording"
	"callrecordings/shared/requestlog"
	"callrecordings/shared/store"
)

// Find looks up many recordings; see [store.Finder].
func (s *Store) Find(ctx context.Context, account string, ids []string) (map[string]store.Found, error) {
	const doing = "find recordings of"
	found := make(map[string]store.Found, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	requestlog.From(ctx).Calls++
	text, args := finding(account, ids)
	rows, err := s.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fail(doing, account, "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	for rows.Next() {
		var w row
		if err := w.scan(rows); err != nil {
			return nil, fail(doing, account, "", err)
		}
		found[w.r.ID] = w.found()
	}
	if err := rows.Err(); err != nil {
		return nil, fail(doing, account, "", err)
	}
	return found, nil
}

// finding selects the rows of ids, at least one.
func finding(account string, ids []string) (string, []any) {
	args := []any{account}
	for _, id := range ids {
		args = append(args, id)
	}
	return "SELECT " + rowColumns + " FROM recordings WHERE account = ? AND id IN (?" + strings.Repeat(",?", len(ids)-1) + ")", args
}

// found is what the row says.
func (w *row) found() store.Found {
	if w.deleted == 0 {
		return store.Found{Recording: &w.r}
	}
	return store.Found{Tombstone: &store.Tombstone{
		Account: w.r.Account, ID: w.r.ID, Created: w.r.Created, Audio: w.r.Audio,
		PurgePending: w.purgePending, Expires: w.expires,
	}}
}

// Revive stores a recording, also in place of a tombstone; see [store.Reviver].
// The row is new, so nothing of the tombstone stays in it: what still had its
// expiry would vanish with it.
func (s *Store) Revive(ctx context.Context, r *recording.Recording) error {
	return s.put(ctx, "revive", r, func(was *row) bool { return !was.purgePending })
}
