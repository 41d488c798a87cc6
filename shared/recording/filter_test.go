package recording_test

import (
	"errors"
	"testing"

	"github.com/callrecordings/api/shared/recording"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const sampleID = "202311-6b3c0e1f9a4d4e7f8a1b2c3d4e5f6071"

const sampleText = `{"call_id":"MTQ4YjE1@10.1.1.5","direction":"inbound","duration":62,"duration_ms":62340,"rate":1.0,
	"start":63866880000,"owner_id":"77bc","caller_id_name":"Zoë \"Z\" Ü","empty":"","zero":0,"zeros":"0","none":"NULL",
	"undef":"undefined","fzero":-0.0,"tiny":1e-400,"yes":true,"no":false,"list":["a",10,{"b":null,"c":"d"}],"elist":[],"eobject":{},
	"not_x":"y","id_":"z","custom_channel_vars":{"Owner-ID":"77bc","dotted.key":"v","Nothing":null,"Deep":{"er":"!"}},"a":{"id":"inner"}}`

func sample(t rapid.TB) *recording.Recording {
	t.Helper()
	return &recording.Recording{
		Account: "acc", ID: sampleID, Owner: "77bc", Created: 63866880100, Modified: 63866880200,
		Audio:    recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: 499712},
		Document: mustDocument(t, sampleText),
	}
}

// filterCases are single parameters. want is true if the sample matches.
var filterCases = []struct {
	name, value string
	want        bool
}{
	{"filter_direction", "inbound", true},
	{"filter_direction", "Inbound", false},
	{"filter_direction", "inboun", false},
	{"filter_direction", `"inbound"`, true},
	{"filter_direction", `["outbound","inbound"]`, true},
	{"filter_direction", " \n[ \"outbound\" , \"inbound\" ] ", true},
	{"filter_direction", `["outbound"]`, false},
	{"filter_direction", `[]`, false},
	{"filter_direction", `["inbound"`, false},
	{"filter_direction", `[["inbound"]]`, false},
	{"filter_direction", `{"inbound":1}`, false},
	{"filter_direction", `[{"x":"inbound"},"in\u0062ound"]`, true},
	{"filter_direction", "", false},
	{"filter_Direction", "inbound", false},
	{"filter_caller_id_name", `Zoë "Z" Ü`, true},
	{"filter_caller_id_name", `"Zoë \"Z\" \u00dc"`, true},

	{"filter_duration", "62", true},
	{"filter_duration", "62.0", false},
	{"filter_duration", "[62]", true},
	{"filter_duration", `["62"]`, true},
	{"filter_duration", "[1,62.0]", false},
	{"filter_rate", "1.0", true},
	{"filter_rate", "1", false},
	{"filter_yes", "true", true},
	{"filter_yes", "[true]", true},
	{"filter_no", "false", true},
	{"filter_no", "", false},

	{"filter_nope", "", true},
	{"filter_nope", `[""]`, true},
	{"filter_nope", `""`, true},
	{"filter_nope", "null", false},
	{"filter_nope", "[null]", false},
	{"filter_empty", "", true},
	{"filter_custom_channel_vars.Nothing", "", true},

	{"filter_custom_channel_vars.Owner-ID", "77bc", true},
	{"filter_custom_channel_vars.owner-id", "77bc", false},
	{"filter_custom_channel_vars.Deep.er", "!", true},
	{"filter_custom_channel_vars.dotted.key", "v", false},
	{"filter_call_id.x", "", true},
	{"filter_list.1", "a", true},
	{"filter_list.2", "10", true},
	{"filter_list.0", "", true},
	{"filter_list.3.c", "d", true},
	{"filter_list.4", "", true},

	{"filter_list", `["a",10,{"b":null,"c":"d"}]`, false},
	{"filter_list", "", false},
	{"filter_not_list", "x", true},
	{"filter_eobject", "{}", false},
	{"filter_eobject", "", false},

	{"filter_not_direction", "outbound", true},
	{"filter_not_direction", "inbound", false},
	{"filter_not_direction", `["outbound","inbound"]`, false},
	{"filter_not_nope", "v", true},
	{"filter_not_nope", "", false},
	{"filter_not_x", "y", true}, // the field x, not the field not_x
	{"filter_x", "y", false},

	{"filter_", "", true}, // the field with the empty name
	{"filter_", "x", false},
	{"filter_not_", "x", true},
	{"filter_not_", "", false},

	{"filter_id", sampleID, true},
	{"filter_id", `["x","` + sampleID + `"]`, true},
	{"filter_id", "", false},
	{"filter_not_id", "x", true},
	{"filter_id.x", "", true},
	{"filter_a.id", "inner", true},
	{"filter_id_", "z", true},
	{"has_key", "id", true},
	{"has_value", "id", true},
	{"key_missing", "id", false},

	{"filter__id", sampleID, false},
	{"filter__read_only.content_types.1", "audio/mpeg", false},
	{"filter_pvt_created", "63866880100", false},
	{"filter_pvt_account_id", "acc", false},
	{"has_key", "_id", false},
	{"has_key", "pvt_type", false},
	{"key_missing", "_read_only", true},

	{"has_key", "direction", true},
	{"has_key", "empty", true},
	{"has_key", "no", true},
	{"has_key", "nope", false},
	{"has_key", "", false},
	{"has_key", "custom_channel_vars.Nothing", false},
	{"has_key", "custom_channel_vars.Owner-ID", true},
	{"key_missing", "nope", true},
	{"key_missing", "direction", false},

	{"has_value", "direction", true},
	{"has_value", "duration", true},
	{"has_value", "tiny", true},
	{"has_value", "yes", true},
	{"has_value", "no", true},
	{"has_value", "list", true},
	{"has_value", "custom_channel_vars", true},
	{"has_value", "empty", false},
	{"has_value", "zero", false},
	{"has_value", "fzero", false},
	{"has_value", "zeros", false},
	{"has_value", "none", false},
	{"has_value", "undef", false},
	{"has_value", "elist", false},
	{"has_value", "eobject", false},
	{"has_value", "custom_channel_vars.Nothing", false},
	{"has_value", "nope", false},
	{"value_missing", "nope", true},
	{"value_missing", "zero", true},
	{"value_missing", "direction", false},
	{"missing_value", "zero", true},
	{"missing_value", "direction", false},

	{"modified_from", "63866880200", true},
	{"modified_from", "63866880201", false},
	{"modified_from", "63866880200.4", true},
	{"modified_to", "63866880200", true},
	{"modified_to", "63866880199", false},
	{"modified_to", "63866880199.5", true},
	{"modified_from", "1e12", false},
	{"modified_to", "1e400", true},
}

