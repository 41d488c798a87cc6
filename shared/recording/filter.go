package recording

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/callrecordings/api/shared/strictjson"
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
	// string. It is a set, so that a long list costs no more than a short one.
	oneOf map[string]bool
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
// "true". ParseFilter ignores other parameters. A parameter that occurs with two
// values makes two tests; with the same value twice, one. Error: FieldErrors, also
// for more than [MaxTests] tests.
func ParseFilter(query [][2]string) (Filter, error) {
	var f Filter
	var errs FieldErrors
	seen := map[[2]string]bool{}
	for _, q := range query {
		op := operatorOf(q[0])
		if op == nil {
			continue
		}
		if seen[q] {
			continue
		}
		seen[q] = true
		if len(f.tests) == MaxTests {
			return f, append(errs, tooManyTests(q[0])).Err()
		}
		t := test{op: op, name: q[0], value: q[1]}
		switch {
		case op.isTime:
			at, ok, err := ParseBound(q[1])
			if fault := (FieldError{}); errors.As(err, &fault) {
				fault.Field = q[0]
				errs = append(errs, fault)
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

// MaxTests is the maximum number of tests in one filter (contract, List). Every
// test costs time for each recording that a list examines.
const MaxTests = 32

func tooManyTests(name string) FieldError {
	return FieldError{
		Field: name, Code: "maxItems", Message: "A list takes at most " + strconv.Itoa(MaxTests) + " filters", Target: MaxTests,
	}
}

// setPath sets the path of the field that is tested.
func (t *test) setPath(path string) {
	t.path = strings.Split(path, ".")
	t.id = path == "id"
}

// IsFilter reports whether a parameter with this name is a filter.
func IsFilter(name string) bool { return operatorOf(name) != nil }

// IsEmptyFilter reports whether a filter parameter has no condition that its client can have meant:
// its value is empty, "undefined" or "null", as interfaces send for a missing value, or a JSON list
// without a value; its time counts as absent; or its name has no field. Lists ignore some of these
// filters, and others match every recording. A JSON string stands for such a text on purpose:
// filter_x="" is the empty text.
func IsEmptyFilter(name, value string) bool {
	op := operatorOf(name)
	switch {
	case op == nil:
		return false
	case op.isTime:
		_, ok, err := ParseBound(value)
		return !ok && err == nil
	case IsAbsent(value):
		return true
	case !op.pathInName:
		return false
	}
	members := alternatives(value)
	return name == op.prefix || members != nil && len(members) == 0
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
func alternatives(value string) map[string]bool {
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
		return map[string]bool{unquote(text): true}
	}
	all := map[string]bool{}
	for member := range elements(text) {
		switch member[0] {
		case '"':
			all[unquote(member)] = true
		case '{', '[', 'n':
		default:
			all[member] = true
		}
	}
	return all
}

// Tests returns the number of tests.
func (f Filter) Tests() int { return len(f.tests) }

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
