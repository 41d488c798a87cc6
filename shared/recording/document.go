package recording

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/callrecordings/api/shared/strictjson"
)

// MaxDepth is the maximum nesting of a document or a request body (contract,
// Patch).
const MaxDepth = 32

// ErrNotObject is the error for JSON that must be an object but is not.
var ErrNotObject = errors.New("not a JSON object")

// ParseDocument makes a document from a JSON object. At the top level it
// removes the ID, nulls, and keys that begin with "_" or "pvt_". It also
// removes white space. All other fields stay unchanged, including unknown ones,
// because documents from a Kazoo keep their fields (contract, The document).
// Errors: those of strictjson.Check for [MaxDepth] levels, ErrNotObject.
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

// build makes a document from the fields that are public and not null.
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

// private reports whether a top-level key is not part of a document: clients
// never see it, or it is stored elsewhere (the ID).
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

// Fields returns an iterator over the fields and their values as JSON text, in
// order.
func (d Document) Fields() iter.Seq2[string, string] { return members(string(d)) }

// Raw returns the JSON text of the value at path. A step into an array is an
// index from 1. ok is false if the value is missing or null.
func (d Document) Raw(path ...string) (raw string, ok bool) { return find(string(d), path) }

// Text returns the value of a string field. ok is false if the field is missing
// or has another type.
func (d Document) Text(field string) (value string, ok bool) {
	raw, ok := d.Raw(field)
	if !ok || raw[0] != '"' {
		return "", false
	}
	return unquote(raw), true
}

// Int returns the value of a field that is a whole number. ok is false if the field
// is missing or has any other value.
func (d Document) Int(field string) (value int64, ok bool) {
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

// With returns d with the field set to a JSON value. The value "null" removes
// the field. The value must satisfy [ParseDocument], and the name must be
// public.
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

// with implements With for valid arguments.
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

// Under returns d with the fields of over added. If both have a field, the value in
// d takes precedence, except for the fields in keep.
func (d Document) Under(over Document, keep ...string) Document {
	for name, value := range over.Fields() {
		_, exists := d.Raw(name)
		if !exists || slices.Contains(keep, name) {
			d = d.with(name, value)
		}
	}
	return d
}

// Quote returns s as JSON text, for [Document.With].
func Quote(s string) string { return string(quote(nil, s)) }
