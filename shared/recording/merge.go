package recording

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/callrecordings/api/shared/strictjson"
)

// MaxUserMetadata is the maximum size of the stored user_metadata in bytes of
// compact JSON (contract, Patch).
const MaxUserMetadata = 16 << 10

// userMetadata is the only field that clients may change.
const userMetadata = "user_metadata"

// Patch is the content of a PATCH request.
type Patch struct {
	// meta is the object to merge as compact JSON, or "".
	meta string
}

// ParsePatch parses the body of a PATCH: {"data": {"user_metadata": {…}}}, or
// the inner object alone. It ignores ui_metadata, because monster-ui adds it to
// every write. Any other field is an error, and then the whole body is
// rejected. Such an error names two rules: forbidden, as in Kazoo 5 (kazoo.md 1.10), and
// additionalProperties, as in Kazoo's other validation errors. Next to data it ignores the members of Kazoo's envelope (auth_token
// and so on), but rejects public fields, because they are in the wrong place.
// An object without user_metadata is valid and changes nothing.
//
// Errors: those of strictjson.Check for [MaxDepth] levels and of
// strictjson.CheckNumbers; [FieldErrors] for JSON of another structure.
func ParsePatch(body []byte) (Patch, error) {
	if err := checkRequest(body, MaxDepth); err != nil {
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
			if _, public := kindOf(name); public {
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
			errs = append(errs, unknownField(name, value), readOnly(name))
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

// IsZero reports whether the patch changes no document.
func (p Patch) IsZero() bool { return p.meta == "" || p.meta == "{}" }

// Apply returns d with the patch merged into its user_metadata, recursively. A
// null removes a key. Arrays and scalars replace the old value (contract,
// Patch; the rules are those of RFC 7396). Error: FieldErrors if the result is
// larger than [MaxUserMetadata].
func (p Patch) Apply(d Document) (Document, error) {
	if p.meta == "" {
		return d, nil
	}
	old, _ := d.Raw(userMetadata)
	merged := merge(old, p.meta)
	if len(merged) > MaxUserMetadata {
		return "", FieldErrors{metadataTooLarge()}
	}
	if merged == "{}" && old == "" {
		return d, nil
	}
	return d.with(userMetadata, merged), nil
}

func metadataTooLarge() FieldError {
	return FieldError{
		Field: userMetadata, Code: "maxLength",
		Message: "user_metadata must not be more than " + strconv.Itoa(MaxUserMetadata) + " bytes of JSON",
		Target:  MaxUserMetadata,
	}
}

// merge merges patch, an object, into old. It replaces an old value that is not
// an object. It keeps nulls in old unless the patch has the same key.
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
		if _, isNew := changes[name]; isNew && value != "null" {
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
