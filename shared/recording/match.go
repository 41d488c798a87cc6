package recording

import (
	"slices"
	"strings"
)

// fieldValue is the value that a test compares.
type fieldValue struct {
	// kind is the first character of the value's JSON text, such as '"' for a
	// string. It is 0 if the value is missing.
	kind byte
	// form is the text of a string, and the JSON text of any other value.
	form string
}

// lookup returns the value of the tested field, or the ID.
func (t *test) lookup(r *Recording) fieldValue {
	if t.id {
		return fieldValue{kind: '"', form: r.ID}
	}
	raw, ok := find(string(r.Document), t.path)
	switch {
	case !ok:
		return fieldValue{}
	case raw[0] == '"':
		return fieldValue{kind: '"', form: unquote(raw)}
	}
	return fieldValue{kind: raw[0], form: raw}
}

// equal compares the string form of the value with the parameter. A missing
// value has the form "". An object or a list equals no string.
func (t *test) equal(r *Recording) bool {
	v := t.lookup(r)
	if v.kind == '{' || v.kind == '[' {
		return false
	}
	return v.form == t.value || t.oneOf[v.form]
}

func (t *test) hasKey(r *Recording) bool { return t.lookup(r).kind != 0 }

// emptyValues are the strings that count as missing (kazoo.md 4).
var emptyValues = []string{"", "0", "NULL", "undefined"}

// hasValue reports whether the field has a value that is not empty in Kazoo's
// sense. Booleans are values, including false.
func (t *test) hasValue(r *Recording) bool {
	switch v := t.lookup(r); v.kind {
	case 0:
		return false
	case '"':
		return !slices.Contains(emptyValues, v.form)
	case '{', '[':
		return len(v.form) > len("{}")
	case 't', 'f':
		return true
	default:
		mantissa, _, _ := strings.Cut(strings.ToLower(v.form), "e")
		return strings.ContainsAny(mantissa, "123456789")
	}
}
