package recording

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/callrecordings/api/shared/strictjson"
)

// Call maps the names of public fields to the values that a file name, an object's
// metadata or URL parameters report about a recorded call. A value that cannot be
// parsed is ignored: a PBX cannot correct it, and its audio must not be lost
// because of it.
type Call map[string]string

// names maps the names that PBXs use to those of the fields.
var names = map[string]string{
	"caller":       "caller_id_number",
	"caller_name":  "caller_id_name",
	"callee":       "callee_id_number",
	"callee_name":  "callee_id_name",
	"recording_id": idField,
	"uniqueid":     "call_id",
	"uuid":         "call_id",
}

// ParseCall reads a JSON object as a call. Values other than strings keep their
// JSON text. Private members (_…, pvt_…) and nulls are ignored, and so is the
// byte order mark that programs on Windows write in front of UTF-8. Errors: those
// of [ParseDocument].
func ParseCall(raw []byte) (Call, error) {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if err := strictjson.Check(raw, MaxDepth); err != nil {
		return nil, fmt.Errorf("parse call: %w", err)
	}
	text, err := strictjson.Compact(nil, raw)
	if err != nil {
		return nil, fmt.Errorf("parse call: %w", err)
	}
	if text[0] != '{' {
		return nil, fmt.Errorf("parse call: %w", ErrNotObject)
	}
	c := Call{}
	for name, value := range members(string(text)) {
		switch {
		case value == "null", private(name) && name != idField:
		case value[0] == '"':
			c.Report(name, unquote(value))
		default:
			c.Report(name, value)
		}
	}
	return c, nil
}

// Set sets a field unless it is already set. Hyphens in the name count as
// underscores, because header names contain hyphens. Empty values are ignored.
func (c Call) Set(name, value string) { c.set(name, value) }

// Report is like Set, for the facts from one source, such as a request's query. A
// field that gets a second, different value makes the call contradictory; see
// [Call.Contradiction].
func (c Call) Report(name, value string) {
	if name, differs := c.set(name, value); differs && IsReported(name) {
		c[contradiction] = min(name, cmp.Or(c[contradiction], name))
	}
}

// set implements Set. It returns the field's name, and whether the field has
// another value.
func (c Call) set(name, value string) (field string, differs bool) {
	name = reportedName(name)
	value = strings.TrimSpace(strings.ToValidUTF8(value, "\ufffd"))
	if value == "" || name == contradiction {
		return name, false
	}
	old, set := c[name]
	if !set {
		c[name] = value
	}
	return name, set && old != value
}

// contradiction is the key under which Report stores the name of a field with two
// values. No field has this name.
const contradiction = "\x00contradiction"

// accountField is the name of the account in a report. It is not a public field.
const accountField = "account_id"

// IsReported reports whether a name has a meaning in a report: a public field, the
// ID, the account, or another name for one of them.
func IsReported(name string) bool {
	name = reportedName(name)
	_, public := kindOf(name)
	return public || name == idField || name == accountField
}

// reportedName returns the field name for a name that PBXs use.
func reportedName(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	if other, ok := names[name]; ok {
		return other
	}
	return name
}

// Contradiction returns an error if two names of one field had different values,
// such as "id" and "recording_id". Headers and queries have no order, so neither
// value can take precedence. Error: [FieldError].
func (c Call) Contradiction() error {
	name, ok := c[contradiction]
	if !ok {
		return nil
	}
	return FieldError{Field: name, Code: "wrong_format", Message: "Two names of this field have different values"}
}

// Under returns the fields of c, and the fields of below that c does not have.
func (c Call) Under(below Call) Call {
	all := maps.Clone(below)
	if all == nil {
		all = Call{}
	}
	maps.Copy(all, c)
	return all
}

// ID returns the reported recording ID, or "". Error: ErrBadID.
func (c Call) ID() (string, error) {
	if c[idField] == "" {
		return "", nil
	}
	return ParseID(c[idField])
}

