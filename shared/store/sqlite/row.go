package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// columns lists the columns of a recording in the order of fieldsOf; it ends with
// audioColumns.
const (
	columns      = "account, id, owner, created, modified, revision, doc, upload_type, upload_size, upload_sha256, made, " + audioColumns
	marks        = "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?" // one for each column
	audioColumns = "audio_place, audio_key, audio_type, audio_size, audio_state, audio_reason, audio_sha256, audio_sequencer"
)

// audioFields returns pointers to the fields of a that are stored in audioColumns.
func audioFields(a *recording.Audio) []any {
	return []any{&a.Place, &a.Key, &a.ContentType, &a.Size, &a.State, &a.Reason, &a.SHA256, &a.Sequencer}
}

// fieldsOf returns pointers to the fields of r that are stored in columns. They
// serve both to scan a row and as arguments of a statement.
func fieldsOf(r *recording.Recording) []any {
	return append([]any{
		&r.Account, &r.ID, &r.Owner, &r.Created, &r.Modified, &r.Revision, &r.Document,
		&r.Upload.ContentType, &r.Upload.Size, &r.Upload.SHA256, &r.Made,
	}, audioFields(&r.Audio)...)
}

// scanner is *sql.Row or *sql.Rows.
type scanner interface{ Scan(into ...any) error }

func scan(row scanner, r *recording.Recording) error {
	return row.Scan(fieldsOf(r)...)
}

// rowColumns lists the columns in the order of row.scan.
const rowColumns = columns + ", deleted, purge_pending, expires, restore_until, deleted_by, cause"

// row is a row of the table recordings: a recording, or a tombstone if deleted
// is not 0.
type row struct {
	r                       recording.Recording
	deleted, expires, until recording.Seconds
	purgePending            bool
	by                      string
	cause                   store.Cause
}

func (w *row) scan(from scanner) error {
	return from.Scan(append(fieldsOf(&w.r), &w.deleted, &w.purgePending, &w.expires, &w.until, &w.by, &w.cause)...)
}

// maxItem is DynamoDB's limit for an item in bytes. This driver has the same
// limit, so that recordings can move between the two drivers. overhead estimates
// the bytes that an item takes in addition to the texts that checkSize counts.
const (
	maxItem  = 400 << 10
	overhead = 200
)

// checkSize returns an error if r would be too large for DynamoDB.
// Errors: ErrTooLarge.
func checkSize(r *recording.Recording) error {
	n := len(r.Document) + len(r.Upload.ContentType) + 2*len(r.Account) + 3*len(r.ID) + len(r.Owner) + len(r.Audio.Key) + len(r.Audio.ContentType) + overhead
	if n > maxItem {
		return fmt.Errorf("%w: recording %s/%s takes about %d bytes", store.ErrTooLarge, r.Account, r.ID, n)
	}
	return nil
}

const selectOne = "SELECT " + columns + " FROM recordings WHERE account = ? AND id = ? AND deleted = 0"

// Get returns the recording; see [store.Reader].
func (s *Store) Get(ctx context.Context, account, id string) (*recording.Recording, error) {
	requestlog.From(ctx).Calls++
	statement, err := s.reads.get(ctx, s.read, selectOne)
	if err != nil {
		return nil, fail("read", account, id, err)
	}
	r, err := scanRecording(statement.QueryRowContext(ctx, account, id))
	if err != nil {
		return nil, fail("read", account, id, err)
	}
	return r, nil
}

// scanRecording scans a row of columns. Errors: ErrNotFound.
func scanRecording(row *sql.Row) (*recording.Recording, error) {
	var r recording.Recording
	err := scan(row, &r)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// selectRow reads a row, whether it is a recording or a tombstone.
const selectRow = "SELECT " + rowColumns + " FROM recordings WHERE account = ? AND id = ?"

// tombstone returns the row as a tombstone.
func (w *row) tombstone() store.Tombstone {
	t := store.Tombstone{
		Account: w.r.Account, ID: w.r.ID, Revision: w.r.Revision, Created: w.r.Created, Audio: w.r.Audio,
		Deleted: w.deleted, By: w.by, Cause: cmp.Or(w.cause, store.CauseDeleted), Until: w.until,
		PurgePending: w.purgePending, Expires: w.expires,
	}
	if w.until != 0 {
		r := w.r
		t.Recording = &r
	}
	return t
}

// Tombstone returns the tombstone of a deleted recording, strongly consistent.
// Errors: ErrNotFound if there is no tombstone, ErrUnavailable.
func (s *Store) Tombstone(ctx context.Context, account, id string) (store.Tombstone, error) {
	requestlog.From(ctx).Calls++
	var w row
	err := w.scan(s.read.QueryRowContext(ctx, selectRow, account, id))
	if errors.Is(err, sql.ErrNoRows) || err == nil && w.deleted == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Tombstone{}, fail("read the tombstone of", account, id, err)
	}
	return w.tombstone(), nil
}

// selectPending reads the tombstones with a pending purge, in the order of the
// index pending.
const selectPending = "SELECT " + rowColumns + " FROM recordings WHERE purge_pending = 1 ORDER BY deleted LIMIT ?"

// PendingPurges returns up to limit tombstones whose audio is not confirmed
// gone, of all accounts, the oldest first. Errors: ErrUnavailable.
func (s *Store) PendingPurges(ctx context.Context, limit int) ([]store.Tombstone, error) {
	rows, err := s.read.QueryContext(ctx, selectPending, limit)
	if err != nil {
		return nil, fail("list pending purges", "", "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	var pending []store.Tombstone
	for rows.Next() {
		var w row
		if err := w.scan(rows); err != nil {
			return nil, fail("list pending purges", "", "", err)
		}
		pending = append(pending, w.tombstone())
	}
	if err := rows.Err(); err != nil {
		return nil, fail("list pending purges", "", "", err)
	}
	return pending, nil
}
