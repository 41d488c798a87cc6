package auth

import (
	"errors"
	"strings"
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
	// Role and Groups are claims that the issuer is trusted for; "" and nil if it is
	// not, or if the token lacks them.
	Role   string
	Groups []string
	// Unassigned is true if the issuer is trusted for roles, and the token's roles are none
	// of those that count. Such a bearer must not get rights by default.
	Unassigned bool
	// Issuer is the name of the issuer, "" for a token that a static key verified.
	Issuer string
	// Subject identifies the bearer in the audit trail: the owner, or else the token's
	// sub if it can be an identifier. It never names a person.
	Subject string
	// Restrictions are the token restrictions that apply to the bearer; nil if there
	// are none.
	Restrictions *Restrictions
}

// maxSubject is the maximum length of a subject, in characters.
const maxSubject = 128

// subject returns the subject of a bearer: its owner, or else sub. It drops a sub that
// may be a person's name or address.
func subject(owner string, sub *string) string {
	if owner != "" || sub == nil || len(*sub) > maxSubject {
		return owner
	}
	const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:|"
	if strings.Trim(*sub, allowed) != "" {
		return ""
	}
	return *sub
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
