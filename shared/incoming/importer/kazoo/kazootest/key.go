package kazootest

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// keyKind is the form of a key. The kinds are in the order in which CouchDB sorts
// keys of the same second: a shorter list before a longer one, a string before an
// object.
type keyKind int

const (
	// keyText is a string, which sorts before all lists.
	keyText keyKind = iota
	// keyFrom is [Created], which sorts before all rows of that second.
	keyFrom
	// keyRow is [Created, Id], the key of a recording (2.1).
	keyRow
	// keyTo is [Created, {}], which sorts after all rows of that second.
	keyTo
)

// key is a position in a view. Fields that its kind does not use are zero.
type key struct {
	kind    keyKind
	created int64
	text    string
}

// compare orders keys as CouchDB's collation does.
func (k key) compare(o key) int {
	if k.kind == keyText || o.kind == keyText {
		return cmp.Or(cmp.Compare(min(k.kind, keyFrom), min(o.kind, keyFrom)), cmp.Compare(k.text, o.text))
	}
	return cmp.Or(cmp.Compare(k.created, o.created), cmp.Compare(k.kind, o.kind), cmp.Compare(k.text, o.text))
}

// Tags of Erlang's external term format
// (www.erlang.org/doc/apps/erts/erl_ext_dist.html).
const (
	termVersion  = 0x83
	termSmallInt = 0x61
	termInt      = 0x62
	termTuple    = 0x68
	termNil      = 0x6a
	termList     = 0x6c
	termBinary   = 0x6d
	termBig      = 0x6e
)

// cursor encodes a key for start_key and next_start_key: term_to_binary in base64url
// without padding (3.5). It encodes an empty object as a tuple with an empty list.
func (k key) cursor() string {
	b := []byte{termVersion}
	if k.kind == keyText {
		return base64.RawURLEncoding.EncodeToString(appendBinary(b, k.text))
	}
	items := uint32(2)
	if k.kind == keyFrom {
		items = 1
	}
	b = binary.BigEndian.AppendUint32(append(b, termList), items)
	b = appendInt(b, k.created)
	switch k.kind {
	case keyRow:
		b = appendBinary(b, k.text)
	case keyTo:
		b = append(b, termTuple, 1, termNil)
	}
	return base64.RawURLEncoding.EncodeToString(append(b, termNil))
}

func appendBinary(b []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(append(b, termBinary), uint32(len(text))), text...)
}

// appendInt appends n, which must not be negative, in the shortest form, as Erlang
// does.
func appendInt(b []byte, n int64) []byte {
	switch {
	case n < 1<<8:
		return append(b, termSmallInt, byte(n))
	case n < 1<<31:
		return binary.BigEndian.AppendUint32(append(b, termInt), uint32(n))
	}
	digits := strings.TrimRight(string(binary.LittleEndian.AppendUint64(nil, uint64(n))), "\x00")
	return append(append(b, termBig, byte(len(digits)), 0), digits...)
}

// openCursor decodes a client's cursor. Text that is not a valid key becomes a
// string key (3.5).
func openCursor(text string) key {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return key{text: text}
	}
	t := term{left: raw}
	k := t.key()
	if t.bad || len(t.left) > 0 {
		return key{text: text}
	}
	return k
}

// term parses an encoded term from front to back.
type term struct {
	left []byte
	bad  bool
}

// take removes the next n bytes and returns them. If fewer than n are left, it sets
// bad and returns at most 8 zero bytes.
func (t *term) take(n int) []byte {
	if t.bad || n > len(t.left) {
		t.bad = true
		return make([]byte, min(n, 8))
	}
	out := t.left[:n]
	t.left = t.left[n:]
	return out
}

// expect consumes the given bytes; it sets bad if the next bytes differ.
func (t *term) expect(want ...byte) {
	if string(t.take(len(want))) != string(want) {
		t.bad = true
	}
}

func (t *term) key() key {
	t.expect(termVersion)
	if len(t.left) > 0 && t.left[0] == termBinary {
		return key{text: t.text()}
	}
	t.expect(termList)
	items := binary.BigEndian.Uint32(t.take(4))
	k := key{kind: keyFrom, created: t.int()}
	switch {
	case items == 1:
	case items != 2:
		t.bad = true
	case len(t.left) > 0 && t.left[0] == termTuple:
		k.kind = keyTo
		t.expect(termTuple, 1, termNil)
	default:
		k.kind, k.text = keyRow, t.text()
	}
	t.expect(termNil)
	return k
}

func (t *term) text() string {
	t.expect(termBinary)
	return string(t.take(int(binary.BigEndian.Uint32(t.take(4)))))
}

func (t *term) int() int64 {
	switch t.take(1)[0] {
	case termSmallInt:
		return int64(t.take(1)[0])
	case termInt:
		return int64(int32(binary.BigEndian.Uint32(t.take(4))))
	case termBig:
		digits := int(t.take(1)[0])
		t.expect(0)
		if digits > 7 {
			t.bad = true
		}
		var b [8]byte
		copy(b[:], t.take(digits))
		return int64(binary.LittleEndian.Uint64(b[:]))
	}
	t.bad = true
	return 0
}
