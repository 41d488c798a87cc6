package api

import (
	"iter"
	"strings"
)

// fieldsOf splits the value of a header field at sep, leaving alone what is
// inside of quoted strings, and passes over empty parts (RFC 9110, 5.6.1).
// White space around a part is dropped.
func fieldsOf(value string, sep byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for rest := value; rest != ""; {
			var part string
			part, rest = cutField(rest, sep)
			if part = strings.Trim(part, " \t"); part != "" && !yield(part) {
				return
			}
		}
	}
}

// cutField cuts value around the first sep outside of a quoted string.
func cutField(value string, sep byte) (part, rest string) {
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

// isToken reports whether text is a token of RFC 9110, 5.6.2.
func isToken(text string) bool {
	for i := range len(text) {
		c := text[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return text != ""
}
