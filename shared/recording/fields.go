package recording

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// kind is the type that a public field must have.
type kind string

const (
	text    kind = "string"
	natural kind = "integer" // 0 or more
	object  kind = "object"
)

// fields are the public fields: those of Kazoo's call_recordings schema
// (kazoo.md 2.3), and endpoint_id and user_metadata (contract, The document).
// The id stands apart, in [Recording].
var fields = map[string]kind{
	"call_id":             text,
	"callee_id_name":      text,
	"callee_id_number":    text,
	"caller_id_name":      text,
	"caller_id_number":    text,
	"cdr_id":              text,
	"content_type":        text,
	"custom_channel_vars": object,
	"description":         text,
	"direction":           text,
	"duration":            natural,
	"duration_ms":         natural,
	"endpoint_id":         text,
	"from":                text,
	"interaction_id":      text,
	"media_source":        text,
	"media_type":          text,
	"name":                text,
	"origin":              text,
	"owner_id":            text,
	"request":             text,
	"source_type":         text,
	"start":               natural,
	"to":                  text,
	"url":                 text,
	"user_metadata":       object,
}

// maxInteger is the largest whole number that every JSON parser keeps exactly
// (RFC 7493, 2.2).
const maxInteger = 1<<53 - 1

// check returns what keeps JSON text from being of that kind; ok if nothing
// does.
func (k kind) check(name, raw string) (fault FieldError, ok bool) {
	switch {
	case k == text && raw[0] == '"', k == object && raw[0] == '{':
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

// Validate lists what keeps d from being a document that a client may create:
// unknown fields, and known ones of another type. Documents copied from a
// Kazoo need not pass.
func (d Document) Validate() FieldErrors {
	var errs FieldErrors
	for name, value := range d.Fields() {
		k, known := fields[name]
		if !known {
			errs = append(errs, unknownField(name, value))
		} else if fault, ok := k.check(name, value); !ok {
			errs = append(errs, fault)
		}
	}
	return errs
}

// FieldError says what is wrong with one field of a request, in the terms of
// Kazoo's validation errors (kazoo.md 5.4).
type FieldError struct {
	// Field is its path, joined by dots; a dot inside a name is "%2E".
	Field string
	// Code names the broken rule, "type"; Message is the sentence for it.
	Code, Message string
	// Target is what the rule wants, nil if it has no such thing.
	Target any
	// Value is what was given, as JSON; nil where it is not shown.
	Value json.RawMessage
}

// Error joins field and message.
func (e FieldError) Error() string { return e.Field + ": " + e.Message }

// FieldErrors is all that is wrong with a request.
type FieldErrors []FieldError

// Error joins them, one after another.
func (e FieldErrors) Error() string {
	texts := make([]string, len(e))
	for i := range e {
		texts[i] = e[i].Error()
	}
	return strings.Join(texts, "; ")
}

// Err returns e as an error, nil if there is nothing in it.
func (e FieldErrors) Err() error {
	if len(e) == 0 {
		return nil
	}
	slices.SortStableFunc(e, func(a, b FieldError) int { return strings.Compare(a.Field, b.Field) })
	return e
}

func unknownField(name, value string) FieldError {
	return FieldError{
		Field: strings.ReplaceAll(name, ".", "%2E"), Code: "additionalProperties",
		Message: "Strict checking of data is enabled; only include schema-defined properties",
		Value:   json.RawMessage(value),
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
