package recording

import (
	"encoding/json"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// kind is the JSON type of a public field.
type kind string

const (
	text    kind = "string"
	natural kind = "integer" // 0 or more
	object  kind = "object"
	boolean kind = "boolean"
)

// field is a public field of the document.
type field struct {
	name string
	kind kind
}

// fields are the public fields: those of Kazoo's call_recordings schema
// (kazoo.md 2.3), those that Kazoo 5 adds (kazoo.md 1.10), endpoint_id and
// user_metadata (contract, The document). The ID is in [Recording]. They are sorted by
// name, and not in a map, which every start would have to fill.
var fields = []field{
	{"call_id", text},
	{"callee_id_name", text},
	{"callee_id_number", text},
	{"caller_id_name", text},
	{"caller_id_number", text},
	{"cdr_id", text},
	{"conference_id", text},
	{"conference_name", text},
	{"conference_recording", boolean},
	{"content_type", text},
	{"custom_channel_vars", object},
	{"description", text},
	{"direction", text},
	{"duration", natural},
	{"duration_ms", natural},
	{"endpoint_id", text},
	{"from", text},
	{"interaction_id", text},
	{"media_source", text},
	{"media_type", text},
	{"name", text},
	{"origin", text},
	{"owner_id", text},
	{"recording_vars", object},
	{"request", text},
	{"source_type", text},
	{"start", natural},
	{"to", text},
	{"transcribe", boolean},
	{"url", text},
	{"user_metadata", object},
}

// kindOf returns the kind of a public field. ok is false if no public field has this name.
func kindOf(name string) (k kind, ok bool) {
	i, ok := slices.BinarySearchFunc(fields, name, func(f field, name string) int { return strings.Compare(f.name, name) })
	if !ok {
		return "", false
	}
	return fields[i].kind, true
}

// PublicField is a public field of the document, for other packages.
type PublicField struct {
	Name string
	// Object is true if the value is a JSON object, so that its members are columns of
	// a table.
	Object bool
}

// PublicFields returns the public fields, sorted by name. The ID is not among them.
func PublicFields() []PublicField {
	all := make([]PublicField, len(fields))
	for i, f := range fields {
		all[i] = PublicField{Name: f.name, Object: f.kind == object}
	}
	return all
}

// IsPublicField reports whether name is a public field. The ID is not.
func IsPublicField(name string) bool {
	_, ok := kindOf(name)
	return ok
}

// maxInteger is the largest integer that every JSON parser represents exactly
// (RFC 7493, 2.2).
const maxInteger = 1<<53 - 1

// check returns an error unless JSON text is valid for the kind. ok is true if
// it is.
func (k kind) check(name, raw string) (fault FieldError, ok bool) {
	switch {
	case k == text && raw[0] == '"', k == object && raw[0] == '{', k == boolean && (raw == "true" || raw == "false"):
		return FieldError{}, true
	case k != natural || strings.Trim(raw, "-0123456789") != "":
		return wrongType(name, string(k), raw), false
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	switch {
	case n < 0:
		return outOfBounds(name, "minimum", "Value must be at least ", 0, raw), false
	case err != nil || n > maxInteger:
		return outOfBounds(name, "maximum", "Value must be at most ", maxInteger, raw), false
	}
	return FieldError{}, true
}

// Validate returns the errors in a document that a client sends: unknown
// fields, and known ones of a wrong type. Documents from a Kazoo need not be
// valid.
func (d Document) Validate() FieldErrors {
	var errs FieldErrors
	for name, value := range d.Fields() {
		k, known := kindOf(name)
		if !known {
			errs = append(errs, unknownField(name, value))
		} else if fault, ok := k.check(name, value); !ok {
			errs = append(errs, fault)
		}
	}
	return errs
}

// FieldError describes an error in one field of a request, like Kazoo's
// validation errors (kazoo.md 5.4).
type FieldError struct {
	// Field is the path, joined by dots. A dot inside a name is "%2E".
	Field string
	// Code is the name of the violated rule, such as "type". Message describes
	// it.
	Code, Message string
	// Target is the value that the rule requires, or nil.
	Target any
	// Value is the rejected value, or nil if it is not shown.
	Value json.RawMessage
}

// Error joins the field and the message.
func (e FieldError) Error() string { return e.Field + ": " + e.Message }

// FieldErrors are the errors in a request.
type FieldErrors []FieldError

// Error joins the texts of the errors.
func (e FieldErrors) Error() string {
	texts := make([]string, len(e))
	for i := range e {
		texts[i] = e[i].Error()
	}
	return strings.Join(texts, "; ")
}

// Err sorts e by field and returns it as an error, or nil if it is empty. Unlike
// slices.SortStableFunc, sort.SliceStable is not compiled once more for this type, which
// would add 4 KB to each function.
func (e FieldErrors) Err() error {
	if len(e) == 0 {
		return nil
	}
	sort.SliceStable(e, func(a, b int) bool { return e[a].Field < e[b].Field })
	return e
}

func unknownField(name, value string) FieldError {
	return FieldError{
		Field: strings.ReplaceAll(name, ".", "%2E"), Code: "additionalProperties",
		Message: "Strict checking of data is enabled; only include schema-defined properties",
		Value:   json.RawMessage(value),
	}
}

// readOnly is the error for a field that a PATCH cannot change.
func readOnly(name string) FieldError {
	return FieldError{
		Field: strings.ReplaceAll(name, ".", "%2E"), Code: "forbidden",
		Message: "Read-only property; only user_metadata can be changed",
	}
}

func wrongType(name, want, value string) FieldError {
	return FieldError{
		Field: name, Code: "type", Message: "Value did not match type(s): " + want,
		Target: want, Value: json.RawMessage(value),
	}
}

func outOfBounds(name, code, text string, bound int, value string) FieldError {
	return FieldError{
		Field: name, Code: code, Message: text + strconv.Itoa(bound),
		Target: bound, Value: json.RawMessage(value),
	}
}
