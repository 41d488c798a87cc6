package recording

import (
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/callrecordings/api/shared/strictjson"
)

// Creation is the content of a PUT request that creates a recording.
type Creation struct {
	// ID is the ID that the client chose, or "".
	ID string
	// Document holds the public fields.
	Document Document
	// Upload is the announcement of the audio.
	Upload Upload
}

// URL returns the address of external audio, or "".
func (c Creation) URL() string {
	address, _ := c.Document.Text(urlField)
	return address
}

// uiMetadata is a field that monster-ui adds to every write. It is ignored.
const uiMetadata = "ui_metadata"

// ParseCreation parses the body of a PUT: {"data": {…}, "upload": {…}}, or the
// inner object alone. It ignores ui_metadata, nulls and private fields of data
// (_… and pvt_…), so that clients can write a document that they have read. Any
// other unknown field, and every value of a wrong type, is an error (contract,
// Create). Next to data it ignores the members of Kazoo's envelope, but rejects
// public fields, because they are in the wrong place. maxBytes limits the
// announced size of the audio.
//
// Errors: those of strictjson.Check for [MaxDepth] levels and of
// strictjson.CheckNumbers; [FieldErrors].
func ParseCreation(body []byte, maxBytes int64) (Creation, error) {
	if err := checkRequest(body, MaxDepth); err != nil {
		return Creation{}, fmt.Errorf("parse creation: %w", err)
	}
	compact, err := strictjson.Compact(nil, body)
	if err != nil {
		return Creation{}, fmt.Errorf("parse creation: %w", err)
	}
	var errs FieldErrors
	data := string(compact)
	upload, _ := member(data, "upload")
	if inner, ok := member(data, "data"); ok {
		for name, value := range members(data) {
			if _, public := kindOf(name); public {
				errs = append(errs, unknownField(name, value))
			}
		}
		data = inner
	} else {
		data = without(data, "upload")
	}
	if data[0] != '{' {
		return Creation{}, append(errs, wrongType("data", string(object), data)).Err()
	}
	c, more := newCreation(members(data))
	errs = append(errs, more...)
	c.Upload, more = parseUpload(upload, maxBytes)
	if c.URL() != "" && c.Upload != (Upload{}) {
		more = append(more, audioConflict("upload", upload))
	}
	if err := append(errs, more...).Err(); err != nil {
		return Creation{}, err
	}
	return c, nil
}

// CreationOf makes a creation from query parameters, for a request with audio
// as its body. It ignores parameters that are not public fields (contract,
// Routes). The first of two parameters with one name counts. Error:
// [FieldErrors].
func CreationOf(parameters iter.Seq2[string, string]) (Creation, error) {
	var errs FieldErrors
	given := map[string]string{}
	var order []string
	for name, value := range parameters {
		k, public := kindOf(name)
		if _, duplicate := given[name]; duplicate || !public && name != idField {
			continue
		}
		raw := Quote(value)
		if k == natural || k == object || k == boolean {
			if err := checkRequest([]byte(value), MaxDepth-1); err != nil {
				errs = append(errs, wrongType(name, string(k), raw))
				continue
			}
			compact, err := strictjson.Compact(nil, []byte(value))
			if err != nil {
				return Creation{}, fmt.Errorf("parse parameter: %w", err)
			}
			raw = string(compact)
		}
		given[name] = raw
		order = append(order, name)
	}
	c, more := newCreation(func(yield func(string, string) bool) {
		for _, name := range order {
			if !yield(name, given[name]) {
				return
			}
		}
	})
	if c.URL() != "" {
		more = append(more, audioConflict(urlField, Quote(c.URL())))
	}
	if err := append(errs, more...).Err(); err != nil {
		return Creation{}, err
	}
	return c, nil
}

// checkRequest checks JSON text that a client sends. Errors: those of
// strictjson.Check and strictjson.CheckNumbers.
func checkRequest(text []byte, maxDepth int) error {
	if err := strictjson.Check(text, maxDepth); err != nil {
		return err
	}
	return strictjson.CheckNumbers(text)
}

const (
	idField    = "id"
	ownerField = "owner_id"
	urlField   = "url"
)

// newCreation makes a creation from fields, and returns the errors in them.
func newCreation(given iter.Seq2[string, string]) (Creation, FieldErrors) {
	var c Creation
	var errs FieldErrors
	c.Document = build(func(yield func(string, string) bool) {
		for name, value := range given {
			if name == idField && value != "null" {
				id, err := ParseID(unquote(value))
				if err != nil || value[0] != '"' {
					errs = append(errs, mismatch(idField, idPattern, value))
				}
				c.ID = id
			}
			if name != uiMetadata && !yield(name, value) {
				return
			}
		}
	})
	errs = append(errs, c.Document.Validate()...)
	if raw, ok := c.Document.Raw(ownerField); ok && raw[0] == '"' && !isName(unquote(raw)) {
		errs = append(errs, mismatch(ownerField, namePattern, raw))
	}
	if meta, _ := c.Document.Raw(userMetadata); len(meta) > MaxUserMetadata {
		errs = append(errs, metadataTooLarge())
	}
	if raw, ok := c.Document.Raw(directionField); ok && raw[0] == '"' && !slices.Contains(kazooDirections, unquote(raw)) {
		errs = append(errs, FieldError{
			Field: directionField, Code: "enum", Message: notListed, Target: kazooDirections, Value: json.RawMessage(raw),
		})
	}
	if raw, ok := c.Document.Raw(urlField); ok && raw[0] == '"' && !isWebAddress(unquote(raw)) {
		errs = append(errs, mismatch(urlField, webPattern, raw))
	}
	return c, errs
}

