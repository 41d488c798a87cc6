package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"callrecordings/shared/requestlog"
	"callrecordings/shared/store"
)

const keptColumns = "account, id, sum, label, created"

// Secret finds a storage secret; see [store.SecretReader].
func (s *Store) Secret(ctx context.Context, account, id string) (store.Secret, error) {
	requestlog.From(ctx).Calls++
	var found store.Secret
	row := s.read.QueryRowContext(ctx, "SELECT "+keptColumns+" FROM secrets WHERE account = ? AND id = ?", account, id)
	err := row.Scan(&found.Account, &found.ID, &found.Sum, &found.Label, &found.Created)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Secret{}, fail("find a secret of", account, id, err)
	}
	return found, nil
}

// AddSecret stores a storage secret; see [store.Secrets].
func (s *Store) AddSecret(ctx context.Context, added store.Secret) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "INSERT INTO secrets ("+keptColumns+") VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
			added.Account, added.ID, added.Sum, added.Label, added.Created)
		return touched(done, err, store.ErrExists)
	})
	if err != nil {
		return fail("add a secret to", added.Account, added.ID, err)
	}
	return nil
}

// ListSecrets lists storage secrets; see [store.Secrets].
func (s *Store) ListSecrets(ctx context.Context, account string) ([]store.Secret, error) {
	const doing = "list the secrets of"
	rows, err := s.read.QueryContext(ctx, "SELECT "+keptColumns+" FROM secrets WHERE account = ? ORDER BY id", account)
	if err != nil {
		return nil, fail(doing, account, "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	var found []store.Secret
	for rows.Next() {
		var one store.Secret
		if err := rows.Scan(&one.Account, &one.ID, &one.Sum, &one.Label, &one.Created); err != nil {
			return nil, fail(doing, account, "", err)
		}
		found = append(found, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fail(doing, account, "", err)
	}
	return found, nil
}

// RevokeSecret forgets a storage secret; see [store.Secrets].
func (s *Store) RevokeSecret(ctx context.Context, account, id string) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "DELETE FROM secrets WHERE account = ? AND id = ?", account, id)
		return touched(done, err, store.ErrNotFound)
	})
	if err != nil {
		return fail("revoke a secret of", account, id, err)
	}
	return nil
}

// touched is none if a statement changed no row.
func touched(done sql.Result, err, none error) error {
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return none
}
