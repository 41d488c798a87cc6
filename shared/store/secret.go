package store

import (
	"context"

	"callrecordings/shared/recording"
)

// Secret is what is kept of a storage secret, which whoever writes recordings
// into an account has in his URL. The secret itself is nowhere.
type Secret struct {
	// Account that it writes into.
	Account string
	// ID by which it is found, listed and revoked; unique within the account.
	ID string
	// Sum is its SHA-256, in hex.
	Sum string
	// Label says whose it is, for people.
	Label string
	// Created is when it was made.
	Created recording.Seconds
}

// SecretReader finds storage secrets.
type SecretReader interface {
	// Secret returns one, strongly consistent. Errors: ErrNotFound,
	// ErrUnavailable.
	Secret(ctx context.Context, account, id string) (Secret, error)
}

// Secrets keeps storage secrets.
type Secrets interface {
	SecretReader
	// AddSecret stores a new one. Errors: ErrExists, ErrUnavailable.
	AddSecret(ctx context.Context, s Secret) error
	// ListSecrets returns those of an account, in the order of their ids. Error:
	// ErrUnavailable.
	ListSecrets(ctx context.Context, account string) ([]Secret, error)
	// RevokeSecret forgets one, from the next request on. Errors: ErrNotFound,
	// ErrUnavailable.
	RevokeSecret(ctx context.Context, account, id string) error
}
