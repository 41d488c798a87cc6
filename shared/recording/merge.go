package recording

import (
	"fmt"
	"strconv"
	"strings"

	"callrecordings/shared/strictjson"
)

// MaxUserMetadata is the most bytes of user_metadata that are stored, as
// compact JSON (contract, Patch).
const MaxUserMetadata = 16 << 10

// userMetadata is the one field that a client may change.
const userMetadata = "user_metadata"

// Patch is what a PATCH asks for.
type Patch struct {
	// meta is the object to merge, as compact JSON; "" for none.
	meta string
}

// ParsePatch reads the body of a PATCH: {"data": {"user_metadata": {…}}} or the
// inner object alone. ui_metadata is dropped, because monster-ui adds it to
// every write; any other field is an error, and so nothing of the body counts.
// Beside data stands Kazoo's envelope (auth_token and so on), which is not
// looked at; a public field there is somebody's mistake, and an error.
// An object without user_metadata asks for nothing, which is no error.
// Errors: those of strictjson.Check with [MaxDepth] levels; [FieldErrors] for
// JSON of another shape.
func ParsePatch(body []byte) (Patch, error) {
	if err := strictjson.Check(body, MaxDepth); err != nil {
		return Patch{}, fmt.Errorf("parse patch: %w", err)
	}
	compact, err := strictjson.Compact(nil, body)
	if err != nil {
		return Patch{}, fmt.Errorf("parse patch: %w", err)
	}
	data := string(compact)
	var errs FieldErrors
	if inner, ok := member(data, "data"); ok {
		for name, value := range members(data) {
			if _, public := fields[name]; public {
				errs = append(errs, unknownField(name, value))
			}
		}
		data = inner
	}
	if data[0] != '{' {
		return Patch{}, append(errs, wrongType("data", string(object), data)).Err()
	}
	var p Patch
	for name, value := range members(data) {
		switch {
		case name == uiMetadata:
		case name != userMetadata:
			errs = append(errs, unknownField(name, value))
		case value[0] != '{':
			errs = append(errs, wrongType(name, string(object), value))
		default:
			p.meta = value
		}
	}
	if err := errs.Err(); err != nil {
		return Patch{}, err
	}
	return p, nil
}

// Apply returns d with the patch merged into its user_metadata, recursively:
// null removes a key, arrays and scalars are replaced (contract, Patch; the
// rules are those of RFC 7396). Error: FieldErrors when the result would pass
// [MaxUserMetadata].
func (p Patch) Apply(d Document) (Document, error) {
	if p.meta == "" {
		return d, nil
	}
	old, _ := d.Raw(userMetadata)
	merged := merge(old, p.meta)
	if len(merged) > MaxUserMetadata {
		return "", FieldErrors{tooMuchMetadata()}
	}
	if merged == "{}" && old == "" {
		return d, nil
	}
	return d.with(userMetadata, merged), nil
}

func tooMuchMetadata() FieldError {
	return FieldError{
		Field: userMetadata, Code: "maxLength",
		Message: "user_metadata must not be more than " + strconv.Itoa(MaxUserMetadata) + " bytes of JSON",
		Target:  MaxUserMetadata,
	}
}

// merge lays patch, an object, over old and returns the result. An old value
// that is no object gives way. Nulls of old that the patch does not name stay.
func merge(old, patch string) string {
	changes := map[string]string{}
	for name, value := range members(patch) {
		changes[name] = value
	}
	out := []byte{'{'}
	for name, value := range members(old) {
		if change, ok := changes[name]; ok {
			delete(changes, name)
			if change == "null" {
				continue
			}
			value = apply(value, change)
		}
		out = appendMember(out, name, value)
	}
	for name, value := range members(patch) {
		if _, open := changes[name]; open && value != "null" {
			out = appendMember(out, name, apply("", value))
		}
	}
	return string(append(out, '}'))
}

func apply(old, change string) string {
	if strings.HasPrefix(change, "{") {
		return merge(old, change)
	}
	return change
}
