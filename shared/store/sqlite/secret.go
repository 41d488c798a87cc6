package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

const secretColumns = "account, id, sum, label, created" //nolint:gosec // names of columns

// valid is the condition of a row with a secret. The row of a revoked secret has no
// checksum, and keeps the ID taken.
const valid = "sum <> ''"

// Secret looks up a storage secret; see [store.SecretReader].
func (s *Store) Secret(ctx context.Context, account, id string) (store.Secret, error) {
	requestlog.From(ctx).Calls++
	var secret store.Secret
	row := s.read.QueryRowContext(ctx, "SELECT "+secretColumns+" FROM secrets WHERE account = ? AND id = ? AND "+valid, account, id)
	err := row.Scan(&secret.Account, &secret.ID, &secret.Sum, &secret.Label, &secret.Created)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Secret{}, fail("look up a secret of", account, id, err)
	}
	return secret, nil
}

// AddSecret stores a storage secret; see [store.Secrets].
func (s *Store) AddSecret(ctx context.Context, secret store.Secret) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "INSERT INTO secrets ("+secretColumns+") VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
			secret.Account, secret.ID, secret.Sum, secret.Label, secret.Created)
		return orIfUnchanged(done, err, store.ErrExists)
	})
	if err != nil {
		return fail("add a secret to", secret.Account, secret.ID, err)
	}
	return nil
}

// ListSecrets lists storage secrets; see [store.Secrets].
func (s *Store) ListSecrets(ctx context.Context, account string) ([]store.Secret, error) {
	const action = "list the secrets of"
	rows, err := s.read.QueryContext(ctx, "SELECT "+secretColumns+" FROM secrets WHERE account = ? AND "+valid+" ORDER BY id", account)
	if err != nil {
		return nil, fail(action, account, "", err)
	}
	defer rows.Close() //nolint:errcheck // reported by rows.Err
	var found []store.Secret
	for rows.Next() {
		var one store.Secret
		if err := rows.Scan(&one.Account, &one.ID, &one.Sum, &one.Label, &one.Created); err != nil {
			return nil, fail(action, account, "", err)
		}
		found = append(found, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fail(action, account, "", err)
	}
	return found, nil
}

// RevokeSecret removes a storage secret; see [store.Secrets].
func (s *Store) RevokeSecret(ctx context.Context, account, id string) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, "UPDATE secrets SET sum = '', label = '' WHERE account = ? AND id = ? AND "+valid, account, id)
		return orIfUnchanged(done, err, store.ErrNotFound)
	})
	if err != nil {
		return fail("revoke a secret of", account, id, err)
	}
	return nil
}

// orIfUnchanged returns err, or unchanged if the statement changed no row.
func orIfUnchanged(done sql.Result, err, unchanged error) error {
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return unchanged
}
