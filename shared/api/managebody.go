package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/strictjson"
)

// readEntry parses the body of a PUT of a user or a group: {"data": {…}} or the inner
// object alone. fields has the fields with pointers to strings and lists of strings. It
// ignores ui_metadata, which monster-ui adds to every write, and id. Errors: those of
// jsonBody and of strictjson.Check, and recording.FieldErrors.
func readEntry(r *request, fields map[string]any) error {
	members, err := readMembers(r)
	if err != nil {
		return err
	}
	return decodeFields(members, "", fields).Err()
}

// readMembers parses the body for [readEntry] into its members.
func readMembers(r *request) (map[string]json.RawMessage, error) {
	body, err := jsonBody(r)
	if err != nil {
		return nil, err
	}
	if err := strictjson.Check(body, recording.MaxDepth); err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return nil, wrongEntryType("data", "object")
	}
	if inner, ok := members["data"]; ok {
		members = nil
		if json.Unmarshal(inner, &members) != nil || members == nil {
			return nil, wrongEntryType("data", "object")
		}
	}
	delete(members, "ui_metadata")
	delete(members, "id")
	return members, nil
}

// decodeFields decodes the members of an object into fields. at is put before the names of
// fields in errors.
func decodeFields(members map[string]json.RawMessage, at string, fields map[string]any) recording.FieldErrors {
	var errs recording.FieldErrors
	for _, name := range slices.Sorted(maps.Keys(members)) {
		to, known := fields[name]
		switch {
		case !known:
			errs = append(errs, recording.FieldError{
				Field: at + name, Code: "additionalProperties", Message: "Strictly not allowed additional properties",
			})
		case !decodeField(members[name], to):
			wrong := wrongEntryType(at+name, kindOf(to))
			wrong[0].Value = members[name]
			errs = append(errs, wrong...)
		}
	}
	return errs
}

// kindOf returns the name of a field's type for clients.
func kindOf(to any) string {
	switch to.(type) {
	case *[]string:
		return "array of strings"
	case *int:
		return "integer"
	case *bool:
		return "boolean"
	case *json.RawMessage:
		return "object"
	}
	return "string"
}

// decodeField decodes a member. It returns false for another type and for null.
func decodeField(raw json.RawMessage, to any) bool {
	if bytes.Equal(raw, []byte("null")) || json.Unmarshal(raw, to) != nil {
		return false
	}
	list, ok := to.(*[]string)
	return !ok || !bytes.Contains(raw, []byte("null")) || !slices.Contains(*list, "")
}

func wrongEntryType(field, kind string) recording.FieldErrors {
	return recording.FieldErrors{{
		Field: field, Code: "type", Message: "Value did not match type(s): " + kind, Target: kind,
	}}
}
