// Package hold keeps legal holds. Recordings on hold cannot be deleted, expire, be erased or
// get other audio until the hold is released (contract, Holds).
//
// All active holds of an account are one entry of package store, in the partition
// account/A with the key "holds". So a decision to remove something needs one read, and
// one guard makes sure that no hold was placed since ([Set.Guard]). Released holds move to
// the partition holds/A, each with its ID as the key (docs/adr/024-holds.md).
package hold

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/callrecordings/api/shared/phone"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Scope selects the recordings that a hold covers: those that match all fields that are set. The
// zero Scope covers the whole account, including later recordings.
type Scope struct {
	// Recording is the ID of a recording.
	Recording string `json:"recording_id,omitempty"`
	// Owner is a user.
	Owner string `json:"owner_id,omitempty"`
	// Number is a phone number in any spelling. It matches a recording if one of its numbers
	// is the same (recording.Document.Numbers, phone.Same).
	Number string `json:"number,omitempty"`
	// From and To bound the start of the call, or the creation of a recording that has no
	// start; both are inclusive Gregorian seconds. 0 leaves that end open.
	From recording.Seconds `json:"from,omitempty"`
	To   recording.Seconds `json:"to,omitempty"`
}

// Hold is a legal hold.
type Hold struct {
	// ID is unique within the account.
	ID string `json:"id"`
	// Case is the name or number of the legal case. Reason explains the hold.
	Case   string `json:"case"`
	Reason string `json:"reason"`
	// By is the ID of the user who placed the hold; "" if the token has no owner.
	By string `json:"by,omitempty"`
	// Placed is when, in Gregorian seconds.
	Placed recording.Seconds `json:"placed"`
	// Scope selects the recordings that the hold covers.
	Scope Scope `json:"scope"`
	// Released is set for a hold that was released.
	Released *Release `json:"released,omitempty"`
}

// Release is the end of a hold.
type Release struct {
	// At is when, in Gregorian seconds.
	At recording.Seconds `json:"at"`
	// By is the ID of the user who released the hold; "" if the token has no owner.
	By string `json:"by,omitempty"`
	// Reason explains the release.
	Reason string `json:"reason"`
}

// HeldError means that holds forbid the caller's change of a recording.
type HeldError struct {
	// Holds are the holds that cover the recording, at least one.
	Holds []Hold
}

// Error names the holds by their IDs: case names do not belong into logs.
func (e *HeldError) Error() string {
	return "on legal hold: " + strings.Join(IDs(e.Holds), ", ")
}

// IDs returns the IDs of holds, in their order. They may be as many as MaxActive.
func IDs(holds []Hold) []string {
	ids := make([]string, len(holds))
	for i := range holds {
		ids[i] = holds[i].ID
	}
	return ids
}

// Set is the active holds of an account at one moment. The zero Set has no holds, and
// its guard is meaningless.
type Set struct {
	key      store.EntryKey
	revision string
	holds    []Hold
	digits   []string // of the number of each hold
}

// value is the value of the entry.
type value struct {
	Holds []Hold `json:"holds"`
}

// Key returns the key of the entry with the active holds of an account.
func Key(account string) store.EntryKey {
	return store.EntryKey{Partition: "account/" + account, Key: "holds"}
}

// Read returns the active holds of an account, strongly consistent.
// Errors: store.ErrUnavailable.
func Read(ctx context.Context, entries store.EntryReader, account string) (Set, error) {
	found, err := entries.Entries(ctx, Key(account))
	if err != nil {
		return Set{}, fmt.Errorf("read holds: %w", err)
	}
	if len(found) == 0 {
		return Set{key: Key(account)}, nil
	}
	return Of(found[0])
}

// Of returns the holds in an entry that the caller has read by Key. An error means that
// the entry is damaged; then nothing of the account may be removed.
func Of(e store.Entry) (Set, error) {
	var v value
	if err := json.Unmarshal(e.Value, &v); err != nil {
		return Set{}, fmt.Errorf("decode holds: %w", err)
	}
	s := Set{key: e.EntryKey, revision: e.Revision, holds: v.Holds, digits: make([]string, len(v.Holds))}
	for i := range v.Holds {
		s.digits[i] = phone.Digits(v.Holds[i].Scope.Number)
	}
	return s, nil
}

// Guard returns the guard for a decision that rests on s: the store then refuses the
// change if a hold was placed or released since (store.ErrGuard).
func (s Set) Guard() store.Guard { return store.Guard{EntryKey: s.key, Revision: s.revision} }

// Holds returns the holds, in the order they were stored. Callers must not change them.
func (s Set) Holds() []Hold { return s.holds }

// Covering returns the holds that cover r, in the order of [Set.Holds]; nil if there are
// none.
func (s Set) Covering(r *recording.Recording) []Hold {
	var numbers []string
	parsed := false
	var covering []Hold
	for i := range s.holds {
		scope := &s.holds[i].Scope
		if !scope.matches(r) {
			continue
		}
		if scope.Number != "" {
			if !parsed {
				numbers, parsed = digitsOf(r), true
			}
			if !contains(numbers, s.digits[i]) {
				continue
			}
		}
		covering = append(covering, s.holds[i])
	}
	return covering
}

// Check returns a *HeldError if holds cover r, or nil.
func (s Set) Check(r *recording.Recording) error {
	if covering := s.Covering(r); len(covering) > 0 {
		return &HeldError{Holds: covering}
	}
	return nil
}

// matches reports whether r matches the fields of s other than the number.
func (s *Scope) matches(r *recording.Recording) bool {
	if s.Recording != "" && s.Recording != r.ID || s.Owner != "" && s.Owner != r.Owner {
		return false
	}
	if s.From == 0 && s.To == 0 {
		return true
	}
	at := r.Start()
	return at >= s.From && (s.To == 0 || at <= s.To)
}

// digitsOf returns the digits of the numbers of r.
func digitsOf(r *recording.Recording) []string {
	texts := r.Document.Numbers()
	for i := range texts {
		texts[i] = phone.Digits(texts[i])
	}
	return texts
}

func contains(numbers []string, digits string) bool {
	for _, n := range numbers {
		if phone.SameDigits(n, digits) {
			return true
		}
	}
	return false
}
