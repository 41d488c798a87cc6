package recording

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"callrecordings/shared/strictjson"
)

// Filter selects the recordings of a list. A recording must pass all tests. The
// zero value selects every recording. A Filter is immutable.
//
// It sees the ID and the public fields, and follows dotted paths into them. A
// step into a list is an index from 1. Values are compared as whole strings,
// case-sensitive: a string by its text, numbers and booleans by their JSON
// text, so 1.0 is "1.0" and not "1". A missing or null value is "". An object
// or a list equals no string. Keys that contain a dot cannot be reached
// (kazoo.md 4; contract, Where we differ).
type Filter struct {
	tests []test
}

// test is one filter parameter of a query.
type test struct {
	op    *operator
	name  string // the full name of the parameter
	value string
	path  []string
	id    bool // path is "id", which is not in the document
	// oneOf holds the accepted strings if value is a JSON list or a JSON
	// string.
	oneOf []string
	time  Seconds
}

// operator describes a filter parameter: how it is recognized, where its path
// is, and its condition.
type operator struct {
	prefix string
	// pathInName means that the path follows the prefix in the parameter name.
	// Otherwise the prefix is the full name, and the path is the parameter
	// value.
	pathInName bool
	// isTime means that the value is a time, compared with Modified.
	isTime bool
	match  func(t *test, r *Recording) bool
}

// operators are those of kazoo.md 4, with the corrections of the contract:
// value_missing and missing_value are equivalent, and modified_* work alone.
// filter_not_ precedes filter_, its own prefix.
var operators = []operator{
	{prefix: "filter_not_", pathInName: true, match: func(t *test, r *Recording) bool { return !t.equal(r) }},
	{prefix: "filter_", pathInName: true, match: (*test).equal},
	{prefix: "has_key", match: func(t *test, r *Recording) bool { return t.hasKey(r) }},
	{prefix: "key_missing", match: func(t *test, r *Recording) bool { return !t.hasKey(r) }},
	{prefix: "has_value", match: func(t *test, r *Recording) bool { return t.hasValue(r) }},
	{prefix: "value_missing", match: func(t *test, r *Recording) bool { return !t.hasValue(r) }},
	{prefix: "missing_value", match: func(t *test, r *Recording) bool { return !t.hasValue(r) }},
	{prefix: "modified_from", isTime: true, match: func(t *test, r *Recording) bool { return r.Modified >= t.time }},
	{prefix: "modified_to", isTime: true, match: func(t *test, r *Recording) bool { return r.Modified <= t.time }},
}

// ParseFilter takes the filters from the parameters of a query. These are
// decoded names and values in order. A parameter without "=" has the value
// "true". ParseFilter ignores other parameters. A parameter that occurs twice
// makes two tests. Error: FieldErrors.
func ParseFilter(query [][2]string) (Filter, error) {
	var f Filter
	var errs FieldErrors
	for _, q := range query {
		op := operatorOf(q[0])
		if op == nil {
			continue
		}
		t := test{op: op, name: q[0], value: q[1]}
		switch {
		case op.isTime:
			at, ok, err := ParseBound(q[1])
			if err != nil {
				errs = append(errs, wrongType(q[0], "integer", Quote(q[1])))
			}
			if !ok {
				continue
			}
			t.time, t.value = at, strconv.FormatInt(int64(at), 10)
		case op.pathInName:
			t.setPath(q[0][len(op.prefix):])
			t.oneOf = alternatives(q[1])
		default:
			t.setPath(q[1])
		}
		f.tests = append(f.tests, t)
	}
	return f, errs.Err()
}

// setPath sets the path of the field that is tested.
func (t *test) setPath(path string) {
	t.path = strings.Split(path, ".")
	t.id = path == "id"
}

func operatorOf(name string) *operator {
	for i := range operators {
		op := &operators[i]
		if rest, ok := strings.CutPrefix(name, op.prefix); ok && (op.pathInName || rest == "") {
			return op
		}
	}
	return nil
}

// alternatives returns the accepted strings of a JSON value: the members of a
// list, or the text of a string. Members are compared as strings, including
// numbers (contract, Where we differ).
func alternatives(value string) []string {
	value = strings.TrimLeft(value, " \t\r\n")
	if value == "" || value[0] != '[' && value[0] != '"' || !json.Valid([]byte(value)) {
		return nil
	}
	compact, err := strictjson.Compact(nil, []byte(value))
	if err != nil {
		return nil
	}
	text := string(compact)
	if text[0] == '"' {
		return []string{unquote(text)}
	}
	var all []string
	for member := range elements(text) {
		switch member[0] {
		case '"':
			all = append(all, unquote(member))
		case '{', '[', 'n':
		default:
			all = append(all, member)
		}
	}
	return all
}

// IsZero reports whether the filter has no tests.
func (f Filter) IsZero() bool { return len(f.tests) == 0 }

// Match reports whether r passes all tests.
func (f Filter) Match(r *Recording) bool {
	for i := range f.tests {
		if t := &f.tests[i]; !t.op.match(t, r) {
			return false
		}
	}
	return true
}

// Canonical returns a text that is equal for two filters if and only if they
// have the same tests, in any order. Cursors depend on it.
func (f Filter) Canonical() string {
	texts := make([]string, len(f.tests))
	for i, t := range f.tests {
		texts[i] = strconv.Quote(t.name) + "=" + strconv.Quote(t.value)
	}
	slices.Sort(texts)
	return strings.Join(texts, "&")
}
