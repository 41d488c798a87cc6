package store

import (
	"context"

	"github.com/callrecordings/api/shared/recording"
)

// Secret describes a storage secret: the part of a URL that lets a PBX store
// recordings in an account. Only its checksum is stored, never the secret.
type Secret struct {
	// Account is the account that the secret may write to.
	Account string
	// ID identifies the secret in lookups, lists and revocations; unique within
	// the account.
	ID string
	// Sum is the SHA-256 of the secret, in hex.
	Sum string
	// Label is free text for people, such as the name of the PBX.
	Label string
	// Created is the creation time.
	Created recording.Seconds
}

// SecretReader looks up storage secrets.
type SecretReader interface {
	// Secret returns one secret, strongly consistent. Errors: ErrNotFound,
	// ErrUnavailable.
	Secret(ctx context.Context, account, id string) (Secret, error)
}

// Secrets stores, lists and revokes storage secrets.
type Secrets interface {
	SecretReader
	// AddSecret stores a new secret. Errors: ErrExists if the account has or had a
	// secret with this ID, ErrUnavailable.
	AddSecret(ctx context.Context, s Secret) error
	// ListSecrets returns all secrets of an account, ordered by ID. Errors:
	// ErrUnavailable.
	ListSecrets(ctx context.Context, account string) ([]Secret, error)
	// RevokeSecret removes a secret. The next request that uses it fails. The ID
	// stays taken, so that an attempt of AddSecret that arrives late, or a retry of
	// it, does not bring the secret back. Errors: ErrNotFound, ErrUnavailable.
	RevokeSecret(ctx context.Context, account, id string) error
}