// isWebAddress reports whether s is an absolute http or https URL. It must not
// contain a user or a password, because everyone who may read the document sees
// it.
func isWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}

// WithoutUnsafeURL returns d without its url, if that is neither empty nor an absolute
// http or https URL without a user and a password. removed is true if d had such a url.
// Interfaces show the url as a link, so javascript: and data: would run as scripts of
// the interface.
func (d Document) WithoutUnsafeURL() (safe Document, removed bool) {
	raw, ok := d.Raw(urlField)
	if !ok || raw == `""` || raw[0] == '"' && isWebAddress(unquote(raw)) {
		return d, false
	}
	return d.with(urlField, "null"), true
}

// directionField is the field with the direction of a call. kazooDirections are the
// values that Kazoo writes (kazoo.md 7.2).
const directionField = "direction"

var kazooDirections = []string{"inbound", "outbound"}

// notListed is the message of the rule enum (kazoo.md 5.4).
const notListed = "Value not found in enumerated list of values"

// audioConflict is the error for an upload to a recording with external audio.
func audioConflict(field, value string) FieldError {
	return FieldError{
		Field: field, Code: "wrong_format", Message: "The audio is either where url says, or comes here", Value: json.RawMessage(value),
	}
}

// parseUpload parses the announcement of the audio. "" and null announce
// nothing.
func parseUpload(raw string, maxBytes int64) (u Upload, errs FieldErrors) {
	if raw == "" || raw == "null" {
		return u, nil
	}
	if raw[0] != '{' {
		return u, FieldErrors{wrongType("upload", string(object), raw)}
	}
	for name, value := range members(raw) {
		path := "upload." + strings.ReplaceAll(name, ".", "%2E")
		set, known := uploadField(name)
		switch {
		case !known:
			errs = append(errs, unknownField(name, value))
			errs[len(errs)-1].Field = path
		case value == "null":
		default:
			if fault, ok := set(&u, path, value, maxBytes); !ok {
				errs = append(errs, fault)
			}
		}
	}
	return u, errs
}

// setUpload stores the value of a member of upload in u, or returns an error and false.
// path is the member's name in an error, and raw its JSON.
type setUpload func(u *Upload, path, raw string, maxBytes int64) (FieldError, bool)

// uploadField returns the function for a member of upload. ok is false if upload has no
// such member.
func uploadField(name string) (set setUpload, ok bool) {
	for _, f := range uploadFields {
		if f.name == name {
			return f.set, true
		}
	}
	return nil, false
}

// uploadFields are the members of upload.
var uploadFields = []struct {
	name string
	set  setUpload
}{
	{"content_type", func(u *Upload, path, raw string, _ int64) (FieldError, bool) {
		if fault, ok := text.check(path, raw); !ok {
			return fault, false
		}
		u.ContentType = unquote(raw)
		if _, ok := AudioType(u.ContentType); !ok {
			return FieldError{
				Field: path, Code: "enum", Message: notListed,
				Target: AudioTypes(), Value: json.RawMessage(raw),
			}, false
		}
		return FieldError{}, true
	}},
	{"size", func(u *Upload, path, raw string, maxBytes int64) (FieldError, bool) {
		if fault, ok := natural.check(path, raw); !ok {
			return fault, false
		}
		u.Size, _ = strconv.ParseInt(raw, 10, 64) // check has accepted it
		switch {
		case u.Size < 1:
			return outOfBounds(path, "minimum", "Value must be at least ", 1, raw), false
		case u.Size > maxBytes:
			return outOfBounds(path, "maximum", "Value must be at most ", int(maxBytes), raw), false
		}
		return FieldError{}, true
	}},
	{"sha256", func(u *Upload, path, raw string, _ int64) (FieldError, bool) {
		if fault, ok := text.check(path, raw); !ok {
			return fault, false
		}
		u.SHA256 = strings.ToLower(unquote(raw))
		if len(u.SHA256) != 64 || strings.Trim(u.SHA256, "0123456789abcdef") != "" {
			return mismatch(path, "^[0-9a-fA-F]{64}$", raw), false
		}
		return FieldError{}, true
	}},
}

// Patterns that errors contain (contract, Routes).
const (
	idPattern   = "^[0-9]{6}-[A-Za-z0-9_.@-]{1,128}$"
	namePattern = "^[A-Za-z0-9_-]{1,64}$"
	webPattern  = "^https?://[^@]+$"
)

func mismatch(field, pattern, value string) FieldError {
	return FieldError{
		Field: field, Code: "pattern", Message: "Failed to match pattern '" + pattern + "'",
		Target: pattern, Value: json.RawMessage(value),
	}
}

// without returns an object without one of its members.
func without(text, name string) string {
	if text == "" || text[0] != '{' {
		return text
	}
	out := []byte{'{'}
	for n, value := range members(text) {
		if n != name {
			out = appendMember(out, n, value)
		}
	}
	return string(append(out, '}'))
}
