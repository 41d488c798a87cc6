package recording

import "unicode/utf8"

// AppendJSON appends what clients see of r: its id, its document, and
// _read_only with the types of its audio, a sorted list that is empty while
// none has arrived, and its state (contract, The document). deleted says so in
// _read_only, as the answer to a DELETE does. It allocates only when dst has no
// room.
func (r *Recording) AppendJSON(dst []byte, deleted bool) []byte {
	more := ""
	if deleted {
		more = `,"deleted":true`
	}
	return r.appendJSON(dst, more)
}

// AppendCreated is AppendJSON with upload, a JSON object, among _read_only, as
// the answer to a PUT has it.
func (r *Recording) AppendCreated(dst []byte, upload string) []byte {
	return r.appendJSON(dst, `,"upload":`+upload)
}

// appendJSON appends r; more are further members of _read_only.
func (r *Recording) appendJSON(dst []byte, more string) []byte {
	dst = append(dst, `{"id":`...)
	dst = quote(dst, r.ID)
	if len(r.Document) > 2 {
		dst = append(dst, ',')
		dst = append(dst, r.Document[1:len(r.Document)-1]...)
	}
	dst = append(dst, `,"_read_only":{"content_types":[`...)
	if r.Audio.Place != Nowhere && r.Audio.ContentType != "" {
		dst = quote(dst, r.Audio.ContentType)
	}
	dst = append(dst, `],"state":"`...)
	dst = append(append(dst, r.Audio.Condition()...), '"')
	if r.Audio.Reason != "" {
		dst = append(dst, `,"reason":"`...)
		dst = append(append(dst, r.Audio.Reason...), '"')
	}
	dst = append(dst, more...)
	return append(dst, "}}"...)
}

// EscapedLen is how many bytes JSON text takes as a string inside the answer of
// a Lambda function, its quotes not counted: what encoding/json without HTML
// escapes makes of it, as aws-lambda-go uses it. shared/gateway, which writes
// U+2028 and U+2029 as they are, never takes more. No byte of JSON text takes
// more than two.
func EscapedLen(text []byte) int {
	n := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			n += int(escaped[c])
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size == 1, r == '\u2028', r == '\u2029':
			n += len(`\u2028`)
		default:
			n += size
		}
		i += size
	}
	return n
}

// escaped is the length of each ASCII character in a JSON string.
var escaped = func() (lengths [utf8.RuneSelf]uint8) {
	for c := range lengths {
		switch {
		case c == '"', c == '\\', c == '\n', c == '\r', c == '\t', c == '\b', c == '\f':
			lengths[c] = 2
		case c < ' ':
			lengths[c] = 6
		default:
			lengths[c] = 1
		}
	}
	return lengths
}()
