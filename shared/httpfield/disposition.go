package httpfield

import (
	"strings"
	"unicode/utf8"
)

// ContentDisposition returns the Content-Disposition of a file called name:
// inline or attachment. The quoted filename is plain ASCII, with "_" for other
// characters. If that changes the name, the real one follows as filename*
// (RFC 6266, 4.3 and appendix D; RFC 8187). The result is one line of ASCII for
// any name.
func ContentDisposition(inline bool, name string) string {
	kind := "attachment"
	if inline {
		kind = "inline"
	}
	plain := strings.Map(func(r rune) rune {
		// Some browsers decode %XX even here (RFC 6266, appendix D).
		if r < ' ' || r >= utf8.RuneSelf-1 || strings.ContainsRune(`"\%`, r) {
			return '_'
		}
		return r
	}, name)
	value := kind + `; filename="` + plain + `"`
	if plain != name {
		value += "; filename*=UTF-8''" + PercentEncode(name, isAttrChar)
	}
	return value
}

// isAttrChar reports whether c needs no encoding in an ext-value (RFC 8187,
// 3.2.1).
func isAttrChar(c byte) bool {
	letter := 'a' <= c|0x20 && c|0x20 <= 'z'
	return letter || '0' <= c && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}

// PercentEncode writes each byte of text as %XX unless plain accepts it.
func PercentEncode(text string, plain func(byte) bool) string {
	const hex = "0123456789ABCDEF"
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		if c := text[i]; plain(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return string(out)
}
