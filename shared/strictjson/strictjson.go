// Package strictjson validates JSON text from clients before it is decoded.
//
// encoding/json uses the last of two equal keys, replaces invalid UTF-8 and
// lone surrogates, and allows 10,000 levels of nesting. This package rejects
// all of these. So the text that was validated is the text that is stored, and
// other parsers read the same from it (RFC 8259, 4 and 8; RFC 7493).
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Check and CheckNumbers wrap these errors with the offset. The errors never
// contain the text itself, which must not appear in logs.
var (
	// ErrSyntax means that the text is not one JSON value.
	ErrSyntax = errors.New("not JSON")
	// ErrDuplicate means that an object contains a key twice.
	ErrDuplicate = errors.New("duplicate key")
	// ErrDepth means that the value is nested too deeply.
	ErrDepth = errors.New("nested too deeply")
	// ErrNumber means that a number is too large for a double, such as 1e400.
	ErrNumber = errors.New("number out of range")
	// ErrUTF8 means that the text is not UTF-8, or that an escape is half a
	// surrogate pair.
	ErrUTF8 = errors.New("not valid UTF-8")
)

// Check returns an error unless data is one valid JSON value with at most
// maxDepth nested objects and arrays. A scalar has depth 0. Errors: ErrSyntax,
// ErrDuplicate, ErrDepth, ErrUTF8.
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

// value reads one value token by token, without recursion.
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
				if _, duplicate := open[top].keys[v]; duplicate {
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

// CheckNumbers returns ErrNumber if data contains a number that is too large for
// a double. Other parsers reject such a number or read infinity (RFC 7493, 2.2).
// Check must have accepted data. It is not part of Check, because stored
// documents of earlier versions may contain such numbers.
func CheckNumbers(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	for {
		t, err := d.Token()
		if err != nil {
			return nil //nolint:nilerr // the end of data
		}
		if n, ok := t.(json.Number); ok {
			if _, err := n.Float64(); err != nil {
				return fmt.Errorf("%w: before byte %d", ErrNumber, d.InputOffset())
			}
		}
	}
}

// reason describes the error of the decoder to clients, without the Go terms
// for the end of input.
func reason(err error) string {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "unexpected end"
	}
	return err.Error()
}

// loneSurrogate returns the offset of the first \u escape that is half a
// surrogate pair, or -1 if there is none. data is valid JSON.
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

// Compact appends data to dst without white space between the tokens. Numbers
// and strings keep their text. Check must have accepted data.
func Compact(dst, data []byte) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	if err := json.Compact(b, data); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrSyntax, reason(err))
	}
	return b.Bytes(), nil
}
