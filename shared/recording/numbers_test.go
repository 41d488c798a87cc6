package recording

import (
	"slices"
	"testing"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	d := Document(`{"from":"1000@pbx","caller_id_number":"+1555","duration":3,"to":7,"caller_id_name":"Bob","name":"x","request":"2000@pbx"}`)
	want := []string{"1000@pbx", "+1555", "Bob", "2000@pbx"}
	if got := d.Numbers(); !slices.Equal(got, want) {
		t.Errorf("Numbers() = %q, want %q", got, want)
	}
	for _, name := range numberFields {
		if k, ok := kindOf(name); !ok || k != text {
			t.Errorf("%s is not a text field", name)
		}
	}
}

// Numbers are also in the values of three objects; see [Document.Numbers].
func TestNumbersInObjects(t *testing.T) {
	t.Parallel()
	for document, want := range map[Document][]string{
		`{"custom_channel_vars":{"Caller-ID-Number":"0301","Bridge-ID":"0302","Fetch":"+49303"}}`: {"0301"},
		`{"recording_vars":{"callee":49304,"seen":49305}}`:                                        {"49304"},
		`{"custom_channel_vars":{"Contact":{"list":["x","0306",7,null,true]}}}`:                   {"0306", "7", "x"},
		`{"user_metadata":{"note":"030 7","callback":"49308","order":"49309","seen":49310}}`:      {"030 7", "49308"},
		`{"user_metadata":{"note":"order 030 11","tags":{"x":["+49 12"]}},"media":{"to":"0313"}}`: {"+49 12"},
		`{"user_metadata":"+4914","custom_channel_vars":{},"recording_vars":null}`:                {"+4914"},
	} {
		got := document.Numbers()
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("Numbers() of %s = %q, want %q", document, got, want)
		}
	}
}

func TestStartOfARecording(t *testing.T) {
	t.Parallel()
	for document, want := range map[Document]Seconds{
		`{"start":63800000000}`: 63800000000, `{"start":0}`: 7, `{}`: 7, `{"start":"soon"}`: 7,
	} {
		if got := (&Recording{Created: 7, Document: document}).Start(); got != want {
			t.Errorf("Start() of %s = %d, want %d", document, got, want)
		}
	}
}
