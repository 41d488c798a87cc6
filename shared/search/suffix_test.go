package search

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
)

// spelled returns digits in a random spelling.
func spelled(t *rapid.T, digits string) string {
	separator := rapid.SampledFrom([]string{"", " ", "-", ".", "/", "–"}).Draw(t, "separator")
	var groups []string
	for rest := digits; rest != ""; {
		n := min(rapid.IntRange(2, 4).Draw(t, "group"), len(rest))
		groups, rest = append(groups, rest[:n]), rest[n:]
	}
	if rapid.Bool().Draw(t, "parentheses") {
		groups[0] = "(" + groups[0] + ")"
	}
	text := strings.Join(groups, separator)
	if rapid.Bool().Draw(t, "full width") {
		text = strings.Map(func(r rune) rune {
			if '0' <= r && r <= '9' {
				return r - '0' + '０'
			}
			return r
		}, text)
	}
	return text
}

// A number in any field is found by all of its digits, and by its last 7 and more, in any
// spelling, whether they begin with zeros or not, and the index proposes it.
func TestNumbersAreFoundByTheirEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[1-9]([0-9]|0|0){7,14}`).Draw(t, "digits")
		number := rapid.SampledFrom([]string{"", "+"}).Draw(t, "plus") + spelled(t, digits)
		field := rapid.SampledFrom([]string{
			`{"caller_id_number":%}`, `{"to":%}`, `{"caller_id_name":%}`, `{"user_metadata":{"notes":%}}`,
		}).Draw(t, "field")
		r := recording.Recording{Document: recording.Document(strings.Replace(field, "%", recording.Quote(number), 1))}
		end := digits[len(digits)-rapid.IntRange(minNumber, len(digits)).Draw(t, "length"):]
		q, err := Parse(spelled(t, end))
		if err != nil {
			t.Fatal(err)
		}
		terms := contentOf(&r).terms()
		if !q.Match(&r) {
			t.Fatalf("%q is not found by %q, which is %s: %q", number, end, q.Canonical(), terms)
		}
		for _, w := range q.wants {
			if detail, ok := terms[w.term()]; !ok || !w.mayMatch(detail) || !signatureOf(terms).mayHave([]hash{hashOf(w.term())}) {
				t.Fatalf("the index does not propose %q for %s: %q", number, w, terms)
			}
		}
	})
}

// Numbers of at least 7 digits match by their ends. Fewer digits are a word.
func TestEndsOfNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stored, search string
		want           bool
	}{
		{"+15550001234", "0001234", true},
		{"+15550001234", "000-1234", true},
		{"+15550001234", "+1 (555) 000 1234", true},
		{"+15550001234", "001234", false},
		{"+15550001234", "1001234", false},
		{"+15550000000", "0000000", true},
		{"0001234", "+15550001234", true},
		{"0001234", "0001234", true},
		{"0001234", "1234", false},
		{"001234567", "1234567", true},
		{"030 0001234", "+49 30 0001234", true},
		{"+493000001234", "0001234", true},
		{"123456700012345", "0012345", true},
		{"0012345", "123456700012345", false},
	} {
		q, err := Parse(c.search)
		if err != nil {
			t.Fatal(err)
		}
		r := recording.Recording{Document: recording.Document(`{"from":` + recording.Quote(c.stored) + `}`)}
		if got := q.Match(&r); got != c.want {
			t.Errorf("%q finds %q: %v, want %v (%s)", c.search, c.stored, got, c.want, q.Canonical())
		}
	}
}
