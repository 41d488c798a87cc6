package httpfield

import (
	"iter"
	"strings"
)

// Elements splits the value of a header field at sep and yields the parts
// without the white space around them. It ignores separators inside quoted
// strings and skips empty parts (RFC 9110, 5.6.1).
func Elements(value string, sep byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := value; rest != ""; {
			var part string
			part, rest = cutElement(rest, sep)
			if part = strings.Trim(part, " \t"); part != "" && !yield(part) {
				return
			}
		}
	}
}

// cutElement cuts value around the first sep outside a quoted string.
func cutElement(value string, sep byte) (part, rest string) {
	quoted := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && c == sep:
			return value[:i], value[i+1:]
		}
	}
	return value, ""
}

// IsToken reports whether text is a token (RFC 9110, 5.6.2).
func IsToken(text string) bool {
	for i := range len(text) {
		c := text[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return text != ""
}
