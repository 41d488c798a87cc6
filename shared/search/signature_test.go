package search

import (
	"fmt"
	"strings"
	"testing"
)

// A signature has every term of its recording, and few others.
func TestSignature(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 18, 40, 500} {
		terms := map[string]string{}
		for i := range n {
			terms[fmt.Sprint("w", i)] = ""
		}
		s := signatureOf(terms)
		for term := range terms {
			if !s.mayHave([]hash{hashOf(term)}) {
				t.Errorf("the signature of %d terms excludes %q", n, term)
			}
		}
		wrong := 0
		for i := range 10_000 {
			if s.mayHave([]hash{hashOf(fmt.Sprint("n", i))}) {
				wrong++
			}
		}
		if n <= 40 && wrong > 60 {
			t.Errorf("the signature of %d terms has %d of 10,000 others, want at most 60", n, wrong)
		}
		if most := maxBits / 6; len(s) > most+1 {
			t.Errorf("the signature of %d terms has %d bytes", n, len(s))
		}
	}
}

// Signatures in the table keep their meaning.
func TestStoredSignatures(t *testing.T) {
	t.Parallel()
	if got := signatureOf(map[string]string{"wrenate": "", "n5550142": ""}); got != storedSignature {
		t.Errorf("the signature is %q, but the table has %q; a change needs a new layoutVersion", got, storedSignature)
	}
	for _, unknown := range []signature{"", "?", "AAAA", signature(strings.Repeat("A", 1000))} {
		if !unknown.mayHave([]hash{hashOf("wrenate")}) {
			t.Errorf("the signature %.9q excludes a recording", unknown)
		}
	}
	if signature(strings.Repeat("A", 11)).mayHave([]hash{hashOf("wrenate")}) {
		t.Error("an empty filter excludes nothing")
	}
}

const storedSignature = "SdIAIAIQAYA"
