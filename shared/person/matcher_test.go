package person_test

import (
	"errors"
	"strings"
	"testing"

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
		{"a time in a tag", `{"user_metadata":{"seen":49301234567}}`, false},
		{"an ID in a tag", `{"user_metadata":{"order":"49301234567"}}`, false},
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