func TestFilter(t *testing.T) {
	t.Parallel()
	r := sample(t)
	for _, c := range filterCases {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			t.Parallel()
			f, err := recording.ParseFilter([][2]string{{c.name, c.value}})
			if err != nil {
				t.Fatal(err)
			}
			if f.IsZero() {
				t.Fatalf("%s is not a filter", c.name)
			}
			if got := f.Match(r); got != c.want {
				t.Errorf("Match with %s=%s = %v, want %v", c.name, c.value, got, c.want)
			}
		})
	}
}

// TestOtherParameters checks that names match exactly. The bounds of created
// belong to the list.
func TestOtherParameters(t *testing.T) {
	t.Parallel()
	for _, q := range [][2]string{
		{"page_size", "5"},
		{"_", "1"},
		{"created_from", "x"},
		{"created_to", "1"},
		{"Filter_x", "y"},
		{"filter", "y"},
		{"has_key_x", "y"},
		{"has_values", "y"},
		{"value_missing_", "y"},
		{"modified_from", ""},
		{"modified_from", "undefined"},
		{"modified_to", "null"},
		{"modified_to", "NaN"},
		{"modified_to", "0"},
		{"modified_to", "-3"},
		{"", ""},
	} {
		f, err := recording.ParseFilter([][2]string{q})
		if err != nil || !f.IsZero() || f.Canonical() != "" {
			t.Errorf("ParseFilter(%q) = %q, %v, want an empty filter", q, f.Canonical(), err)
		}
		if !f.Match(&recording.Recording{}) {
			t.Errorf("the filter without tests (%q) does not match", q)
		}
	}
}

func TestMatchRequiresAllTests(t *testing.T) {
	t.Parallel()
	r := sample(t)
	for _, c := range []struct {
		query [][2]string
		want  bool
	}{
		{nil, true},
		{[][2]string{{"filter_direction", "inbound"}, {"filter_duration", "62"}}, true},
		{[][2]string{{"filter_direction", "inbound"}, {"filter_duration", "63"}}, false},
		{[][2]string{{"filter_direction", "inbound"}, {"filter_direction", "inbound"}}, true},
		{[][2]string{{"filter_direction", "outbound"}, {"filter_direction", "inbound"}}, false},
		{[][2]string{{"has_key", "direction"}, {"has_key", "nope"}}, false},
		{[][2]string{{"modified_from", "63866880000"}, {"modified_to", "63866880100"}}, false},
	} {
		f, err := recording.ParseFilter(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Match(r); got != c.want {
			t.Errorf("Match with %q = %v, want %v", c.query, got, c.want)
		}
	}
}

func TestParseFilterErrors(t *testing.T) {
	t.Parallel()
	_, err := recording.ParseFilter([][2]string{
		{"modified_to", "soon"}, {"filter_a", "b"}, {"modified_from", "yesterday"}, {"modified_from", "12"},
	})
	var got recording.FieldErrors
	if !errors.As(err, &got) {
		t.Fatalf("ParseFilter = %v, want FieldErrors", err)
	}
	want := recording.FieldErrors{
		{Field: "modified_from", Code: "type", Message: "Value did not match type(s): integer", Target: "integer", Value: []byte(`"yesterday"`)},
		{Field: "modified_to", Code: "type", Message: "Value did not match type(s): integer", Target: "integer", Value: []byte(`"soon"`)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ParseFilter (-want +got):\n%s", diff)
	}
}

// A query has a limited number of tests. Equal parameters are one test.
func TestParseFilterLimit(t *testing.T) {
	t.Parallel()
	var query [][2]string
	for i := range recording.MaxTests {
		query = append(query, [2]string{"filter_not_name", string(rune('a' + i))})
	}
	for range 300 {
		query = append(query, query[0])
	}
	f, err := recording.ParseFilter(query)
	if err != nil || f.Tests() != recording.MaxTests || !f.Match(sample(t)) {
		t.Errorf("ParseFilter of %d tests and 300 duplicates = %d tests, %v", recording.MaxTests, f.Tests(), err)
	}
	_, err = recording.ParseFilter(append(query, [2]string{"has_key", "name"}))
	want := recording.FieldErrors{{Field: "has_key", Code: "maxItems", Message: "A list takes at most 32 filters", Target: 32}}
	if diff := cmp.Diff(error(want), err); diff != "" {
		t.Errorf("one test too many (-want +got):\n%s", diff)
	}
}
