package recording

import (
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"

	"callrecordings/shared/strictjson"
)

// Creation is what the PUT of a new recording asks for.
type Creation struct {
	// ID is the one that the client chose, "" for none.
	ID string
	// Document holds the public fields.
	Document Document
	// Upload is what was announced of the audio.
	Upload Upload
}

// Owner is the document's owner_id, "" for none.
func (c Creation) Owner() string {
	owner, _ := c.Document.Text("owner_id")
	return owner
}

// URL is where somebody else keeps the audio, "" for nobody.
func (c Creation) URL() string {
	address, _ := c.Document.Text(urlField)
	return address
}

// uiMetadata is what monster-ui adds to every write. It is dropped.
const uiMetadata = "ui_metadata"

// ParseCreation reads the body of a PUT: {"data": {…}, "upload": {…}}, or the
// inner object alone. Private fields of data (_… and pvt_…), nulls and
// ui_metadata are dropped, so that a document that was read can be written;
// anything else that is no public field, and every value of a wrong type, is an
// error (contract, Create). Beside data stands Kazoo's envelope, which is not
// looked at; a public field there is somebody's mistake, and an error. most is
// the most bytes of audio that may be announced.
// Errors: those of strictjson.Check with [MaxDepth] levels; [FieldErrors].
func ParseCreation(body []byte, most int64) (Creation, error) {
	if err := strictjson.Check(body, MaxDepth); err != nil {
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
			if _, public := fields[name]; public {
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
	c, found := newCreation(members(data))
	errs = append(errs, found...)
	c.Upload, found = parseUpload(upload, most)
	if c.URL() != "" && c.Upload != (Upload{}) {
		found = append(found, elsewhere("upload", upload))
	}
	if err := append(errs, found...).Err(); err != nil {
		return Creation{}, err
	}
	return c, nil
}

// CreationOf makes a creation of the parameters of a query, for audio that
// comes in the same request. A parameter that is no public field is not looked
// at (contract, Routes); of two of one name the first counts. Error:
// [FieldErrors].
func CreationOf(parameters iter.Seq2[string, string]) (Creation, error) {
	var errs FieldErrors
	given := map[string]string{}
	var order []string
	for name, value := range parameters {
		k, public := fields[name]
		if _, twice := given[name]; twice || !public && name != idField {
			continue
		}
		raw := Quote(value)
		if k == natural || k == object {
			if err := strictjson.Check([]byte(value), MaxDepth-1); err != nil {
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
	c, found := newCreation(func(yield func(string, string) bool) {
		for _, name := range order {
			if !yield(name, given[name]) {
				return
			}
		}
	})
	if c.URL() != "" {
		found = append(found, elsewhere(urlField, Quote(c.URL())))
	}
	if err := append(errs, found...).Err(); err != nil {
		return Creation{}, err
	}
	return c, nil
}

const (
	idField    = "id"
	ownerField = "owner_id"
	urlField   = "url"
)

// newCreation makes a creation of fields, and lists what is wrong with them.
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
		errs = append(errs, tooMuchMetadata())
	}
	if raw, ok := c.Document.Raw(urlField); ok && raw[0] == '"' && !isWebAddress(unquote(raw)) {
		errs = append(errs, mismatch(urlField, webPattern, raw))
	}
	return c, errs
}

// isWebAddress reports whether s is an absolute http or https URL without a
// user or a password in it: everybody who may read the document sees it.
func isWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

// elsewhere is the error of audio that comes here for a recording whose url says
// that somebody else keeps it.
func elsewhere(field, value string) FieldError {
	return FieldError{
		Field: field, Code: "wrong_format", Message: "The audio is either where url says, or comes here", Value: json.RawMessage(value),
	}
}

// parseUpload reads what is announced of the audio; "" and null announce
// nothing.
func parseUpload(raw string, most int64) (u Upload, errs FieldErrors) {
	if raw == "" || raw == "null" {
		return u, nil
	}
	if raw[0] != '{' {
		return u, FieldErrors{wrongType("upload", string(object), raw)}
	}
	for name, value := range members(raw) {
		path := "upload." + strings.ReplaceAll(name, ".", "%2E")
		set, known := uploadFields[name]
		switch {
		case !known:
			errs = append(errs, unknownField(name, value))
			errs[len(errs)-1].Field = path
		case value == "null":
		default:
			if fault, ok := set(&u, path, value, most); !ok {
				errs = append(errs, fault)
			}
		}
	}
	return u, errs
}

// uploadFields are the parts of upload: each reads its value, or says what is
// wrong with it.
var uploadFields = map[string]func(u *Upload, path, raw string, most int64) (FieldError, bool){
	"content_type": func(u *Upload, path, raw string, _ int64) (FieldError, bool) {
		if fault, ok := text.check(path, raw); !ok {
			return fault, false
		}
		u.ContentType = unquote(raw)
		if _, ok := AudioType(u.ContentType); !ok {
			return FieldError{
				Field: path, Code: "enum", Message: "Value not found in enumerated list of values",
				Target: AudioTypes(), Value: json.RawMessage(raw),
			}, false
		}
		return FieldError{}, true
	},
	"size": func(u *Upload, path, raw string, most int64) (FieldError, bool) {
		if fault, ok := natural.check(path, raw); !ok {
			return fault, false
		}
		u.Size, _ = strconv.ParseInt(raw, 10, 64) // it was checked
		switch {
		case u.Size < 1:
			return outOfBounds(path, "minimum", "Value must be at least ", 1, raw), false
		case u.Size > most:
			return outOfBounds(path, "maximum", "Value must be at most ", int(most), raw), false
		}
		return FieldError{}, true
	},
	"sha256": func(u *Upload, path, raw string, _ int64) (FieldError, bool) {
		if fault, ok := text.check(path, raw); !ok {
			return fault, false
		}
		u.SHA256 = strings.ToLower(unquote(raw))
		if len(u.SHA256) != 64 || strings.Trim(u.SHA256, "0123456789abcdef") != "" {
			return mismatch(path, "^[0-9a-fA-F]{64}$", raw), false
		}
		return FieldError{}, true
	},
}

// Patterns as errors show them (contract, Routes).
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

// without is an object less one member.
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
