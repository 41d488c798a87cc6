// Package strictjson checks JSON text that comes from outside, before anything
// decodes it.
//
// encoding/json takes the last of two equal keys, replaces bad UTF-8 and lone
// surrogates, and stops at 10,000 levels only. Here all of that is refused, so
// that what was checked is what will be stored and what another parser will
// read (RFC 8259, 4 and 8; RFC 7493).
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Why text is refused. They are wrapped with the place where it was seen, and
// show nothing of the text, which is for the client and not for a log.
var (
	// ErrSyntax: it is not one JSON value.
	ErrSyntax = errors.New("not JSON")
	// ErrDuplicate: an object has a key twice.
	ErrDuplicate = errors.New("duplicate key")
	// ErrDepth: it is nested too deep.
	ErrDepth = errors.New("nested too deep")
	// ErrUTF8: it is not UTF-8, or an escape is half a surrogate pair.
	ErrUTF8 = errors.New("not valid UTF-8")
)

// Check reports what is wrong with data as one JSON value of at most maxDepth
// nested objects and arrays; nil if nothing is. A scalar has depth 0.
func Check(data []byte, maxDepth int) error {
	if !utf8.Valid(data) {
		return ErrUTF8
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := value(d, maxDepth); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: text after the value", ErrSyntax)
	}
	if at := loneSurrogate(data); at >= 0 {
		return fmt.Errorf("%w: half a surrogate pair at byte %d", ErrUTF8, at)
	}
	return nil
}

// container is an open object or array; keys is nil for an array.
type container struct {
	keys map[string]struct{}
	// key is true when the next string is a key.
	key bool
}

// value reads one value, token by token, without recursion.
func value(d *json.Decoder, maxDepth int) error {
	var open []container
	for {
		t, err := d.Token()
		if err != nil {
			return fmt.Errorf("%w: %s at byte %d", ErrSyntax, reason(err), d.InputOffset())
		}
		top := len(open) - 1
		switch v := t.(type) {
		case json.Delim:
			switch v {
			case '{', '[':
				if len(open) >= maxDepth {
					return fmt.Errorf("%w: more than %d levels at byte %d", ErrDepth, maxDepth, d.InputOffset())
				}
				if top >= 0 {
					open[top].key = open[top].keys != nil
				}
				c := container{}
				if v == '{' {
					c = container{keys: map[string]struct{}{}, key: true}
				}
				open = append(open, c)
				continue
			}
			open = open[:top]
		case string:
			if top >= 0 && open[top].key {
				if _, twice := open[top].keys[v]; twice {
					return fmt.Errorf("%w: before byte %d", ErrDuplicate, d.InputOffset())
				}
				open[top].keys[v] = struct{}{}
				open[top].key = false
				continue
			}
		}
		if len(open) == 0 {
			return nil
		}
		top = len(open) - 1
		open[top].key = open[top].keys != nil
	}
}

// reason is the decoder's complaint in words for people who never saw Go.
func reason(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "unexpected end"
	}
	return err.Error()
}

// loneSurrogate returns the place of the first \u escape in valid JSON that is
// half a surrogate pair, -1 if there is none.
func loneSurrogate(data []byte) int {
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		i++ // the escaped character
		if data[i] != 'u' {
			continue
		}
		switch r := hex4(data[i+1:]); {
		case 0xDC00 <= r && r < 0xE000:
			return i - 1
		case 0xD800 <= r && r < 0xDC00:
			rest := data[i+5:]
			if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' {
				return i - 1
			}
			if low := hex4(rest[2:]); low < 0xDC00 || low >= 0xE000 {
				return i - 1
			}
			i += 6
		}
		i += 4
	}
	return -1
}

func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		switch {
		case c <= '9':
			c -= '0'
		case c <= 'F':
			c -= 'A' - 10
		default:
			c -= 'a' - 10
		}
		r = r<<4 | rune(c)
	}
	return r
}

// Compact appends data, which Check has passed, to dst without white space
// between its tokens. Numbers and strings keep their text.
func Compact(dst, data []byte) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	if err := json.Compact(b, data); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrSyntax, reason(err))
	}
	return b.Bytes(), nil
}
