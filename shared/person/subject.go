package person

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

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
// owner is the subject, or a field has the number. These fields count, in any spelling:
//
//   - those of [recording.Document.Numbers],
//   - texts and numbers in custom_channel_vars and recording_vars, if the name of the value
//     refers to a party or a number, such as "Caller-ID-Number",
//   - texts anywhere in user_metadata that consist of a phone number alone, and values
//     with a name that refers to a party or a number.
func (s Subject) Matcher() func(*recording.Recording) bool {
	if s.Owner != "" {
		return func(r *recording.Recording) bool { return r.Owner == s.Owner }
	}
	m := numberMatcher{digits: phone.Digits(s.Number)}
	return m.matches
}

type numberMatcher struct{ digits string }

func (m *numberMatcher) same(text string) bool {
	return phone.SameDigits(m.digits, phone.Digits(text))
}

func (m *numberMatcher) matches(r *recording.Recording) bool {
	if slices.ContainsFunc(r.Document.Numbers(), m.same) {
		return true
	}
	for _, field := range []string{"custom_channel_vars", "recording_vars", "user_metadata"} {
		raw, ok := r.Document.Raw(field)
		if !ok || len(raw) <= len("{}") {
			continue
		}
		d := json.NewDecoder(strings.NewReader(raw))
		d.UseNumber()
		var value any
		if d.Decode(&value) == nil && m.within(value, false, field == "user_metadata") {
			return true
		}
	}
	return false
}

// within reports whether a value has the number. named is true if its name names a party
// or a number, and free if any text may be a number.
func (m *numberMatcher) within(value any, named, free bool) bool {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if m.within(inner, named || namesNumber(name), free) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if m.within(inner, named, free) {
				return true
			}
		}
	case string:
		return (named || free && isNumberAlone(v)) && m.same(v)
	case json.Number:
		return named && m.same(v.String())
	}
	return false
}

// numberWords are the words in names of values that may be numbers.
var numberWords = []string{
	"number", "caller", "callee", "phone", "telephone", "tel", "mobile", "cell", "msisdn", "contact", "destination",
	"from", "to", "ani", "dnis", "did", "uri", "request", "callback", "dialed", "presence", "diversion", "cid",
}

// namesNumber reports whether a word of a name is one of numberWords.
func namesNumber(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(c rune) bool { return !unicode.IsLetter(c) })
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(numberWords, w) })
}

// isNumberAlone reports whether a text is a phone number and nothing else: a + or a
// separator distinguishes it from an ID or a time.
func isNumberAlone(text string) bool {
	const separators = "+-./() \u00a0"
	text = strings.TrimSpace(text)
	for _, c := range text {
		if !unicode.IsDigit(c) && !strings.ContainsRune(separators, c) {
			return false
		}
	}
	return len(text) <= maxNumber && (strings.ContainsAny(text, separators) || strings.HasPrefix(text, "0"))
}
