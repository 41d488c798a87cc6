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
