package hold_test

import (
	"slices"
	"testing"

	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

func set(t *testing.T, text string) hold.Set {
	t.Helper()
	s, err := hold.Of(store.Entry{EntryKey: hold.Key("acc"), Value: []byte(text), Revision: "1"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ids(holds []hold.Hold) []string {
	var all []string
	for _, h := range holds {
		all = append(all, h.ID)
	}
	return all
}

func TestCovering(t *testing.T) {
	t.Parallel()
	s := set(t, `{"holds":[
		{"id":"one","scope":{"recording_id":"202601-a"}},
		{"id":"user","scope":{"owner_id":"anna"}},
		{"id":"number","scope":{"number":"+49 30 1234567"}},
		{"id":"january","scope":{"from":1000,"to":2000}},
		{"id":"since","scope":{"from":3000}},
		{"id":"until","scope":{"to":500}},
		{"id":"both","scope":{"owner_id":"anna","number":"030/1234567","from":1000}}
	]}`)
	for _, tt := range []struct {
		name string
		r    recording.Recording
		want []string
	}{
		{"nothing", recording.Recording{ID: "202601-b", Created: 2500, Document: `{"from":"100@pbx"}`}, nil},
		{"its ID", recording.Recording{ID: "202601-a", Created: 2500}, []string{"one"}},
		{"its owner", recording.Recording{ID: "202601-b", Owner: "anna", Created: 2500}, []string{"user"}},
		{"a number", recording.Recording{ID: "202601-b", Created: 2500, Document: `{"to":"sip:0301234567@pbx"}`}, []string{"number"}},
		{"digits in user_metadata", recording.Recording{ID: "202601-b", Created: 2500, Document: `{"user_metadata":{"customer":"49301234567"}}`}, []string{"number"}},
		{"a number in channel variables", recording.Recording{ID: "202601-b", Created: 2500, Document: `{"custom_channel_vars":{"Caller-ID-Number":"0301234567"}}`}, []string{"number"}},
		{"a number in recording variables", recording.Recording{ID: "202601-b", Created: 2500, Document: `{"recording_vars":{"to":301234567}}`}, []string{"number"}},
		{"a number in user_metadata", recording.Recording{ID: "202601-b", Created: 2500, Document: `{"user_metadata":{"note":"030 1234567"}}`}, []string{"number"}},
		{"an ID in channel variables", recording.Recording{ID: "202601-b", Created: 2500, Document: `{"custom_channel_vars":{"Bridge-ID":"0301234567"}}`}, nil},
		{"the start of its call", recording.Recording{ID: "202601-b", Created: 9000, Document: `{"start":2000}`}, []string{"january"}},
		{"just outside", recording.Recording{ID: "202601-b", Created: 9000, Document: `{"start":2001}`}, nil},
		{"no start", recording.Recording{ID: "202601-b", Created: 1000, Document: `{}`}, []string{"january"}},
		{"open ends", recording.Recording{ID: "202601-b", Created: 500}, []string{"until"}},
		{
			"all fields of a hold",
			recording.Recording{ID: "202601-b", Owner: "anna", Created: 3000, Document: `{"caller_id_number":"0049301234567"}`},
			[]string{"user", "number", "since", "both"},
		},
	} {
		if got := ids(s.Covering(&tt.r)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: covered by %q, want %q", tt.name, got, tt.want)
		}
	}
	all := set(t, `{"holds":[{"id":"account","scope":{}}]}`)
	if got := ids(all.Covering(&recording.Recording{ID: "202601-b"})); !slices.Equal(got, []string{"account"}) {
		t.Errorf("a hold on the account covers %q", got)
	}
}

// A damaged entry must not look like one without holds.
func TestDamagedHolds(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `{`, `{"holds":{}}`, `[]`} {
		if _, err := hold.Of(store.Entry{EntryKey: hold.Key("acc"), Value: []byte(text)}); err == nil {
			t.Errorf("Of(%q) succeeded", text)
		}
	}
}
