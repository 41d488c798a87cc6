package sqlite

import (
	"context"
	"strings"

	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// Page reads a page of a list; see [store.Reader].
func (s *Store) Page(ctx context.Context, q store.Query) (store.Page, error) {
	for a := store.NewAssembler(q); ; {
		all, err := s.rows(ctx, q, a)
		if err != nil {
			return store.Page{}, fail("list", q.Account, q.Owner, err)
		}
		if !a.More(ctx, all) {
			return a.Page(), nil
		}
	}
}

// rows reads the rows after a's last row once and passes them to a. It reports
// whether there may be more rows.
func (s *Store) rows(ctx context.Context, q store.Query, a *store.Assembler) (mayBeMore bool, err error) {
	requestlog.From(ctx).Calls++
	limit := a.Rows()
	text, args := pageStatement(q, a.Last(), limit)
	rows, err := s.query(ctx, text, args...)
	if err != nil {
		return false, err
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	n := 0
	for ; rows.Next(); n++ {
		more, err := addRow(rows, a, q.Deleted)
		if err != nil {
			return false, err
		}
		if !more {
			return true, nil
		}
	}
	return n == limit, rows.Err()
}

// addRow scans a row and passes it to a. It reports whether the page needs another row.
func addRow(rows scanner, a *store.Assembler, deleted bool) (bool, error) {
	var w row
	if !deleted {
		err := scan(rows, &w.r)
		return err == nil && a.Add(&w.r, len(w.r.Document)+len(w.r.ID)), err
	}
	if err := w.scan(rows); err != nil {
		return false, err
	}
	t := w.tombstone()
	return a.AddTombstone(&t, len(w.r.Document)+len(w.r.ID)), nil
}

// pageStatement returns the query for the rows of q's range from start on, and
// its arguments. All conditions are on the columns of one index, in the index's
// order, and each end of the range has a single condition. SQLite then scans
// exactly the part of the index that the page needs. With two conditions on one
// end, SQLite might seek by one and test every row against the other.
func pageStatement(q store.Query, start store.Position, limit int) (string, []any) {
	var b strings.Builder
	selected, column, index, args := columns, "created", "by_created", []any{q.Account}
	byUser, where := "by_user", " WHERE deleted = 0 AND account = ?"
	if q.Deleted {
		selected, column, index, byUser, where = rowColumns, "restore_until", "restorable", "restorable_by_user", " WHERE restore_until <> 0 AND account = ?"
	}
	if q.Owner != "" {
		index, args = byUser, append(args, q.Owner)
		where += " AND owner = ?"
	}
	b.WriteString("SELECT " + selected + " FROM recordings INDEXED BY " + index + where)
	from, to := q.From, q.To
	order, compare := " DESC", "<"
	if q.Ascending {
		order, compare = " ASC", ">"
	}
	if within(q, start) {
		if q.Ascending {
			from = 0
		} else {
			to = 0
		}
		if !start.After {
			compare += "="
		}
		b.WriteString(" AND (" + column + ", id) " + compare + " (?, ?)")
		args = append(args, start.Created, start.ID)
	}
	if from > 0 {
		b.WriteString(" AND " + column + " >= ?")
		args = append(args, from)
	}
	if to > 0 {
		b.WriteString(" AND " + column + " <= ?")
		args = append(args, to)
	}
	b.WriteString(" ORDER BY " + column + order + ", id" + order + " LIMIT ?")
	return b.String(), append(args, limit)
}

// within reports whether the page begins at start rather than at the end of q's
// range.
func within(q store.Query, start store.Position) bool {
	switch {
	case start.IsZero():
		return false
	case q.Ascending:
		return q.From <= 0 || start.Created >= q.From
	}
	return q.To <= 0 || start.Created <= q.To
}
