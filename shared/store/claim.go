package store

import (
	"context"
	"time"
)

// ClaimTTL is how long a claim that is not lasting is valid.
const ClaimTTL = 7 * 24 * time.Hour

// Claim reserves a recording ID for the first request that used a key.
type Claim struct {
	// ID is the ID of the recording to create.
	ID string
	// Made is the fingerprint of the request.
	Made string
	// Lasting claims never expire; others expire after ClaimTTL. The field is
	// input only: Claimer.Claim does not set it in the claim that it returns.
	Lasting bool
}

// Claimer remembers keys, so that retrying a request that has no recording ID
// does not create a second recording.
type Claimer interface {
	// Claim reserves key for c and returns c. If an earlier claim on key is
	// still valid, Claim returns the earlier one and stores nothing. A key is
	// any text and belongs to its account: the same key in two accounts makes
	// two claims. Atomic and strongly consistent. Errors: ErrUnavailable.
	Claim(ctx context.Context, account, key string, c Claim) (Claim, error)
}

// ClaimReader looks up claims.
type ClaimReader interface {
	// Claimed returns the valid claim on key, strongly consistent. Errors:
	// ErrNotFound without a valid claim, ErrUnavailable.
	Claimed(ctx context.Context, account, key string) (Claim, error)
}
