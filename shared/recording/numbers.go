package recording

import (
	"encoding/json"
	"strings"
	"unicode"
)

// numberFields are the public fields that carry the numbers of a call. Kazoo puts the
// number into the name of a party that has none (kazoo.md 2.3).
var numberFields = [...]string{
	"callee_id_name", "callee_id_number", "caller_id_name", "caller_id_number", "from", "request", "to",
}

// numberObjects are the objects that may have numbers as values. In free ones, such as
// user_metadata, people write numbers under any name.
var numberObjects = [...]struct {
	field string
	free  bool
}{{"custom_channel_vars", false}, {"recording_vars", false}, {"user_metadata", true}}

// Numbers returns the texts that carry the numbers of a call, in any spelling (package phone).
// A recording belongs to a number if one of them is a spelling of it. Some are names or empty.
// They are:
//
//   - the from, the to, the request, and the names and numbers of caller and callee,
//   - texts and numbers in custom_channel_vars and recording_vars, if the name of the value
//     refers to a party or a number, such as "Caller-ID-Number" or "phoneNumbers",
//   - such values in user_metadata, and texts and numbers anywhere in it that are a phone number
//     alone: written in any way, also as digits only, and perhaps with a word after it, such as
//     "15559998877 (mobile)".
//
// Digits may also be an ID or a time. That does no harm: they count only for somebody who asks for
// the same digits.
func (d Document) Numbers() []string {
	var all []string
	for name, raw := range d.Fields() {
		for _, field := range numberFields {
			if name == field && raw[0] == '"' {
				all = append(all, unquote(raw))
			}
		}
		for _, object := range numberObjects {
			if name == object.field && len(raw) > len("{}") {
				all = appendNumbersOf(all, raw, object.free)
			}
		}
	}
	return all
}

// appendNumbersOf appends the numbers in an object.
func appendNumbersOf(all []string, raw string, free bool) []string {
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	var value any
	if d.Decode(&value) != nil {
		return all
	}
	return appendNumbers(all, value, false, free)
}

// appendNumbers appends the numbers within a value. named is true if its name names a party
// or a number, and free if any text may be a number.
func appendNumbers(all []string, value any, named, free bool) []string {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			all = appendNumbers(all, inner, named || namesNumber(name), free)
		}
	case []any:
		for _, inner := range v {
			all = appendNumbers(all, inner, named, free)
		}
	case string:
		if named || free && isNumberAlone(v) {
			all = append(all, v)
		}
	case json.Number:
		if named || free && areDigitsAlone(v.String()) {
			all = append(all, v.String())
		}
	}
	return all
}

// numberWords are the words, in the singular, in names of values that may be numbers.
var numberWords = [...]string{
	"number", "caller", "callee", "phone", "telephone", "tel", "mobile", "cell", "msisdn", "contact", "destination",
	"from", "to", "ani", "dnis", "did", "uri", "request", "callback", "dialed", "presence", "diversion", "cid",
}

// maxNumberWord is the length of the longest of numberWords in the plural, in bytes.
const maxNumberWord = len("destinations")

// numberWordSet has numberWords, in the singular and the plural. numberWordLengths has their lengths
// by the first letter: bit n stands for n bytes.
var numberWordSet, numberWordLengths = func() (set map[string]bool, lengths ['z' + 1]uint16) {
	set = map[string]bool{}
	for _, singular := range numberWords {
		for _, word := range []string{singular, singular + "s"} {
			set[word] = true
			lengths[word[0]] |= 1 << len(word)
		}
	}
	return set, lengths
}()

// namesNumber reports whether a word of a name is one of numberWords, in the singular or the
// plural. Words are separated by anything but letters, as in "Caller-ID-Number", or begin with
// a capital letter, as in "callerIdNumber". A capital letter may also be within a word, as in
// "callBack".
func namesNumber(name string) bool {
	isSeparator := func(c rune) bool { return !unicode.IsLetter(c) }
	for letters := range strings.FieldsFuncSeq(name, isSeparator) {
		bounds := wordBounds(letters)
		for i, from := range bounds {
			for _, to := range bounds[i+1:] {
				if to-from > maxNumberWord {
					break
				}
				if isNumberWord(letters[from:to]) {
					return true
				}
			}
		}
	}
	return false
}

// isNumberWord reports whether a word is one of numberWords, in the singular or the plural. It
// allocates nothing, and mostly looks at the first letter and the length alone: a name may have very
// many words.
func isNumberWord(word string) bool {
	first := word[0] | asciiCase
	if len(word) > maxNumberWord || first > 'z' || numberWordLengths[first]>>len(word)&1 == 0 {
		return false
	}
	var lower [maxNumberWord]byte
	for i := range len(word) {
		lower[i] = word[i] | asciiCase // what is no letter of ASCII then matches no word either
	}
	return numberWordSet[string(lower[:len(word)])]
}

// asciiCase is the bit that distinguishes a small from a capital letter.
const asciiCase = 'a' - 'A'

// wordBounds returns the offsets where a word may begin or end within letters: both ends,
// before a capital letter after a small one, and before the last one of several capital
// letters if a small one follows, as in "DIDNumber".
func wordBounds(letters string) []int {
	bounds := []int{0}
	var last, before rune // the letter before, and the one before that
	at := 0               // the offset of last
	for i, c := range letters {
		switch {
		case unicode.IsLower(last) && unicode.IsUpper(c):
			bounds = append(bounds, i)
		case unicode.IsUpper(before) && unicode.IsUpper(last) && unicode.IsLower(c):
			bounds = append(bounds, at)
		}
		before, last, at = last, c, i
	}
	return append(bounds, len(letters))
}

// Start returns when the call of the recording started: the document's start, or Created
// without one.
func (r *Recording) Start() Seconds {
	if at, ok := r.Document.Int("start"); ok && at > 0 {
		return Seconds(at)
	}
	return r.Created
}