// Start returns the start time of the recording, or false if it is unknown.
func (c Call) Start() (Seconds, bool) {
	at, err := ParseTime(c["start"])
	return at, err == nil
}

// directions are the words that PBXs use for the direction of a call, each with
// Kazoo's word and the matching origin.
var directions = map[string]struct{ direction, origin string }{
	"inbound":  {"inbound", "inbound from offnet to account"},
	"in":       {"inbound", "inbound from offnet to account"},
	"incoming": {"inbound", "inbound from offnet to account"},
	"outbound": {"outbound", "outbound to offnet from account"},
	"out":      {"outbound", "outbound to offnet from account"},
	"outgoing": {"outbound", "outbound to offnet from account"},
}

// Direction returns Kazoo's word for the direction of a call, and the matching
// origin. It returns false for an unknown word.
func Direction(word string) (direction, origin string, known bool) {
	d, known := directions[strings.ToLower(word)]
	return d.direction, d.origin, known
}

// Document returns the reported values as public fields with their JSON types. If a
// side of the call has a number but no address, the address is built from the
// number. [Complete] adds the missing fields.
func (c Call) Document() Document {
	c = c.completed()
	d := Document("{}")
	for _, name := range slices.Sorted(maps.Keys(c)) {
		k, _ := kindOf(name)
		value, _ := k.of(name, c[name])
		d = d.with(name, value)
	}
	return d
}

// completed returns the fields whose values can be parsed, and the fields derived
// from them.
func (c Call) completed() Call {
	all := Call{}.Under(c)
	direction, origin, known := Direction(c["direction"])
	all["direction"] = direction
	maps.DeleteFunc(all, func(name, value string) bool {
		k, public := kindOf(name)
		_, understood := k.of(name, value)
		return !public || !understood || value == "" ||
			name == ownerField && !isName(value) || name == urlField && !isWebAddress(value)
	})
	if known {
		all.Set("origin", origin)
	}
	all.Set("from", Address(c["caller_id_number"], ""))
	all.Set("to", Address(c["callee_id_number"], ""))
	if ms, err := strconv.ParseInt(all["duration_ms"], 10, 64); err == nil {
		all.Set("duration", strconv.FormatInt(ms/1000, 10))
	}
	return all
}

// Address returns one side of a call as user@realm. A number that is already an
// address stays unchanged. An unknown number or realm becomes "unknown". Address
// returns "" if both are unknown.
func Address(number, realm string) string {
	switch {
	case number == "" && realm == "", strings.Contains(number, "@"):
		return number
	case number == "":
		number = "unknown"
	case realm == "":
		realm = "unknown"
	}
	return number + "@" + realm
}

// maxText is the maximum length in bytes of a string from a name or a header.
// Longer strings are truncated. Kazoo's strings are shorter than 256 bytes.
const maxText = 1024

// of returns a string as a JSON value of the kind, or false if the string has
// another form.
func (k kind) of(name, value string) (string, bool) {
	switch k {
	case text:
		if len(value) > maxText {
			value = strings.ToValidUTF8(value[:maxText], "")
		}
		return Quote(value), true
	case natural:
		if name == "start" {
			at, err := ParseTime(value)
			return strconv.FormatInt(int64(at), 10), err == nil
		}
		whole, _, _ := strings.Cut(value, ".")
		n, err := strconv.ParseInt(whole, 10, 64)
		return strconv.FormatInt(n, 10), err == nil && n >= 0 && n <= maxInteger
	case boolean:
		value = strings.ToLower(value)
		return value, value == "true" || value == "false"
	case object:
		if checkRequest([]byte(value), MaxDepth-1) != nil || value[0] != '{' || len(value) > MaxUserMetadata {
			return "", false
		}
		compact, err := strictjson.Compact(nil, []byte(value))
		return string(compact), err == nil
	}
	return "", false
}
