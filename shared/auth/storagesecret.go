package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// Lengths of the parts of a storage secret.
const (
	secretIDLen   = 8  // hex digits
	secretRandLen = 43 // characters of base64url, 256 bits
)

// NewStorageSecret returns a new secret for the URL of a storage request (contract,
// Storage). It consists of its ID, which identifies it in lists and for revocation,
// a hyphen, and 256 random bits. Store only sum, a hash of the secret.
// Errors: those of random.
func NewStorageSecret(random io.Reader) (secret, id, sum string, err error) {
	var b [secretIDLen/2 + sha256.Size]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", "", "", fmt.Errorf("make a storage secret: %w", err)
	}
	id = hex.EncodeToString(b[:secretIDLen/2])
	secret = id + "-" + base64.RawURLEncoding.EncodeToString(b[secretIDLen/2:])
	return secret, id, sumOf(secret), nil
}

// StorageSecretID returns the ID of a secret. ok is false if secret is malformed.
func StorageSecretID(secret string) (id string, ok bool) {
	id, rest, ok := strings.Cut(secret, "-")
	if !ok || len(id) != secretIDLen || strings.Trim(id, "0123456789abcdef") != "" || len(rest) != secretRandLen {
		return "", false
	}
	return id, true
}

// IsStorageSecret reports whether sum is the hash of secret. It takes constant time,
// so that the time does not reveal how much of the secret is right. A fast hash is
// safe, because 256 random bits cannot be guessed.
func IsStorageSecret(secret, sum string) bool {
	return subtle.ConstantTimeCompare([]byte(sumOf(secret)), []byte(sum)) == 1
}

func sumOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
