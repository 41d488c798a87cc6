package sqlite

import (
	"context"
	"database/sql"
	"math"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

var _ store.Scanner = (*Store)(nil)

// accountsAtOnce is the number of accounts on a page.
const accountsAtOnce = 100

// selectAccount finds the account after another one. Each of its parts is one step in
// an index.
const selectAccount = "SELECT min(account) FROM (SELECT min(account) AS account FROM recordings WHERE account > ?1" +
	" UNION ALL SELECT min(account) FROM claims WHERE account > ?1)"

// Accounts lists the accounts in their order; see [store.Scanner]. It finds all
// accounts that have recordings, tombstones or claims.
func (s *Store) Accounts(ctx context.Context, cursor string, _ bool) (accounts []string, next string, err error) {
	for len(accounts) < accountsAtOnce {
		var account sql.NullString
		if err := s.read.QueryRowContext(ctx, selectAccount, cursor).Scan(&account); err != nil {
			return nil, "", fail("list accounts", "", "", err)
		}
		if !account.Valid {
			return accounts, "", nil
		}
		cursor = account.String
		accounts = append(accounts, cursor)
	}
	return accounts, cursor, nil
}

// Rows returns recordings and tombstones in the order of their IDs; see [store.Scanner].
func (s *Store) Rows(ctx context.Context, account, after string, limit int) (store.RowPage, error) {
	const action = "scan the recordings of"
	rows, err := s.read.QueryContext(ctx, "SELECT "+rowColumns+" FROM recordings WHERE account = ? AND id > ? ORDER BY id LIMIT ?",
		account, after, limit)
	if err != nil {
		return store.RowPage{}, fail(action, account, "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	var p store.RowPage
	for rows.Next() {
		var w row
		if err := w.scan(rows); err != nil {
			return store.RowPage{}, fail(action, account, "", err)
		}
		p.Rows = append(p.Rows, store.Row{ID: w.r.ID, Found: w.found()})
	}
	if err := rows.Err(); err != nil {
		return store.RowPage{}, fail(action, account, "", err)
	}
	if len(p.Rows) == limit {
		p.Next = p.Rows[limit-1].ID
	}
	return p, nil
}

// lasting is the expiry of a claim that lasts.
const lasting = recording.Seconds(math.MaxInt64)

// Claims returns lasting claims in the order of their keys; see [store.Scanner].
func (s *Store) Claims(ctx context.Context, account, after string, limit int) (store.ClaimPage, error) {
	const action = "scan the claims of"
	rows, err := s.read.QueryContext(ctx, "SELECT key, id FROM claims WHERE account = ? AND key > ? AND expires = ? ORDER BY key LIMIT ?",
		account, after, lasting, limit)
	if err != nil {
		return store.ClaimPage{}, fail(action, account, "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	var p store.ClaimPage
	for rows.Next() {
		var c store.KeptClaim
		if err := rows.Scan(&c.Key, &c.ID); err != nil {
			return store.ClaimPage{}, fail(action, account, "", err)
		}
		p.Claims = append(p.Claims, c)
	}
	if err := rows.Err(); err != nil {
		return store.ClaimPage{}, fail(action, account, "", err)
	}
	if len(p.Claims) == limit {
		p.Next = p.Claims[limit-1].Key
	}
	return p, nil
}

// Unclaim removes an unused claim; see [store.Scanner].
func (s *Store) Unclaim(ctx context.Context, account string, c store.KeptClaim) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		var kept bool
		err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM claims WHERE account = ? AND key = ?)", account, c.Key).Scan(&kept)
		if err != nil || !kept {
			return err
		}
		done, err := tx.ExecContext(ctx, "DELETE FROM claims WHERE account = ?1 AND key = ?2 AND id = ?3 AND expires = ?4"+
			" AND NOT EXISTS (SELECT 1 FROM recordings WHERE account = ?1 AND id = ?3)", account, c.Key, c.ID, lasting)
		return orIfUnchanged(done, err, store.ErrConflict)
	})
	if err != nil {
		return fail("remove a claim of", account, c.ID, err)
	}
	return nil
}
