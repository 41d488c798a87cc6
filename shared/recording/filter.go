package recording

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"callrecordings/shared/strictjson"
)

// Filter says which recordings belong to a list; all of its tests must hold.
// The zero value keeps everything. A Filter is not changed by using it.
//
// It sees the id and the public fields, and follows dotted paths into them; a
// step into a list is an index from 1. Values are compared as strings, whole
// and case-sensitive: a string by its text, numbers and booleans by their JSON
// text, so that 1.0 is "1.0" and not "1". What is missing, or null, is "". An
// object or a list equals nothing. Keys that contain a dot cannot be reached
// (kazoo.md 4; contract, Where we differ).
type Filter struct {
	tests []test
}

// test is one parameter of the query.
type test struct {
	op    *operator
	name  string // the whole name of the parameter
	value string
	path  []string
	id    bool // path is that of the id, which is not in the document
	// any are the string forms of the members when value is a JSON list, or
	// the one of a JSON string.
	any  []string
	time Seconds
}

// operator is a row of the table: how its parameter is recognised, where the
// path to look at stands, and what must hold.
type operator struct {
	prefix string
	// named operators carry the path behind the prefix in their name; others
	// are recognised by the whole name and carry it in their value.
	named bool
	// clock operators compare a time with Modified.
	clock bool
	keep  func(t *test, r *Recording) bool
}

// operators are those of kazoo.md 4, with the contract's repairs: value_missing
// and missing_value are the same, and modified_* work alone. filter_not_ stands
// before filter_, which it begins with.
var operators = []operator{
	{prefix: "filter_not_", named: true, keep: func(t *test, r *Recording) bool { return !t.equal(r) }},
	{prefix: "filter_", named: true, keep: (*test).equal},
	{prefix: "has_key", keep: func(t *test, r *Recording) bool { return t.present(r) }},
	{prefix: "key_missing", keep: func(t *test, r *Recording) bool { return !t.present(r) }},
	{prefix: "has_value", keep: func(t *test, r *Recording) bool { return t.valued(r) }},
	{prefix: "value_missing", keep: func(t *test, r *Recording) bool { return !t.valued(r) }},
	{prefix: "missing_value", keep: func(t *test, r *Recording) bool { return !t.valued(r) }},
	{prefix: "modified_from", clock: true, keep: func(t *test, r *Recording) bool { return r.Modified >= t.time }},
	{prefix: "modified_to", clock: true, keep: func(t *test, r *Recording) bool { return r.Modified <= t.time }},
}

// ParseFilter finds the filters among the parameters of a query, given as
// decoded names and values in order; a parameter without "=" comes with the
// value "true". Parameters that are no filters are passed over. A parameter
// given twice is applied twice. Error: FieldErrors.
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
		case op.clock:
			at, ok, err := ParseBound(q[1])
			if err != nil {
				errs = append(errs, wrongType(q[0], "integer", Quote(q[1])))
			}
			if !ok {
				continue
			}
			t.time, t.value = at, strconv.FormatInt(int64(at), 10)
		case op.named:
			t.follow(q[0][len(op.prefix):])
			t.any = alternatives(q[1])
		default:
			t.follow(q[1])
		}
		f.tests = append(f.tests, t)
	}
	return f, errs.Err()
}

// follow sets the path that the test looks at.
func (t *test) follow(path string) {
	t.path = strings.Split(path, ".")
	t.id = path == "id"
}

func operatorOf(name string) *operator {
	for i := range operators {
		op := &operators[i]
		if rest, ok := strings.CutPrefix(name, op.prefix); ok && (op.named || rest == "") {
			return op
		}
	}
	return nil
}

// alternatives are the values that a filter's JSON value stands for: the
// members of a list, or a string. Members are compared by their string form,
// numbers too (contract, Where we differ).
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

// IsZero reports whether the filter keeps everything.
func (f Filter) IsZero() bool { return len(f.tests) == 0 }

// Match reports whether r passes all tests. They see the public fields and the
// id, and nothing else.
func (f Filter) Match(r *Recording) bool {
	for i := range f.tests {
		if t := &f.tests[i]; !t.op.keep(t, r) {
			return false
		}
	}
	return true
}

// Canonical is the same text for filters with the same tests, in whatever
// order they were written, and never for others: cursors are bound to it.
func (f Filter) Canonical() string {
	texts := make([]string, len(f.tests))
	for i, t := range f.tests {
		texts[i] = strconv.Quote(t.name) + "=" + strconv.Quote(t.value)
	}
	slices.Sort(texts)
	return strings.Join(texts, "&")
}
