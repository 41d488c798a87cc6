package api

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"callrecordings/shared/recording"
)

// maxFileName is the longest file name that is offered, in bytes: what common
// file systems take, less some room for a browser's " (1)".
const maxFileName = 200

// moreEndings are endings of audio that are not in the table of formats.
var moreEndings = []string{"wave", "gsm", "audio"}

// disposition is the Content-Disposition of a file called name: attachment, or
// inline. The quoted filename is plain ASCII; a name that is more than that
// follows as filename* (RFC 6266, 4.3 and appendix D; RFC 8187). Whatever the
// name, the result is one line of ASCII.
func disposition(inline bool, name string) string {
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
		value += "; filename*=UTF-8''" + percentEncode(name, isAttrChar)
	}
	return value
}

// isAttrChar reports whether c stands for itself in the ext-value of RFC 8187,
// 3.2.1.
func isAttrChar(c byte) bool {
	letter := 'a' <= c|0x20 && c|0x20 <= 'z'
	return letter || '0' <= c && c <= '9' || strings.IndexByte("!#$&+-.^_`|~", c) >= 0
}

// percentEncode writes %XX for every byte of text that plain does not pass.
func percentEncode(text string, plain func(byte) bool) string {
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

// fileName is what a recording's audio of type contentType is called on the
// client's disk: wanted, made safe, else id; with an ending that says audio,
// so that no name can pass for a program.
func fileName(wanted, id, contentType string) string {
	name := safeName(wanted)
	if name == "" {
		name = safeName(id)
	}
	ending := ""
	if dot := strings.LastIndexByte(name, '.'); dot > 0 {
		ending = strings.ToLower(name[dot:])
	}
	if !isAudioEnding(ending) {
		ending = "." + cmp.Or(recording.AudioExtension(plainType(contentType)), "audio")
		name += ending
	}
	if len(name) > maxFileName {
		name = cutUTF8(name[:len(name)-len(ending)], maxFileName-len(ending)) + name[len(name)-len(ending):]
	}
	return name
}

func isAudioEnding(ending string) bool {
	extension, ok := strings.CutPrefix(ending, ".")
	return ok && (recording.IsAudioExtension(extension) || slices.Contains(moreEndings, extension))
}

// safeName makes a file name of text: no path separators, no characters that
// Windows refuses, nothing invisible (controls, bidirectional overrides, other
// formats, line separators), no dots or spaces at either end.
func safeName(text string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, strings.ContainsRune(`/\:*?"<>|`, r):
			return '_'
		case unicode.IsSpace(r) && r != '\n' && r != '\r':
			return ' '
		case !unicode.IsGraphic(r):
			return -1
		}
		return r
	}, text)
	return strings.Trim(name, ". ")
}

// cutUTF8 shortens text to at most n bytes of whole characters.
func cutUTF8(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
