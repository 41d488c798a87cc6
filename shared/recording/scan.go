package recording

import (
	"encoding/json"
	"iter"
	"strconv"
	"strings"
)

// The functions in this file scan JSON text that strictjson has checked and
// compacted. They decode only the requested parts. On other text the results are
// undefined, but they stay within its bounds and yield no empty text.

// skip returns the index after the value that begins at s[i].
func skip(s string, i int) int {
	depth := 0
	for i < len(s) {
		switch s[i] {
		case '"':
			i = skipString(s, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			depth--
			i++
		case ',', ':':
			i++
			continue
		default:
			for i < len(s) && s[i] != ',' && s[i] != ']' && s[i] != '}' {
				i++
			}
		}
		if depth <= 0 {
			return i
		}
	}
	return len(s)
}

// skipString returns the index after the string that begins at s[i].
func skipString(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// members returns an iterator over the decoded names and the JSON text of the
// values of an object.
func members(object string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if len(object) < 2 || object[0] != '{' {
			return
		}
		for i := 1; i < len(object) && object[i] == '"'; i++ {
			end := skipString(object, i)
			name := unquote(object[i:end])
			start := min(end+1, len(object))
			i = skip(object, start)
			if i == start || !yield(name, object[start:i]) {
				return
			}
		}
	}
}

// elements returns an iterator over the JSON text of the values of an array.
func elements(array string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if len(array) < 2 || array[0] != '[' || array[1] == ']' {
			return
		}
		for i := 1; i < len(array); i++ {
			end := skip(array, i)
			if end == i || !yield(array[i:end]) {
				return
			}
			i = end
		}
	}
}

// find returns the text at path below value. A step into an array is an index
// from 1 (kazoo.md 4). ok is false if the value is missing or null.
func find(value string, path []string) (raw string, ok bool) {
	for _, step := range path {
		next, ok := "", false
		switch {
		case strings.HasPrefix(value, "{"):
			next, ok = member(value, step)
		case strings.HasPrefix(value, "["):
			next, ok = element(value, step)
		}
		if !ok {
			return "", false
		}
		value = next
	}
	return value, value != "" && value != "null"
}

func member(object, name string) (string, bool) {
	for n, v := range members(object) {
		if n == name {
			return v, true
		}
	}
	return "", false
}

func element(array, index string) (string, bool) {
	n, err := strconv.Atoi(index)
	if err != nil || n < 1 {
		return "", false
	}
	for v := range elements(array) {
		if n--; n == 0 {
			return v, true
		}
	}
	return "", false
}

// unquote decodes a JSON string. It returns s unchanged if it is not one.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' {
		return s
	}
	if strings.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	var decoded string
	if json.Unmarshal([]byte(s), &decoded) != nil {
		return s
	}
	return decoded
}

// Unquote decodes a JSON string of a document, which [Document.Fields] yields. It
// returns raw unchanged if it is not a string.
func Unquote(raw string) string { return unquote(raw) }

// Elements returns an iterator over the JSON text of the values of an array of a
// document.
func Elements(array string) iter.Seq[string] { return elements(array) }

// quote appends s as a JSON string.
func quote(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			var b strings.Builder
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			_ = e.Encode(s) // a string always encodes
			return append(dst, strings.TrimSuffix(b.String(), "\n")...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
