package sqlite

import (
	"context"
	"database/sql"
	"math"

	"callrecordings/shared/recording"
	"callrecordings/shared/requestlog"
	"callrecordings/shared/store"
)

// Claim reserves a recording ID for a key; see [store.Claimer].
func (s *Store) Claim(ctx context.Context, account, key string, c store.Claim) (store.Claim, error) {
	requestlog.From(ctx).Calls++
	now := s.now()
	expires := recording.SecondsOf(now.Add(store.ClaimTTL))
	if c.Lasting {
		expires = math.MaxInt64
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
