package store

import (
	"context"
	"time"
)

// ClaimTTL is how long a key stands for what it was used for first.
const ClaimTTL = 7 * 24 * time.Hour

// Claim is what the first request with an Idempotency-Key was about.
type Claim struct {
	// ID is that of the recording to be made.
	ID string
	// Made is the fingerprint of the request.
	Made string
	// Lasting claims hold for good, and not for ClaimTTL alone. It is not told
	// of the claim that holds.
	Lasting bool
}

// Claimer remembers keys, so that the repeat of a request that names no id
// makes no second recording.
type Claimer interface {
	// Claim takes key for c, unless it was taken within ClaimTTL or for good, and
	// returns the claim that holds: c, or the one that came first. Keys of two accounts
	// do not meet. Atomic and strongly consistent. Errors: ErrUnavailable.
	Claim(ctx context.Context, account, key string, c Claim) (Claim, error)
}
