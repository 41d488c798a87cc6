package person

import (
	"errors"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/phone"
	"github.com/callrecordings/api/shared/recording"
)

// The names of the actions.
const (
	ExportAction = "person_export"
	EraseAction  = "person_erase"
)

// Subject identifies a person. Exactly one field is set.
type Subject struct {
	// Number is a phone number in any spelling (package phone).
	Number string `json:"number,omitempty"`
	// Owner is the ID of a user, who owns recordings.
	Owner string `json:"owner_id,omitempty"`
}

const (
	// maxNumber is the maximum length of a number, in bytes.
	maxNumber = 100
	// minDigits is the least number of digits of a number. Shorter ones are not numbers of
	// a person.
	minDigits = 2
)

// ErrSubject means that a subject has not exactly one field, or a number without digits.
var ErrSubject = errors.New("want either a phone number or the ID of an owner")

// Check checks a subject. Its error is for people. Error: ErrSubject.
func (s Subject) Check() error {
	switch {
	case (s.Number == "") == (s.Owner == ""):
		return ErrSubject
	case s.Owner != "":
		return nil
	case len(s.Number) > maxNumber:
		return fmt.Errorf("%w: a number has at most %d bytes", ErrSubject, maxNumber)
	case len(phone.Digits(s.Number)) < minDigits:
		return fmt.Errorf("%w: the number has fewer than %d digits", ErrSubject, minDigits)
	}
	return nil
}

// Matcher returns a function that reports whether a recording is about the subject: its
// owner is the subject, or one of its numbers is ([recording.Document.Numbers]), in any
// spelling.
func (s Subject) Matcher() func(*recording.Recording) bool {
	if s.Owner != "" {
		return func(r *recording.Recording) bool { return r.Owner == s.Owner }
	}
	asked := phone.Digits(s.Number)
	return func(r *recording.Recording) bool {
		return slices.ContainsFunc(r.Document.Numbers(), func(text string) bool { return phone.SameDigits(asked, phone.Digits(text)) })
	}
}
