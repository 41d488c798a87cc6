package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

const entryColumns = "partition, key, value, revision, expires"

// endOfPrefix follows every key that starts with a prefix: keys are valid UTF-8, which
// never contains the byte 0xFF.
const endOfPrefix = "\xff"

// Entries returns entries by their keys; see [store.EntryReader].
func (s *Store) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	const action = "read an entry of"
	var found []store.Entry
	for _, k := range keys {
		requestlog.From(ctx).Calls++
		rows, err := s.query(ctx, "SELECT "+entryColumns+" FROM entries WHERE partition = ? AND key = ?", k.Partition, k.Key)
		if err != nil {
			return nil, fail(action, k.Partition, "", err)
		}
		entries, err := scanEntries(rows)
		if err != nil {
			return nil, fail(action, k.Partition, "", err)
		}
		found = append(found, entries...)
	}
	return found, nil
}

// PageEntries returns one page of a partition; see [store.EntryReader].
func (s *Store) PageEntries(ctx context.Context, q store.EntryQuery) (store.EntryPage, error) {
	const action = "list the entries of"
	requestlog.From(ctx).Calls++
	text, low, high := "SELECT "+entryColumns+" FROM entries WHERE partition = ? AND key > ? AND key < ? ORDER BY key LIMIT ?", q.After, q.Prefix+endOfPrefix
	if q.Descending {
		text, low = "SELECT "+entryColumns+" FROM entries WHERE partition = ? AND key >= ? AND key < ? ORDER BY key DESC LIMIT ?", q.Prefix
		if q.After != "" {
			high = min(high, q.After)
		}
	} else if q.Prefix > q.After {
		text, low = "SELECT "+entryColumns+" FROM entries WHERE partition = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?", q.Prefix
	}
	rows, err := s.query(ctx, text, q.Partition, low, high, q.Limit+1)
	if err != nil {
		return store.EntryPage{}, fail(action, q.Partition, "", err)
	}
	found, err := scanEntries(rows)
	if err != nil {
		return store.EntryPage{}, fail(action, q.Partition, "", err)
	}
	p := store.EntryPage{Entries: found}
	if len(found) > q.Limit {
		p.Entries = found[:q.Limit]
		p.Next = p.Entries[q.Limit-1].Key
	}
	return p, nil
}

// scanEntries reads and closes rows.
func scanEntries(rows *sql.Rows) ([]store.Entry, error) {
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	var found []store.Entry
	for rows.Next() {
		var e store.Entry
		if err := rows.Scan(&e.Partition, &e.Key, &e.Value, &e.Revision, &e.Expires); err != nil {
			return nil, err
		}
		found = append(found, e)
	}
	return found, rows.Err()
}

// WriteEntries writes entries in one transaction; see [store.Entries].
func (s *Store) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	if len(writes) > store.MaxEntries {
		return fail("write entries of", writes[0].Partition, "", store.ErrTooLarge)
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		for i := range writes {
			if err := s.writeEntry(ctx, tx, &writes[i]); err != nil {
				return fail("write an entry of", writes[i].Partition, "", err)
			}
		}
		return nil
	})
}

// writeEntry applies one write in a transaction.
func (s *Store) writeEntry(ctx context.Context, tx *sql.Tx, w *store.EntryWrite) error {
	if len(w.Value) > store.MaxEntry {
		return store.ErrTooLarge
	}
	var revision string
	err := tx.QueryRowContext(ctx, "SELECT revision FROM entries WHERE partition = ? AND key = ?", w.Partition, w.Key).Scan(&revision)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	exists := err == nil
	switch {
	case w.If == store.IfAbsent && exists, w.If == store.IfUnchanged && (!exists || revision != w.Revision):
		return store.ErrConflict
	case w.CheckOnly:
		return nil
	case w.Delete:
		_, err = tx.ExecContext(ctx, "DELETE FROM entries WHERE partition = ? AND key = ?", w.Partition, w.Key)
		return err
	}
	if revision, err = s.revision(revision); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO entries ("+entryColumns+") VALUES (?,?,?,?,?)"+
		" ON CONFLICT DO UPDATE SET value = excluded.value, revision = excluded.revision, expires = excluded.expires",
		w.Partition, w.Key, w.Value, revision, w.Expires)
	return err
}
