package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"callrecordings/shared/store"
)

// claimPrefix begins the sort key of claims. No recording's id has it.
const claimPrefix = "key" + separator

// claimID is the sort key of the claim on key, of any length and content.
func claimID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return claimPrefix + hex.EncodeToString(sum[:])
}

// Claim takes an Idempotency-Key; see [store.Claimer]. A claim that is over
// counts as none even before the table's TTL has removed it, which may take
// days.
func (s *Store) Claim(ctx context.Context, account, key string, c store.Claim) (store.Claim, error) {
	const doing = "claiming a key for"
	revision, err := s.revision() // by which a retry knows its own write
	if err != nil {
		return store.Claim{}, err
	}
	now := s.now()
	m := tableKey(account, claimID(key))
	m[attrRecording], m[attrMade], m[attrRevision] = str(c.ID), str(c.Made), str(revision)
	if !c.Lasting {
		m[attrExpires] = num(now.Add(store.ClaimTTL).Unix())
	}
	found, err := s.write(ctx, m, condition{
		nothingThere + " OR " + attrExpires + " <= :now", item{":now": num(now.Unix())},
	})
	switch {
	case errors.Is(err, errUnmet):
		return store.Claim{ID: text(found, attrRecording), Made: text(found, attrMade)}, nil
	case err != nil:
		return store.Claim{}, fail(doing, account, c.ID, err)
	}
	return store.Claim{ID: c.ID, Made: c.Made}, nil
}
