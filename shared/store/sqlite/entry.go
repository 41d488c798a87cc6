package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

const entryColumns = "partition, key, value, revision, expires"

// The statements that read entries. The first parameter is the current time, because
// an expired entry counts as absent.
const (
	liveEntries  = " FROM entries WHERE (expires = 0 OR expires > ?) AND partition = ? AND "
	selectEntry  = "SELECT " + entryColumns + liveEntries + "key = ?"
	revisionOf   = "SELECT revision" + liveEntries + "key = ?"
	currentEntry = "SELECT revision, value" + liveEntries + "key = ?"
	entriesAfter = "SELECT " + entryColumns + liveEntries + "key > ? AND key < ? ORDER BY key LIMIT ?"
	entriesFrom  = "SELECT " + entryColumns + liveEntries + "key >= ? AND key < ? ORDER BY key LIMIT ?"
	entriesDown  = "SELECT " + entryColumns + liveEntries + "key >= ? AND key < ? ORDER BY key DESC LIMIT ?"
)

// endOfPrefix follows every key that starts with a prefix: keys are valid UTF-8, which
// never contains the byte 0xFF.
const endOfPrefix = "\xff"

// Entries returns entries by their keys; see [store.EntryReader].
func (s *Store) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	const action = "read an entry of"
	var found []store.Entry
	for _, k := range keys {
		requestlog.From(ctx).Calls++
		rows, err := s.query(ctx, selectEntry, recording.SecondsOf(s.now()), k.Partition, k.Key)
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
	text, low, high := entriesAfter, q.After, q.Prefix+endOfPrefix
	if q.Descending {
		text, low = entriesDown, q.Prefix
		if q.After != "" {
			high = min(high, q.After)
		}
	} else if q.Prefix > q.After {
		text, low = entriesFrom, q.Prefix
	}
	rows, err := s.query(ctx, text, recording.SecondsOf(s.now()), q.Partition, low, high, q.Limit+1)
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
	if err := store.CheckEntries(writes); err != nil {
		return err
	}
	requestlog.From(ctx).Calls++
	if len(writes) == 0 {
		return nil
	}
	at := writes[0].Partition
	err := s.change(ctx, func(tx *sql.Tx) error {
		for i := range writes {
			at = writes[i].Partition
			if err := s.writeEntry(ctx, tx, &writes[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fail("write an entry of", at, "", err)
	}
	return nil
}

// writeEntry applies one write in a transaction.
func (s *Store) writeEntry(ctx context.Context, tx *sql.Tx, w *store.EntryWrite) error {
	var revision string
	var old []byte
	err := tx.QueryRowContext(ctx, currentEntry, recording.SecondsOf(s.now()), w.Partition, w.Key).Scan(&revision, &old)
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
	value := w.Value
	if w.Counts() {
		if value, err = counted(old, w); err != nil {
			return err
		}
	}
	if revision, err = s.revision(revision); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO entries ("+entryColumns+") VALUES (?,?,?,?,?)"+
		" ON CONFLICT DO UPDATE SET value = excluded.value, revision = excluded.revision, expires = excluded.expires",
		w.Partition, w.Key, value, revision, w.Expires)
	return err
}

// counted returns the value of a counter after w. A value that is not one of a counter
// counts as empty.
func counted(old []byte, w *store.EntryWrite) ([]byte, error) {
	numbers := map[string]int64{}
	if json.Unmarshal(old, &numbers) != nil {
		numbers = map[string]int64{}
	}
	for name, n := range w.Add {
		numbers[name] += n
	}
	maps.Copy(numbers, w.Set)
	return json.Marshal(numbers)
}

// WriteEach writes entries; see [store.BulkWriter]. It is one transaction, so that it
// takes one sync of the disk.
func (s *Store) WriteEach(ctx context.Context, writes ...store.EntryWrite) error {
	return s.WriteEntries(ctx, writes...)
}
