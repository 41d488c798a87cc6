package search

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/phone"
	"github.com/callrecordings/api/shared/recording"
)

const (
	// MaxWords is the maximum number of different words and numbers in one search.
	MaxWords = 10
	// MaxText is the maximum length of a search in bytes.
	MaxText = 1000
)

// Errors of Parse.
var (
	// ErrEmpty means that a search has neither a word nor a number.
	ErrEmpty = errors.New("a search needs a word or a number")
	// ErrShort means that a prefix has fewer than 3 characters.
	ErrShort = errors.New("a prefix needs at least 3 characters before the *")
	// ErrLong means that a search has more than MaxWords words or MaxText bytes.
	ErrLong = fmt.Errorf("a search takes at most %d words and numbers, and %d bytes", MaxWords, MaxText)
)

// Query is a parsed search. A recording must match all of its wants.
type Query struct {
	wants []want
}

// want is one word, prefix or number.
type want struct {
	kind byte // one of the kinds below
	text string
}

// The kinds of wants, which are also those of terms.
const (
	word   = 'w'
	prefix = 'p'
	number = 'n'
)

// Parse parses the text of a search:
//
//   - a word matches the same word; case and accents do not matter
//   - a word with * at its end matches words that begin with it
//   - 7 or more digits match the numbers that end with them, in any spelling, and other
//     spellings of the same number (package phone)
//
// Spaces and commas separate words. Errors: ErrEmpty, ErrShort, ErrLong.
func Parse(text string) (Query, error) {
	if len(text) > MaxText {
		return Query{}, ErrLong
	}
	var q Query
	for _, t := range tokens(fold(text)) {
		w := want{word, t.word}
		switch {
		case t.digits != "":
			w = want{number, t.digits}
		case t.prefix:
			if _, ok := stem(t.word); !ok {
				return Query{}, ErrShort
			}
			w = want{prefix, t.word}
		}
		if !slices.Contains(q.wants, w) {
			q.wants = append(q.wants, w)
		}
	}
	switch {
	case len(q.wants) == 0:
		return Query{}, ErrEmpty
	case len(q.wants) > MaxWords:
		return Query{}, ErrLong
	}
	slices.SortFunc(q.wants, func(a, b want) int { return strings.Compare(a.String(), b.String()) })
	return q, nil
}

// IsZero reports whether q is not a search.
func (q Query) IsZero() bool { return len(q.wants) == 0 }

// Tests returns the number of words and numbers.
func (q Query) Tests() int { return len(q.wants) }

// Canonical returns a text that is equal for equal searches. It has no line breaks.
func (q Query) Canonical() string {
	texts := make([]string, len(q.wants))
	for i, w := range q.wants {
		texts[i] = w.String()
	}
	return strings.Join(texts, " ")
}

// withOwner returns q limited to the recordings of one owner. The index has owner IDs as words.
func (q Query) withOwner(owner string) Query {
	for _, t := range tokens(fold(owner)) {
		w := want{word, t.word}
		if t.digits != "" {
			w = want{number, t.digits}
		}
		if !slices.Contains(q.wants, w) {
			q.wants = append(slices.Clone(q.wants), w)
		}
	}
	return q
}

// Match reports whether a recording has everything that is searched for.
func (q Query) Match(r *recording.Recording) bool {
	c := contentOf(r)
	for _, w := range q.wants {
		if !w.in(c) {
			return false
		}
	}
	return true
}

// String returns the kind and the text.
func (w want) String() string { return string(w.kind) + w.text }

// maxLonger is by how many digits a number that is searched for may be longer than one in
// the index, as in package phone.
const maxLonger = 6

// sameNumber reports whether a search for a number finds one of the index: another spelling
// of it, or one that ends with it. Package phone ignores leading zeros, because holds must
// not miss a number. But the last 7 digits of a number may begin with zeros.
func sameNumber(indexed, searched string) bool {
	return phone.SameDigits(indexed, searched) || strings.HasSuffix(indexed, searched) ||
		strings.HasSuffix(searched, indexed) && len(searched)-len(indexed) <= maxLonger
}

// in reports whether c satisfies w.
func (w want) in(c content) bool {
	switch w.kind {
	case word:
		return c.words[w.text]
	case prefix:
		for word := range c.words {
			if strings.HasPrefix(word, w.text) {
				return true
			}
		}
	case number:
		for digits := range c.numbers {
			if sameNumber(digits, w.text) {
				return true
			}
		}
	}
	return false
}

// term returns the term of the index that lists the candidates.
func (w want) term() string {
	switch w.kind {
	case prefix:
		text, _ := stem(w.text)
		return string(prefix) + text
	case number:
		return string(number) + ending(w.text)
	}
	return string(word) + cut(w.text)
}

// partial reports whether the term also lists recordings that do not match.
func (w want) partial() bool {
	return w.kind == prefix && w.text != strings.TrimPrefix(w.term(), string(prefix))
}

// mayMatch reports whether a recording may match, by the detail of its entry.
func (w want) mayMatch(detail string) bool {
	if w.kind == word || detail == anything {
		return true
	}
	return slices.ContainsFunc(strings.Fields(detail), func(d string) bool {
		if w.kind == number {
			return sameNumber(d, w.text)
		}
		return strings.HasPrefix(d, cut(w.text))
	})
}
