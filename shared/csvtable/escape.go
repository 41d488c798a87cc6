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
	// beginsFormula holds the first characters of formulas, with their full-width
	// and small forms, and the minus sign, which spreadsheets convert.
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

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// escape quotes text where RFC 4180 requires it. It also quotes text with a
// character that spreadsheets of other locales take for the end of a cell.
func escape(text string) string {
	if text == "" || !strings.ContainsAny(text, "\",;\t\r\n|") && text[0] != ' ' && text[len(text)-1] != ' ' {
		return text
	}
	return `"` + strings.ReplaceAll(text, `"`, `""`) + `"`
}
