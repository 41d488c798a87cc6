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

// Action is an operation on the recordings of an account.
type Action string

// The actions. Each operation has its own, so that a rule can distinguish them.
const (
	// List reads pages of documents.
	List Action = "list"
	// Read reads one document.
	Read Action = "read"
	// Play reads the audio.
	Play Action = "play"
	// Create creates a recording.
	Create Action = "create"
	// Change patches a document.
	Change Action = "change"
	// Delete deletes a recording.
	Delete Action = "delete"
)

// actions has the rule for each action within an account that the token reaches.
// Every token of the account may do everything, as in Kazoo (contract, Where we
// differ). A rule that considers roles would replace an entry.
var actions = map[Action]func(Bearer) bool{
	List:   anyone,
	Read:   anyone,
	Play:   anyone,
	Create: anyone,
	Change: anyone,
	Delete: anyone,
}

func anyone(Bearer) bool { return true }

// Reaches reports whether the token is valid for an account: only for the token's own
// account (contract: 403 for descendants until there is an account tree).
func (b Bearer) Reaches(account string) bool {
	return b.Account != "" && b.Account == account
}

// May reports whether the bearer may do a within the account that it reaches. It
// returns false for an unknown action.
func (b Bearer) May(a Action) bool {
	rule, ok := actions[a]
	return ok && rule(b)
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
