package auth

import (
	"errors"
	"time"
)

// ErrInvalid is the one error of [Verifier.Verify]: a token that is not there,
// malformed, wrongly signed, expired, or of somebody else's making. Whatever
// it wraps is for the log, and never holds any of the token.
var ErrInvalid = errors.New("invalid token")

// Bearer is who a verified token speaks for.
type Bearer struct {
	// Account is the account of the token, checked by [ValidName].
	Account string
	// Owner is the user of the token, "" for a token of the whole account.
	Owner string
	// Expires is when the token ends.
	Expires time.Time
}

// Action is something that a bearer may do to recordings it can reach.
type Action string

// The actions, each apart, so that rules can tell them apart.
const (
	// List reads pages of documents.
	List Action = "list"
	// Read reads one document.
	Read Action = "read"
	// Play reads the audio.
	Play Action = "play"
	// Create makes a recording.
	Create Action = "create"
	// Change patches a document.
	Change Action = "change"
	// Delete deletes a recording.
	Delete Action = "delete"
)

// actions is the table of who may do what within an account that the token
// reaches. Every token of the account may do everything, as in Kazoo
// (contract, Where we differ); a rule that knows roles takes a row's place.
var actions = map[Action]func(Bearer) bool{
	List:   anyone,
	Read:   anyone,
	Play:   anyone,
	Create: anyone,
	Change: anyone,
	Delete: anyone,
}

func anyone(Bearer) bool { return true }

// Reaches reports whether the token's word counts in an account: its own, and
// no other (contract: 403 for descendants until there is an account tree).
func (b Bearer) Reaches(account string) bool {
	return b.Account != "" && b.Account == account
}

// May reports whether the bearer may do that in the account that it reaches.
// An action that the table does not know is refused.
func (b Bearer) May(a Action) bool {
	rule, ok := actions[a]
	return ok && rule(b)
}

// MaxName is the most characters of an account's or a user's id.
const MaxName = 64

// ValidName reports whether s can be the id of an account or of a user: 1 to
// 64 of [A-Za-z0-9_-] (contract, Routes).
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
