package recording

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"callrecordings/shared/strictjson"
)

// MaxDepth is the most levels that a document or a request body may nest
// (contract, Patch).
const MaxDepth = 32

// ErrNotObject is the error of JSON that is no object where one is needed.
var ErrNotObject = errors.New("not a JSON object")

// ParseDocument makes a document of a JSON object from outside: it drops the
// id, nulls, and keys that begin with "_" or "pvt_" at the top level, and the
// white space. Everything else stays as it is, unknown fields too, because
// documents copied from a Kazoo keep what they had (contract, The document).
// Errors: those of strictjson.Check with [MaxDepth] levels, ErrNotObject.
func ParseDocument(raw []byte) (Document, error) {
	if err := strictjson.Check(raw, MaxDepth); err != nil {
		return "", fmt.Errorf("parse document: %w", err)
	}
	text, err := strictjson.Compact(nil, raw)
	if err != nil {
		return "", fmt.Errorf("parse document: %w", err)
	}
	if text[0] != '{' {
		return "", fmt.Errorf("parse document: %w", ErrNotObject)
	}
	return build(members(string(text))), nil
}

// build writes the members that belong into a document.
func build(fields iter.Seq2[string, string]) Document {
	out := []byte{'{'}
	for name, value := range fields {
		if value == "null" || private(name) {
			continue
		}
		out = appendMember(out, name, value)
	}
	return Document(append(out, '}'))
}

// private reports whether a top-level key never leaves the service or is kept
// elsewhere (the id).
func private(name string) bool {
	return name == "id" || strings.HasPrefix(name, "_") || strings.HasPrefix(name, "pvt_")
}

func appendMember(dst []byte, name, value string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(quote(dst, name), ':')
	return append(dst, value...)
}

// Fields yields the fields with their values as JSON text, in order.
func (d Document) Fields() iter.Seq2[string, string] { return members(string(d)) }

// Raw returns the JSON text of the value at path; a step into an array is an
// index from 1. It reports false where there is nothing, or null.
func (d Document) Raw(path ...string) (string, bool) { return find(string(d), path) }

// Text returns a field that is a string. It reports false if it is missing or
// something else.
func (d Document) Text(field string) (string, bool) {
	raw, ok := d.Raw(field)
	if !ok || raw[0] != '"' {
		return "", false
	}
	return unquote(raw), true
}

// Int returns a field that is a whole number. It reports false if it is
// missing or something else.
func (d Document) Int(field string) (int64, bool) {
	raw, ok := d.Raw(field)
	if !ok {
		return 0, false
	}
	if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(raw, 64)
	if n := int64(f); err == nil && float64(n) == f && f > -1<<62 && f < 1<<62 {
		return n, true
	}
	return 0, false
}

// With returns d with the field set to a JSON value; "null" removes it. The
// value is checked as [ParseDocument] checks. A private name is an error.
func (d Document) With(field, raw string) (Document, error) {
	if private(field) {
		return "", fmt.Errorf("set %s: not a public field", field)
	}
	if err := strictjson.Check([]byte(raw), MaxDepth-1); err != nil {
		return "", fmt.Errorf("set %s: %w", field, err)
	}
	value, err := strictjson.Compact(nil, []byte(raw))
	if err != nil {
		return "", fmt.Errorf("set %s: %w", field, err)
	}
	return d.with(field, string(value)), nil
}

// with is With for text that is known to be right.
func (d Document) with(field, value string) Document {
	return build(func(yield func(string, string) bool) {
		found := false
		for name, old := range d.Fields() {
			if name == field {
				old, found = value, true
			}
			if !yield(name, old) {
				return
			}
		}
		if !found {
			yield(field, value)
		}
	})
}

// Under returns d with those fields that are in over, and every field that only
// over has: what d says counts, but for keep, of which over knows more.
func (d Document) Under(over Document, keep ...string) Document {
	for name, value := range over.Fields() {
		_, there := d.Raw(name)
		if !there || slices.Contains(keep, name) {
			d = d.with(name, value)
		}
	}
	return d
}

// Quote returns s as JSON text, for [Document.With].
func Quote(s string) string { return string(quote(nil, s)) }
