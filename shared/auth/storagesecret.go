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

// NewStorageSecret makes a secret for the URL of whoever writes recordings
// (contract, Storage): its id, by which it is listed and revoked, a hyphen, and
// 256 random bits. Sum is what is to be kept of it. Errors: those of random.
func NewStorageSecret(random io.Reader) (secret, id, sum string, err error) {
	var b [secretIDLen/2 + sha256.Size]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", "", "", fmt.Errorf("make a storage secret: %w", err)
	}
	id = hex.EncodeToString(b[:secretIDLen/2])
	secret = id + "-" + base64.RawURLEncoding.EncodeToString(b[secretIDLen/2:])
	return secret, id, sumOf(secret), nil
}

// StorageSecretID is the id of a secret; false for what cannot be one.
func StorageSecretID(secret string) (string, bool) {
	id, rest, ok := strings.Cut(secret, "-")
	if !ok || len(id) != secretIDLen || strings.Trim(id, "0123456789abcdef") != "" || len(rest) != secretRandLen {
		return "", false
	}
	return id, true
}

// IsStorageSecret reports whether sum is that of secret, in a time that does
// not tell how much of it is right. A plain hash is enough: nobody guesses 256
// random bits, however fast he can try.
func IsStorageSecret(secret, sum string) bool {
	return subtle.ConstantTimeCompare([]byte(sumOf(secret)), []byte(sum)) == 1
}

func sumOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
