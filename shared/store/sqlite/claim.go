package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// claimKey returns the stored form of a claim's key: its SHA-256. A key may be the
// name of a file in an inbox, which holds numbers of the call, and a claim outlives
// its recording.
func claimKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// Claim reserves a recording ID for a key; see [store.Claimer].
func (s *Store) Claim(ctx context.Context, account, key string, c store.Claim) (store.Claim, error) {
	requestlog.From(ctx).Calls++
	key = claimKey(key)
	now := s.now()
	expires := recording.SecondsOf(now.Add(store.ClaimTTL))
	if c.Lasting {
		expires = lasting
	}
	var current store.Claim
	err := s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM claims WHERE account = ? AND key = ? AND expires <= ?",
			account, key, recording.SecondsOf(now))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO claims (account, key, id, made, expires) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING",
			account, key, c.ID, c.Made, expires)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT id, made FROM claims WHERE account = ? AND key = ?", account, key).
			Scan(&current.ID, &current.Made)
	})
	if err != nil {
		return store.Claim{}, fail("claim a key for", account, c.ID, err)
	}
	return current, nil
}

// Claimed looks up the claim on a key; see [store.ClaimReader].
func (s *Store) Claimed(ctx context.Context, account, key string) (c store.Claim, err error) {
	requestlog.From(ctx).Calls++
	err = s.read.QueryRowContext(ctx, "SELECT id, made FROM claims WHERE account = ? AND key = ? AND expires > ?",
		account, claimKey(key), recording.SecondsOf(s.now())).Scan(&c.ID, &c.Made)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Claim{}, fail("look up a key of", account, "", err)
	}
	return c, nil
}
