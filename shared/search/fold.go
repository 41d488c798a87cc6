package search

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// letters has the letters that Unicode does not decompose, although people search for
// them without their strokes, and ligatures.
var letters = strings.NewReplacer(
	"ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "đ", "d", "ð", "d", "þ", "th", "ł", "l", "ħ", "h", "ŧ", "t", "ı", "i",
)

// fold returns s as it is compared: in NFKC, without accents, and without the difference
// between upper and lower case. "Müller", "MULLER" and "ｍｕｌｌｅｒ" are the same.
// Invalid UTF-8 becomes U+FFFD.
func fold(s string) string {
	if isPlain(s) {
		return strings.ToLower(s)
	}
	s = norm.NFKD.String(strings.ToValidUTF8(s, "\ufffd"))
	s = strings.Map(func(r rune) rune {
		switch {
		case isAccent(r), unicode.Is(unicode.Cf, r), r == '\ufe0f':
			return -1
		}
		return unicode.ToLower(unicode.ToUpper(r)) // both, for letters such as ς
	}, s)
	return norm.NFC.String(letters.Replace(s))
}

// isPlain reports whether s is ASCII.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// isAccent reports whether r is a mark that people leave out when they search: an accent
// of Latin, Greek or Cyrillic, or a vowel sign of Hebrew or Arabic. The marks of other
// scripts belong to the spelling.
func isAccent(r rune) bool {
	return 0x300 <= r && r <= 0x36f || 0x591 <= r && r <= 0x5c7 || 0x64b <= r && r <= 0x65f || r == 0x670
}
