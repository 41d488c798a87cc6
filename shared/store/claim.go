package store

import (
	"context"
	"time"

	"callrecordings/shared/recording"
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

// ClaimStem settles the id of a recording that has nothing but the name of a
// file, stem, without its extension: the name stands for it for good in this
// account, whatever is known of the call later (docs/inbox.md). at gives a new
// id its month: the call's start, else when the file came. Errors:
// ErrUnavailable.
func ClaimStem(ctx context.Context, s Claimer, account, stem string, at recording.Seconds) (string, error) {
	c := Claim{ID: recording.StemID(account, stem, at), Made: recording.MadeOfAudio, Lasting: true}
	c, err := s.Claim(ctx, account, recording.InboxKey("", "")+stem, c)
	return c.ID, err
}
