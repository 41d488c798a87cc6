package recording

import (
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the JSON of r that clients get: its ID, its document, and
// _read_only. The latter holds the state of the audio and its media types, a list
// that is empty while no audio has arrived (contract, The document). With
// deleted it also holds "deleted":true, as in the response to a DELETE. So does a recording
// with a Removal, which follows.
// AppendJSON allocates only if dst is too small.
func (r *Recording) AppendJSON(dst []byte, deleted bool) []byte {
	more := ""
	if deleted && r.Removal == nil {
		more = `,"deleted":true`
	}
	return r.appendJSON(dst, more)
}

// AppendCreated is AppendJSON with upload, a JSON object, in _read_only, as in
// the response to a PUT.
func (r *Recording) AppendCreated(dst []byte, upload string) []byte {
	return r.appendJSON(dst, `,"upload":`+upload)
}

// appendJSON appends r. more is the text of further members of _read_only.
func (r *Recording) appendJSON(dst []byte, more string) []byte {
	dst = append(dst, `{"id":`...)
	dst = quote(dst, r.ID)
	if len(r.Document) > 2 {
		dst = append(dst, ',')
		dst = append(dst, r.Document[1:len(r.Document)-1]...)
	}
	dst = append(dst, ',')
	return append(r.appendReadOnly(dst, more), '}')
}

// appendReadOnly appends the member _read_only. more is the text of its further members.
func (r *Recording) appendReadOnly(dst []byte, more string) []byte {
	dst = append(dst, `"`+readOnlyField+`":{"content_types":[`...)
	if r.Audio.Place != Nowhere && r.Audio.ContentType != "" {
		dst = quote(dst, r.Audio.ContentType)
	}
	dst = append(dst, `],"state":"`...)
	dst = append(append(dst, r.Audio.Condition()...), '"')
	if r.Audio.Reason != "" {
		dst = append(dst, `,"reason":"`...)
		dst = append(append(dst, r.Audio.Reason...), '"')
	}
	if r.Kept != nil {
		dst = r.Kept.append(dst)
	}
	if r.Removal != nil {
		dst = r.Removal.append(dst)
	}
	return append(append(dst, more...), '}')
}

// append appends the members of _read_only for a deletion that can be reversed.
func (m *Removal) append(dst []byte) []byte {
	dst = append(dst, `,"deleted":true,"deleted_at":`...)
	dst = strconv.AppendInt(dst, int64(m.At), 10)
	if m.By != "" {
		dst = append(dst, `,"deleted_by":`...)
		dst = quote(dst, m.By)
	}
	dst = append(dst, `,"restorable_until":`...)
	return strconv.AppendInt(dst, int64(m.Until), 10)
}

// append appends the members of _read_only for k.
func (k *Kept) append(dst []byte) []byte {
	if k.Expires != 0 {
		dst = append(dst, `,"expires":`...)
		dst = strconv.AppendInt(dst, int64(k.Expires), 10)
		dst = append(dst, `,"retention_rule":`...)
		dst = quote(dst, k.Rule)
	}
	if len(k.Holds) == 0 {
		return dst
	}
	dst = append(dst, `,"holds":[`...)
	for i, id := range k.Holds {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = quote(dst, id)
	}
	return append(dst, ']')
}

// EscapedLen returns the length in bytes of JSON text as a string inside the
// response of a Lambda function, without its quotes. It counts the escapes of
// encoding/json without HTML escapes, which aws-lambda-go uses. shared/gateway
// does not escape U+2028 and U+2029, and never needs more. A byte of valid JSON
// text needs at most two.
func EscapedLen(text []byte) int {
	n := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			n += escaped(c)
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

// escaped returns the length of an ASCII character in a JSON string.
func escaped(c byte) int {
	switch {
	case c >= ' ' && c != '"' && c != '\\':
		return 1
	case c >= ' ', c == '\n', c == '\r', c == '\t', c == '\b', c == '\f':
		return 2
	}
	return 6
}
