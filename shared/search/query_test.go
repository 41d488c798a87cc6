package search

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/callrecordings/api/shared/recording"
)

const sample = `{"call_id":"a84b4c76e66710@10.0.0.1","interaction_id":"63927460385-9AD7d3","caller_id_name":"Renate Müller-Lüdenscheidt",` +
	`"caller_id_number":"+1 (555) 555-0142","callee_id_number":"101","callee_id_name":"O’Brien","from":"15555550142@acme.example.com",` +
	`"to":"101@acme.example.com","name":"call_recording_77.mp3","description":"call back +49 30 1234567 soon","user_metadata":` +
	`{"tags":{"Complaint":true,"gone":false,"price list":{"at":7.5}},"case":4711,"ok":true,"notes":{"n1":{"text":"Straße 🎉 مُحَمَّد 1-800-FLOWERS",` +
	`"by":"writer","created":"2026-01-16T10:31:02Z"}},"list":["first",{"deep":"second"}]}}`

func sampleRecording() *recording.Recording {
	return &recording.Recording{Account: "a", ID: "202601-1", Owner: "fd629247106418BBA0cdf672d26c953d", Revision: "1", Document: sample}
}

// A search matches the words, numbers and IDs of a recording, in any spelling.
func TestMatch(t *testing.T) {
	t.Parallel()
	r := sampleRecording()
	for text, want := range map[string]bool{
		"renate": true, "RENATE müller": true, "Renate MULLER-ludenscheidt": true, "muller": true, "ＬＵＤＥＮＳＣＨＥＩＤＴ": true,
		"rena": false, "ren*": true, "renat*": true, "renate*": true, "renatex*": false, "müller-lü*": true, "lüd*": true,
		"+1 (555) 555-0142": true, "5550142": true, "15555550142": true, "001 555 555 0142": true, "5550143": false, "550142": false,
		"+1 555 555 0142 renate": true, "renate, 5550142, 101": true, "5550142 1234567": true, "101": true, "0101": false,
		"030 1234567": true, "49301234567": true, "4711": true, "471": false,
		"a84b4c76e66710@10.0.0.1": true, "A84B4C76E66710": true, "a84b*": true, "63927460385-9ad7d3": true, "639274*": true,
		"fd629247106418bba0cdf672d26c953d": true, "fd6*": true,
		"call_recording_77.mp3": true, "call_recording_77": true, "call_rec*": true,
		"complaint": true, "gone": false, "price": true, "list": true, "\"price list\"": true, "first second": true, "third": false,
		"strasse": true, "STRASSE": true, "straße": true, "🎉": true, "محمد": true, "o'brien": false, "o’brien": true, "brien": true,
		"1-800-flowers": true, "18003569377": true, "acme": false, "writer": false, "true": false, "2026-01-16": false,
	} {
		q, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
			continue
		}
		if got := q.Match(r); got != want {
			t.Errorf("%q (%s) matches: %v, want %v", text, q.Canonical(), got, want)
		}
	}
}

func TestInvalidSearches(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		"": ErrEmpty, "  ": ErrEmpty, "!?": ErrEmpty, "*": ErrEmpty, "ab*": ErrShort, "é*": ErrShort,
		strings.Repeat("word ", 300): ErrLong, "1x 2x 3x 4x 5x 6x 7x 8x 9x 10x 11x": ErrLong,
	} {
		if _, err := Parse(text); !errors.Is(err, want) {
			t.Errorf("Parse(%.20q) = %v, want %v", text, err, want)
		}
	}
	for _, text := range []string{"a", "🎉", "שלום", "1", strings.Repeat("same ", 200)} {
		if _, err := Parse(text); err != nil {
			t.Errorf("Parse(%.20q) = %v", text, err)
		}
	}
}

func TestNumbersAreSeparate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"5550142 5550143":                "n5550142 n5550143",
		"+1 555 010 0142 +49 30 1234567": "n15550100142 n49301234567",
		"+1 555 010 0142":                "n15550100142",
		"555 01 42":                      "n5550142",
		"101 102":                        "w101 w102",
		"5550142, 101":                   "n5550142 w101",
		"call 5550142 back":              "n5550142 wback wcall",
		"10.0.0.1":                       "w10.0.0.1",
		"b a a B":                        "wa wb",
	} {
		if q, err := Parse(text); err != nil || q.Canonical() != want {
			t.Errorf("Parse(%q) = %q, %v, want %q", text, q.Canonical(), err, want)
		}
	}
}

// The index proposes every recording that matches: its entries include the term of each
// want, with a detail that may match.
func FuzzIndexProposesMatches(f *testing.F) {
	for _, seed := range []string{"renate", "+1 (555) 555-0142", "1-800-FLOWERS", "ﬁx*", "o’brien x", "🎉,1.2.3.4567", "ǅ ŉ ß ς", "0000001234567"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, text, search string) {
		if !utf8.ValidString(text) {
			return
		}
		r := recording.Recording{Document: recording.Document(`{"caller_id_name":` + recording.Quote(text) + `,"from":` + recording.Quote(search) + `}`)}
		terms := contentOf(&r).terms()
		for term, detail := range terms {
			if strings.ContainsAny(term, " ") || len(term) > 300 || len(detail) > maxDetail {
				t.Errorf("the term %q of %q has the detail %q", term, text, detail)
			}
		}
		q, err := Parse(search)
		if err != nil || !q.Match(&r) {
			return
		}
		for _, w := range q.wants {
			if detail, ok := terms[w.term()]; !ok || !w.mayMatch(detail) {
				t.Errorf("%q matches %q, but %s is not in the index: %q", search, text, w, terms)
			}
		}
	})
}

// A word that is searched for as it stands in a name is found.
func FuzzWordsOfANameAreFound(f *testing.F) {
	for _, seed := range []string{"Renate Müller", "+1 555 010 0142", "5550142 5550143", "a+b (c)", "x; y, z", "ﷺ", "1/2 3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		q, err := Parse(text)
		if err != nil || strings.Contains(text, "*") {
			return
		}
		r := recording.Recording{Document: recording.Document(`{"caller_id_name":` + recording.Quote(text) + `}`)}
		if !q.Match(&r) {
			t.Errorf("%q (%q) does not match itself: %q", text, q.Canonical(), contentOf(&r).terms())
		}
	})
}
