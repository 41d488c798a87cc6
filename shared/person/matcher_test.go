package person_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/person"
	"github.com/callrecordings/api/shared/recording"
)

func TestMatcher(t *testing.T) {
	t.Parallel()
	const asked = "+49 30 1234567"
	for _, c := range []struct {
		name, document string
		want           bool
	}{
		{"international", `{"caller_id_number":"+49301234567"}`, true},
		{"with 00", `{"caller_id_number":"0049301234567"}`, true},
		{"national", `{"callee_id_number":"0301234567"}`, true},
		{"separated", `{"callee_id_number":"(030) 123-4567"}`, true},
		{"in an address", `{"from":"+49301234567@pbx.example.com"}`, true},
		{"in a URI", `{"to":"sip:+49301234567@pbx.example.com;user=phone"}`, true},
		{"behind a name", `{"request":"\"Anna\" <sip:0301234567@pbx>"}`, true},
		{"in a name", `{"caller_id_name":"+49301234567"}`, true},
		{"in Arabic digits", `{"caller_id_number":"٠٣٠١٢٣٤٥٦٧"}`, true},
		{"in channel variables", `{"custom_channel_vars":{"Caller-ID-Number":"0301234567"}}`, true},
		{"deep in channel variables", `{"custom_channel_vars":{"Contact":{"list":["x","0301234567"]}}}`, true},
		{"as a number in channel variables", `{"recording_vars":{"callee":49301234567}}`, true},
		{"in a tag", `{"user_metadata":{"note":"030 1234567"}}`, true},
		{"in a tag with a telling name", `{"user_metadata":{"callback":"49301234567"}}`, true},
		{"in camel case", `{"user_metadata":{"customerPhone":"49301234567"}}`, true},
		{"in the plural", `{"custom_channel_vars":{"numbers":[49301234567]}}`, true},
		{"another number", `{"caller_id_number":"+49301234568"}`, false},
		{"an ID in channel variables", `{"custom_channel_vars":{"Bridge-ID":"49301234567"}}`, false},
		{"digits in a tag", `{"user_metadata":{"customer":"49301234567"}}`, true},
		{"local digits in a tag", `{"user_metadata":{"customer":"1234567"}}`, true},
		{"digits as a number in a tag", `{"user_metadata":{"customer":49301234567}}`, true},
		{"with a label in a tag", `{"user_metadata":{"customer":"49301234567 (mobile)"}}`, true},
		{"as an address in a tag", `{"user_metadata":{"customer":"sip:49301234567@pbx"}}`, true},
		{"a time in a tag", `{"user_metadata":{"seen":63937071000}}`, false},
		{"an ID in a tag", `{"user_metadata":{"order":"49301234568"}}`, false},
		{"a text with the number in a tag", `{"user_metadata":{"note":"order 030 1234567"}}`, false},
		{"nothing", `{}`, false},
		{"no numbers", `{"from":"anonymous@pbx","to":"unknown@unknown","user_metadata":{"a":[null,true,{}]}}`, false},
	} {
		d, err := recording.ParseDocument([]byte(c.document))
		if err != nil {
			t.Fatal(err)
		}
		if got := (person.Subject{Number: asked}).Matcher()(&recording.Recording{Document: d}); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
	for owner, want := range map[string]bool{"anna": true, "ben": false, "": false} {
		if got := (person.Subject{Owner: "anna"}).Matcher()(&recording.Recording{Owner: owner}); got != want {
			t.Errorf("owner %q: %t, want %t", owner, got, want)
		}
	}
}

// A number is found anywhere in user_metadata in each of its spellings, no matter in which one it is
// asked for, and another number of the same length is not.
func TestSpellingsInTags(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[1-9][0-9]{6,14}`).Draw(t, "digits")
		other := digits[:len(digits)-1] + string('0'+(digits[len(digits)-1]-'0'+1)%10)
		cut := rapid.IntRange(1, len(digits)-1).Draw(t, "cut")
		spell := map[string]func(string) string{
			"digits":               func(d string) string { return d },
			"international":        func(d string) string { return "+" + d },
			"with 00":              func(d string) string { return "00" + d },
			"with spaces":          func(d string) string { return d[:cut] + " " + d[cut:] },
			"with a dot":           func(d string) string { return d[:cut] + "." + d[cut:] },
			"with a dash":          func(d string) string { return d[:cut] + "\u2011" + d[cut:] },
			"in parentheses":       func(d string) string { return "(" + d[:cut] + ") " + d[cut:] },
			"labeled":              func(d string) string { return d + " (mobile)" },
			"labeled, plus":        func(d string) string { return "+" + d + " home" },
			"with an extension":    func(d string) string { return d + " ext. 12" },
			"as an address":        func(d string) string { return "sip:" + d + "@pbx.example.com" },
			"from an address book": func(d string) string { return "\u202a+" + d + "\u202c" },
		}
		names := slices.Sorted(maps.Keys(spell))
		asked, stored := rapid.SampledFrom(names).Draw(t, "asked"), rapid.SampledFrom(names).Draw(t, "stored")
		matches := person.Subject{Number: spell[asked](digits)}.Matcher()
		for number, want := range map[string]bool{digits: true, other: false} {
			value, err := json.Marshal(map[string]any{"user_metadata": map[string]any{"x": []any{map[string]any{"customer": spell[stored](number)}}}})
			if err != nil {
				t.Fatal(err)
			}
			if got := matches(&recording.Recording{Document: recording.Document(value)}); got != want {
				t.Fatalf("asked for %s, %s: %t, want %t", spell[asked](digits), value, got, want)
			}
		}
	})
}

func TestSubjects(t *testing.T) {
	t.Parallel()
	for _, s := range []person.Subject{
		{}, {Number: "1", Owner: "anna"}, {Number: "anna"}, {Number: "1"}, {Number: strings.Repeat("1", 101)},
	} {
		if err := s.Check(); !errors.Is(err, person.ErrSubject) {
			t.Errorf("%+v: %v", s, err)
		}
	}
	for _, s := range []person.Subject{{Number: "1000"}, {Number: "sip:1000@pbx"}, {Owner: "anna"}} {
		if err := s.Check(); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
