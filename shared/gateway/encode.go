package gateway

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
)

// The two encoders in this file take most of the time of a response, so they work on
// eight bytes at a time (docs/reference/performance.md has the gain). Tests compare them
// with encoding/json and encoding/base64.

const (
	// wordSize is the number of bytes in a step.
	wordSize = 8
	// base64Step is the number of bytes that a step of appendBase64 encodes.
	base64Step = 24
	// escapeSize is the length of the longest escape, such as \u001f.
	escapeSize = 6

	ones  = 0x0101010101010101 // times a byte: that byte in each place
	highs = 0x80 * ones        // the highest bit of each byte
)

// plain returns how many bytes at the start of a little-endian word need no escape in a
// JSON string.
//
// For each byte, the three differences set the highest bit if the byte is a control
// character, a quote or a backslash. A borrow may also set it in bytes above such a
// byte, but never below, so the lowest bit is right.
func plain(word uint64) int {
	quote, backslash := word^'"'*ones, word^'\\'*ones
	found := (word-' '*ones)&^word | (quote-ones)&^quote | (backslash-ones)&^backslash
	return bits.TrailingZeros64(found&highs) / 8 // 8 if no bit is set
}

// appendEscaped appends text, which must be valid UTF-8, escaped for a JSON string.
func appendEscaped(dst, text []byte) []byte {
	// In JSON text about every tenth byte is a quote.
	dst = slices.Grow(dst, len(text)+len(text)/4+4*escapeSize)
	out, at := dst[:cap(dst)], len(dst)
	for len(text) >= wordSize {
		if len(out)-at < wordSize+escapeSize {
			out = slices.Grow(out, len(text)+len(text)/2+4*escapeSize)
			out = out[:cap(out)]
		}
		word := binary.LittleEndian.Uint64(text)
		binary.LittleEndian.PutUint64(out[at:], word)
		n := plain(word)
		at += n
		if n < wordSize {
			at += putEscape(out[at:], text[n])
			n++
		}
		text = text[n:]
	}
	out = out[:at]
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' {
			var escape [escapeSize]byte
			out = append(out, escape[:putEscape(escape[:], c)]...)
			continue
		}
		out = append(out, c)
	}
	return out
}

// putEscape puts the escape of c at the start of out and returns its length.
func putEscape(out []byte, c byte) int {
	const hex = "0123456789abcdef"
	switch c {
	case '"', '\\':
		out[0], out[1] = '\\', c
		return 2
	case '\n':
		out[0], out[1] = '\\', 'n'
		return 2
	}
	copy(out, `\u00`)
	out[4], out[5] = hex[c>>4], hex[c&15]
	return escapeSize
}

// base64Pairs returns the two base64 characters of every 12 bits, as a big-endian
// number. It is built for the first body that needs it and not during the start.
var base64Pairs = sync.OnceValue(func() *[1 << 12]uint16 {
	var pairs [1 << 12]uint16
	for i := range pairs {
		var text [4]byte
		base64.StdEncoding.Encode(text[:], []byte{byte(i >> 4), byte(i << 4), 0})
		pairs[i] = binary.BigEndian.Uint16(text[:])
	}
	return &pairs
})

// appendBase64 appends data in base64 (RFC 4648, 4).
func appendBase64(dst, data []byte) []byte {
	dst = slices.Grow(dst, base64.StdEncoding.EncodedLen(len(data)))
	pairs := base64Pairs()
	at := len(dst)
	out := dst[:cap(dst)]
	for len(data) >= base64Step+2 { // the last word reads two bytes more than it encodes
		from, to := (*[base64Step + 2]byte)(data), (*[base64Step / 3 * 4]byte)(out[at:])
		putBase64((*[wordSize]byte)(to[0:]), pairs, binary.BigEndian.Uint64(from[0:]))
		putBase64((*[wordSize]byte)(to[8:]), pairs, binary.BigEndian.Uint64(from[6:]))
		putBase64((*[wordSize]byte)(to[16:]), pairs, binary.BigEndian.Uint64(from[12:]))
		putBase64((*[wordSize]byte)(to[24:]), pairs, binary.BigEndian.Uint64(from[18:]))
		data, at = data[base64Step:], at+len(to)
	}
	return base64.StdEncoding.AppendEncode(out[:at], data)
}

// putBase64 puts the base64 of the first six bytes of a big-endian word into out.
func putBase64(out *[wordSize]byte, pairs *[1 << 12]uint16, word uint64) {
	binary.BigEndian.PutUint64(out[:], uint64(pairs[word>>52])<<48|uint64(pairs[word>>40&0xfff])<<32|
		uint64(pairs[word>>28&0xfff])<<16|uint64(pairs[word>>16&0xfff]))
}
