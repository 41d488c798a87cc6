package emulator

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// token matches a word of an expression.
var token = regexp.MustCompile(`:?\w+|<=|[=>(),]`)

// expression evaluates one condition for an item. Its methods follow the part of
// DynamoDB's expression grammar that the store uses. Each consumes words.
type expression struct {
	words  []string
	m      attributes
	values attributes
}

// evaluate reports whether a condition holds for m.
func evaluate(text string, m, values attributes) bool {
	e := &expression{words: token.FindAllString(text, -1), m: m, values: values}
	result := e.or()
	if len(e.words) > 0 {
		panic(fmt.Sprintf("%q remains of %q", e.words, text))
	}
	return result
}

// next reads a word. If want is given, the word must be in it.
func (e *expression) next(want ...string) string {
	if len(e.words) == 0 || len(want) > 0 && !slices.Contains(want, e.words[0]) {
		panic(fmt.Sprintf("%q, want %q", e.words, want))
	}
	word := e.words[0]
	e.words = e.words[1:]
	return word
}

func (e *expression) at(word string) bool { return len(e.words) > 0 && e.words[0] == word }

func (e *expression) or() bool {
	result := e.and()
	for e.at("OR") {
		e.next()
		other := e.and()
		result = result || other
	}
	return result
}

func (e *expression) and() bool {
	result := e.term()
	for e.at("AND") {
		e.next()
		other := e.term()
		result = result && other
	}
	return result
}

// term evaluates a function, a comparison or an expression in parentheses.
func (e *expression) term() bool {
	switch word := e.next(); word {
	case "(":
		result := e.or()
		e.next(")")
		return result
	case "attribute_exists", "attribute_not_exists":
		e.next("(")
		has := e.m[e.next()] != nil
		e.next(")")
		return has == (word == "attribute_exists")
	case "begins_with":
		e.next("(")
		name := e.next()
		e.next(",")
		prefix := stringOf(e.values, e.next())
		e.next(")")
		return strings.HasPrefix(stringOf(e.m, name), prefix)
	default:
		return e.comparison(word)
	}
}

func (e *expression) comparison(name string) bool {
	switch e.next("=", "<=", ">", "BETWEEN") {
	case "=":
		return e.compare(name, e.next()) == 0 && e.m[name] != nil
	case "<=":
		return e.compare(name, e.next()) <= 0 && e.m[name] != nil
	case ">":
		return e.compare(name, e.next()) > 0 && e.m[name] != nil
	default:
		low := e.compare(name, e.next()) >= 0
		e.next("AND")
		high := e.compare(name, e.next()) <= 0
		return low && high
	}
}

// compare compares an attribute with a value, both numbers or both strings.
func (e *expression) compare(name, value string) int {
	a, b := stringOf(e.m, name), stringOf(e.values, value)
	if kind, _ := e.values[value].(map[string]any); kind["N"] != nil {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return x - y
	}
	return strings.Compare(a, b)
}
