package recording

import (
	"slices"
	"strings"
)

// sight is what a test sees of a recording.
type sight struct {
	// kind is the first character of the value's JSON text, '"' for a string;
	// 0 when nothing is there.
	kind byte
	// form is a scalar's string form: the text of a string, and the JSON text
	// of a number or boolean. Objects and lists have their JSON text here.
	form string
}

// look finds what the test is about: the id, or a public field.
func (t *test) look(r *Recording) sight {
	if t.id {
		return sight{kind: '"', form: r.ID}
	}
	raw, ok := find(string(r.Document), t.path)
	switch {
	case !ok:
		return sight{}
	case raw[0] == '"':
		return sight{kind: '"', form: unquote(raw)}
	}
	return sight{kind: raw[0], form: raw}
}

// equal compares the string form of the value with what was asked for. A
// missing value has the form "", an object or a list equals nothing.
func (t *test) equal(r *Recording) bool {
	s := t.look(r)
	if s.kind == '{' || s.kind == '[' {
		return false
	}
	return s.form == t.value || slices.Contains(t.any, s.form)
}

func (t *test) present(r *Recording) bool { return t.look(r).kind != 0 }

// empties are the strings that count as no value (kazoo.md 4).
var empties = []string{"", "0", "NULL", "undefined"}

// valued reports whether there is a value that is not empty in Kazoo's sense.
// Booleans, false as well, are values.
func (t *test) valued(r *Recording) bool {
	switch s := t.look(r); s.kind {
	case 0:
		return false
	case '"':
		return !slices.Contains(empties, s.form)
	case '{', '[':
		return len(s.form) > len("{}")
	case 't', 'f':
		return true
	default:
		mantissa, _, _ := strings.Cut(strings.ToLower(s.form), "e")
		return strings.ContainsAny(mantissa, "123456789")
	}
}
