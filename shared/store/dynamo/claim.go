package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/callrecordings/api/shared/store"
)

// claimPrefix starts the sort key of a claim. No recording ID starts with it.
const claimPrefix = "key" + separator

// claimID returns the sort key of the claim on key. It hashes the key, so keys may
// have any length and content.
func claimID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return claimPrefix + hex.EncodeToString(sum[:])
}

// Claim reserves an Idempotency-Key; see [store.Claimer]. It ignores an expired
// claim: the table's TTL may take days to remove it.
func (s *Store) Claim(ctx context.Context, account, key string, c store.Claim) (store.Claim, error) {
	const doing = "claiming a key for"
	revision, err := s.revision() // lets a retry recognize its own write
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
		noItem + " OR " + attrExpires + " <= :now", item{":now": num(now.Unix())},
	})
	switch {
	case errors.Is(err, errUnmet):
		return store.Claim{ID: text(found, attrRecording), Made: text(found, attrMade)}, nil
	case err != nil:
		return store.Claim{}, fail(doing, account, c.ID, err)
	}
	return store.Claim{ID: c.ID, Made: c.Made}, nil
}

// Claimed looks up the claim on a key; see [store.ClaimReader].
func (s *Store) Claimed(ctx context.Context, account, key string) (store.Claim, error) {
	const doing = "finding a claim of"
	m, err := s.read(ctx, doing, account, claimID(key))
	if err != nil {
		return store.Claim{}, err
	}
	expires, err := number(m, attrExpires)
	switch {
	case err != nil:
		return store.Claim{}, fail(doing, account, "", err)
	case expires != 0 && expires <= s.now().Unix():
		return store.Claim{}, wrap(store.ErrNotFound, doing, account, "", nil)
	}
	return store.Claim{ID: text(m, attrRecording), Made: text(m, attrMade)}, nil
}
