package csvtable

import (
	"strings"
	"unicode/utf8"
)

// Defuse keeps spreadsheets from evaluating text as a formula. It puts a ' in
// front of text that starts like one (OWASP, CSV injection). A number with a
// sign, such as a phone number in E.164, evaluates to itself and stays
// unchanged.
func Defuse(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if !strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) || first == utf8.RuneError {
		return text
	}
	if (first == '+' || first == '-') && isDecimal(text[size:]) {
		return text
	}
	return "'" + text
}

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
