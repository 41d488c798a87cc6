package auth

import (
	"errors"
	"time"
)

// ErrInvalid is the only error of [Verifier.Verify]. The token is missing,
// malformed, expired, or not signed with one of the keys. The error that it wraps
// is for the log and never contains any part of the token.
var ErrInvalid = errors.New("invalid token")

// Bearer is the account or user that a verified token belongs to.
type Bearer struct {
	// Account is the account of the token, checked by [ValidName].
	Account string
	// Owner is the user of the token, "" for a token of the whole account.
	Owner string
	// Expires is the end of the token's validity.
	Expires time.Time
	// Role and Groups are the claims for the role of the user and for the groups that
	// it leads, only from an issuer that is trusted for them.
	Role   string
	Groups []string
	// Issuer is the name of the token's issuer, "" for TOKEN_KEYS.
	Issuer string
	// Subject identifies the bearer in the audit trail: the owner or the claim sub, never
	// the name of a person.
	Subject string
}

// MaxName is the maximum length of the ID of an account or a user, in characters.
const MaxName = 64

// ValidName reports whether s can be the ID of an account or a user: 1 to 64 characters
// of [A-Za-z0-9_-] (contract, Routes).
func ValidName(s string) bool {
	if s == "" || len(s) > MaxName {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}
