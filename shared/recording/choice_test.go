package recording_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/callrecordings/api/shared/recording"
)

func TestAppendChosen(t *testing.T) {
	t.Parallel()
	r := recording.Recording{ID: "202601-a", Document: `{"from":"a","to":"b","start":1,"user_metadata":{"tag":"vip","x,y":1}}`}
	for choice, want := range map[string]string{
		"id,from":                `{"id":"202601-a","from":"a"}`,
		"from":                   `{"id":"202601-a","from":"a"}`,
		" start , to ,,to":       `{"id":"202601-a","to":"b","start":1}`,
		"user_metadata":          `{"id":"202601-a","user_metadata":{"tag":"vip","x,y":1}}`,
		"nothing":                `{"id":"202601-a"}`,
		"_read_only":             `{"id":"202601-a","_read_only":{"content_types":[],"state":"pending"}}`,
		"":                       string(r.AppendJSON(nil, false)),
		",":                      string(r.AppendJSON(nil, false)),
		"user_metadata.tag,FROM": `{"id":"202601-a"}`,
	} {
		c, err := recording.ParseChoice(choice)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(r.AppendChosen(nil, c)); got != want {
			t.Errorf("AppendChosen(%q) = %s, want %s", choice, got, want)
		}
	}
}

func TestParseChoiceIsBounded(t *testing.T) {
	t.Parallel()
	all := []string{strings.Repeat("a,", 100)} // one name
	for i := range recording.MaxChoice - 1 {
		all = append(all, strings.Repeat("b", i+1))
	}
	names := strings.Join(all, ",")
	if _, err := recording.ParseChoice(names); err != nil {
		t.Errorf("%d names: %v", recording.MaxChoice, err)
	}
	var f recording.FieldError
	if _, err := recording.ParseChoice(names + ",c"); !errors.As(err, &f) || f.Code != "maxItems" {
		t.Errorf("%d names: %v, want maxItems", recording.MaxChoice+1, err)
	}
}

// For any choice, the result is the document without the other members.
func TestChosenMembersAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"id", "from", "to", "start", "user_metadata", "_read_only", "x\"y"}), 1, 5).Draw(rt, "names")
		r := recording.Recording{ID: "202601-a", Document: `{"from":"a\"","to":"","start":1,"user_metadata":{"id":[{}]},"x\"y":true}`}
		c, err := recording.ParseChoice(strings.Join(names, ","))
		if err != nil {
			rt.Fatal(err)
		}
		var whole, chosen map[string]json.RawMessage
		if err := json.Unmarshal(r.AppendJSON(nil, false), &whole); err != nil {
			rt.Fatal(err)
		}
		if err := json.Unmarshal(r.AppendChosen(nil, c), &chosen); err != nil {
			rt.Fatal(err)
		}
		wanted := map[string]bool{"id": true}
		for _, name := range names {
			wanted[name] = true
			if string(chosen[name]) != string(whole[name]) {
				rt.Fatalf("%s is %s, want %s", name, chosen[name], whole[name])
			}
		}
		if len(chosen) != len(wanted) {
			rt.Fatalf("%d members, want %d", len(chosen), len(wanted))
		}
	})
}
