package recording

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"callrecordings/shared/strictjson"
)

// Filter says which recordings belong to a list; all of its tests must hold.
// The zero value keeps everything.
type Filter struct {
	tests []test
}

// test is one parameter of the query.
type test struct {
	op    *operator
	name  string // the whole name of the parameter
	value string
	path  []string
	// any are the string forms of the members when value is a JSON list, or
	// the one of a JSON string.
	any  []string
	time Seconds
}

// operator is a row of the table: how its parameter is recognised, where the
// path to look at stands, and what must hold.
type operator struct {
	prefix string
	// named operators carry the path in their name, others in their value.
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
			t.path = strings.Split(strings.TrimPrefix(q[0], op.prefix), ".")
			t.any = alternatives(q[1])
		default:
			t.path = strings.Split(q[1], ".")
		}
		f.tests = append(f.tests, t)
	}
	return f, errs.Err()
}

func operatorOf(name string) *operator {
	for i := range operators {
		op := &operators[i]
		if rest, ok := strings.CutPrefix(name, op.prefix); ok && op.named == (rest != "") {
			return op
		}
	}
	return nil
}

// alternatives are the values that a filter's JSON value stands for: the
// members of a list, or a string. Members are compared by their string form,
// numbers too (contract, Where we differ).
func alternatives(value string) []string {
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
	for part := range elements(text) {
		if s, ok := form(part); ok {
			all = append(all, s)
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
	slices.SortFunc(texts, cmp.Compare)
	return strings.Join(texts, "&")
}

// lookup returns the JSON text that the test is about.
func (t *test) lookup(r *Recording) (string, bool) {
	if len(t.path) == 1 && t.path[0] == "id" {
		return Quote(r.ID), true
	}
	return find(string(r.Document), t.path)
}

// equal compares the string form of the value with what was asked for. A
// missing value has the form "", an object or a list equals nothing.
func (t *test) equal(r *Recording) bool {
	got := ""
	if raw, ok := t.lookup(r); ok {
		if got, ok = form(raw); !ok {
			return false
		}
	}
	return got == t.value || slices.Contains(t.any, got)
}

func (t *test) present(r *Recording) bool {
	_, ok := t.lookup(r)
	return ok
}

// empties are the strings that count as no value (kazoo.md 4).
var empties = []string{"", "0", "NULL", "undefined"}

// valued reports whether there is a value that is not empty in Kazoo's sense.
// Booleans, false as well, are values.
func (t *test) valued(r *Recording) bool {
	raw, ok := t.lookup(r)
	switch {
	case !ok, raw == "{}", raw == "[]":
		return false
	case raw[0] == '"':
		return !slices.Contains(empties, unquote(raw))
	case raw[0] == '-', '0' <= raw[0] && raw[0] <= '9':
		n, err := strconv.ParseFloat(raw, 64)
		return err != nil || n != 0
	}
	return true
}

// form is the string form of a scalar: a string's text, and the JSON text of
// numbers and booleans. Objects, lists and null have none.
func form(raw string) (string, bool) {
	switch raw[0] {
	case '"':
		return unquote(raw), true
	case '{', '[', 'n':
		return "", false
	}
	return raw, true
}

// absent are the values that interfaces send for "nothing" (contract, List).
var absent = []string{"", "undefined", "null", "NaN"}

// ParseBound reads a time of a query in Gregorian seconds; a fraction is
// rounded. Empty, "undefined", "null", "NaN", zero and negative values are
// absent, which ok reports (contract, List). Error: a FieldError without a
// field for any other text.
func ParseBound(s string) (at Seconds, ok bool, err error) {
	if slices.Contains(absent, s) {
		return 0, false, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || strings.ContainsAny(s, "xX_pP") {
		return 0, false, FieldError{Code: "type", Message: "Value did not match type(s): integer", Target: "integer", Value: json.RawMessage(Quote(s))}
	}
	if f = math.Round(f); f <= 0 {
		return 0, false, nil
	}
	return Seconds(min(f, MaxSeconds)), true, nil
}

// MaxSeconds is the last time that fits into the 11 digits of a sort key.
const MaxSeconds = 99_999_999_999
