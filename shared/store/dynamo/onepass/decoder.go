package onepass

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// decoder reads strict JSON (RFC 8259) from the front of data. Its methods return false
// at the first byte that they do not expect.
type decoder struct {
	data []byte // the bytes that are not decoded yet
	// scratch holds the strings that had escapes. When it grows, strings that are
	// already in it stay where they are.
	scratch []byte
}

// valid reports whether the answer is UTF-8. The SDK treats other bytes differently in
// strings with and without escapes.
func (d *decoder) valid() bool { return utf8.Valid(d.data) }

// end reports whether only white space is left.
func (d *decoder) end() bool {
	d.skip()
	return len(d.data) == 0
}

// skip skips white space.
func (d *decoder) skip() {
	for len(d.data) > 0 && d.data[0] <= ' ' {
		switch d.data[0] {
		case ' ', '\t', '\n', '\r':
			d.data = d.data[1:]
		default:
			return
		}
	}
}

// next skips white space and reads c.
func (d *decoder) next(c byte) bool {
	if len(d.data) == 0 || d.data[0] != c {
		if d.skip(); len(d.data) == 0 || d.data[0] != c {
			return false
		}
	}
	d.data = d.data[1:]
	return true
}

// object reads an object and calls member after each name and its colon, to read the
// value.
func (d *decoder) object(member func(name []byte) bool) bool {
	if !d.next('{') {
		return false
	}
	if d.next('}') {
		return true
	}
	for {
		name, ok := d.name()
		if !ok || !d.next(':') || !member(name) {
			return false
		}
		if !d.next(',') {
			return d.next('}')
		}
	}
}

// array reads an array and calls element to read each of its values.
func (d *decoder) array(element func() bool) bool {
	if !d.next('[') {
		return false
	}
	if d.next(']') {
		return true
	}
	for {
		if !element() {
			return false
		}
		if !d.next(',') {
			return d.next(']')
		}
	}
}

// name reads a string without escapes, as all names are.
func (d *decoder) name() ([]byte, bool) {
	if !d.next('"') {
		return nil, false
	}
	n := special(d.data)
	if n == len(d.data) || d.data[n] != '"' {
		return nil, false
	}
	name := d.data[:n]
	d.data = d.data[n+1:]
	return name, true
}

// text reads a string. The result is a part of data or of scratch.
func (d *decoder) text() ([]byte, bool) {
	if !d.next('"') {
		return nil, false
	}
	n := special(d.data)
	switch {
	case n == len(d.data):
		return nil, false
	case d.data[n] == '"':
		text := d.data[:n]
		d.data = d.data[n+1:]
		return text, true
	}
	begin := len(d.scratch)
	for {
		d.scratch = append(d.scratch, d.data[:n]...)
		d.data = d.data[n:]
		if len(d.data) == 0 {
			return nil, false
		}
		if d.data[0] == '"' {
			d.data = d.data[1:]
			return d.scratch[begin:], true
		}
		if !d.escape() {
			return nil, false
		}
		n = special(d.data)
	}
}

// special returns the number of bytes before the first quote, backslash or control
// character, or the length of text. It examines eight bytes at a time.
func special(text []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	n := 0
	for ; n+8 <= len(text); n += 8 {
		v := binary.LittleEndian.Uint64(text[n:])
		quote, backslash := v^ones*'"', v^ones*'\\'
		found := ((v - ones*0x20) &^ v) | ((quote - ones) &^ quote) | ((backslash - ones) &^ backslash)
		if found &= tops; found != 0 {
			// A borrow can only mark bytes after the first one, so the lowest is exact.
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for ; n < len(text); n++ {
		if c := text[n]; c < 0x20 || c == '"' || c == '\\' {
			break
		}
	}
	return n
}

// escapes maps the character after a backslash to the byte that it stands for.
var escapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// hexDigits holds the value of each hexadecimal digit plus one, 0 for other characters.
var hexDigits = [256]byte{
	'0': 1, '1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7, '7': 8, '8': 9, '9': 10,
	'a': 11, 'b': 12, 'c': 13, 'd': 14, 'e': 15, 'f': 16, 'A': 11, 'B': 12, 'C': 13, 'D': 14, 'E': 15, 'F': 16,
}

// escape reads an escape sequence into scratch.
func (d *decoder) escape() bool {
	if len(d.data) < 2 || d.data[0] != '\\' {
		return false // a control character, or the end
	}
	if c := escapes[d.data[1]]; c != 0 {
		d.scratch = append(d.scratch, c)
		d.data = d.data[2:]
		return true
	}
	r, ok := d.unicode()
	switch {
	case !ok:
		return false
	case r < utf8.RuneSelf: // as in the shorthand of a document
		d.scratch = append(d.scratch, byte(r))
		return true
	}
	if utf16.IsSurrogate(r) {
		low, ok := d.unicode()
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return false // half a pair: the SDK replaces it
		}
	}
	d.scratch = utf8.AppendRune(d.scratch, r)
	return true
}

// unicode reads \u and four hexadecimal digits.
func (d *decoder) unicode() (rune, bool) {
	const length = len(`\u0000`)
	if len(d.data) < length || d.data[0] != '\\' || d.data[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range d.data[2:length] {
		digit := hexDigits[c]
		if digit == 0 {
			return 0, false
		}
		r = r<<4 | rune(digit-1)
	}
	d.data = d.data[length:]
	return r, true
}

// number reads a number that is not negative and has no exponent.
func (d *decoder) number() ([]byte, bool) {
	d.skip()
	n := digits(d.data)
	if n == 0 || n > 1 && d.data[0] == '0' {
		return nil, false
	}
	if n < len(d.data) && d.data[n] == '.' {
		fraction := digits(d.data[n+1:])
		if fraction == 0 {
			return nil, false
		}
		n += 1 + fraction
	}
	token := d.data[:n]
	d.data = d.data[n:]
	return token, true
}

// digits returns the number of digits in front of text.
func digits(text []byte) int {
	n := 0
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		n++
	}
	return n
}

// boolean reads true or false.
func (d *decoder) boolean() ([]byte, bool) {
	d.skip()
	for _, word := range []string{"true", "false"} {
		if len(d.data) >= len(word) && string(d.data[:len(word)]) == word {
			value := d.data[:len(word)]
			d.data = d.data[len(word):]
			return value, true
		}
	}
	return nil, false
}
