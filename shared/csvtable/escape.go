package csvtable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Defuse keeps spreadsheets from evaluating text as a formula. It puts a ' in
// front of text that starts like a formula (OWASP, CSV injection), even after leading
// characters that spreadsheets drop: white space, control characters, and zero-width
// characters. A number with a sign, such as a phone number in E.164, evaluates to
// itself and stays unchanged.
func Defuse(text string) string {
	if text == "" {
		return text
	}
	if c := text[0]; ' ' < c && c < 0x7f && strings.IndexByte(beginsFormula[:4], c) < 0 {
		return text // a visible ASCII character that begins no formula: most cells
	}
	if strings.ContainsRune(endsCell, rune(text[0])) {
		return "'" + text
	}
	visible := strings.TrimLeftFunc(text, isDropped)
	first, size := utf8.DecodeRuneInString(visible)
	isNumber := (first == '+' || first == '-') && isDecimal(visible[size:])
	if isNumber || !strings.ContainsRune(beginsFormula, first) {
		return text
	}
	return "'" + text
}

const (
	// beginsFormula holds the first characters of formulas, the four of ASCII first, then
	// their full-width and small forms, and the minus sign, which spreadsheets convert.
	beginsFormula = "=+-@＝＋－＠﹦﹢﹣﹫−"
	// endsCell holds characters that may begin a new cell.
	endsCell = "\t\r\n"
)

// isDropped reports whether spreadsheets may drop r at the beginning of a cell.
func isDropped(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) ||
		unicode.In(r, unicode.Cf, unicode.M) || strings.ContainsRune(blanks, r)
}

// blanks are invisible letters and symbols: Hangul fillers and the blank Braille
// pattern.
const blanks = "\u115f\u1160\u3164\uffa0\u2800"

// isDecimal reports whether s consists of digits with at most one point between
// them.
func isDecimal(s string) bool {
	whole, fraction, hasPoint := strings.Cut(s, ".")
	return isDigits(whole) && (!hasPoint || isDigits(fraction))
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// escapedLen returns the length of text with the quotes that appendEscaped adds.
func escapedLen(text string) int {
	if !mustQuote(text) {
		return len(text)
	}
	return len(text) + strings.Count(text, `"`) + 2
}

// appendEscaped quotes text where RFC 4180 requires it. It also quotes text with a
// character that spreadsheets of other locales take for the end of a cell. length is
// escapedLen(text); text needs no quotes if that is its own length.
func appendEscaped(dst []byte, text string, length int) []byte {
	if length == len(text) {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for {
		before, after, found := strings.Cut(text, `"`)
		dst = append(dst, before...)
		if !found {
			return append(dst, '"')
		}
		dst = append(dst, `""`...)
		text = after
	}
}

// mustQuote reports whether text needs quotes. A loop over a table takes half the
// instructions of strings.ContainsAny, which builds its own table for every cell.
func mustQuote(text string) bool {
	if text == "" {
		return false
	}
	for i := range len(text) {
		if quoted[text[i]] {
			return true
		}
	}
	return text[0] == ' ' || text[len(text)-1] == ' '
}

// quoted has the bytes that need quotes anywhere in a cell.
var quoted = [256]bool{'"': true, ',': true, ';': true, '\t': true, '\r': true, '\n': true, '|': true}
