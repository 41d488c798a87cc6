package incoming

import (
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

func TestAfter(t *testing.T) {
	t.Parallel()
	ascending := []string{"", "1", "0A", "b", "00000000000000010", "0055AED6DCD90281E5", "1055AED6DCD90281E5"}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := after(a, b); got != (i > j) {
				t.Errorf("after(%q, %q) = %v, want %v", a, b, got, i > j)
			}
		}
	}
}

// An arrival without a sequencer was found without an event, and counts as the latest.
func TestNewer(t *testing.T) {
	t.Parallel()
	managed := recording.Audio{Place: recording.Managed, Sequencer: "05"}
	for _, c := range []struct {
		name      string
		sequencer string
		known     recording.Audio
		want      bool
	}{
		{"no audio yet", "01", recording.Audio{Sequencer: "05"}, true},
		{"a later arrival", "06", managed, true},
		{"the same arrival", "05", managed, false},
		{"an earlier arrival", "04", managed, false},
		{"found without an event", "", managed, true},
	} {
		if got := (Arrival{Sequencer: c.sequencer}).Newer(c.known); got != c.want {
			t.Errorf("%s: Newer = %t, want %t", c.name, got, c.want)
		}
	}
}

// An arrival that brings nothing new costs no write.
func TestChanges(t *testing.T) {
	t.Parallel()
	known := recording.Recording{
		ID: "202601-x", Modified: 5, Document: "{}",
		Audio: recording.Audio{Place: recording.Managed, Size: 7, Sequencer: "05", SHA256: "aa"},
	}
	announced := known
	announced.Upload = recording.Upload{SHA256: "aa"}
	found := known
	found.Audio.Sequencer = ""
	for _, c := range []struct {
		name      string
		sequencer string
		before    recording.Recording
		change    func(*recording.Recording)
		want      bool
	}{
		{"nothing", "05", known, func(*recording.Recording) {}, false},
		{"the time", "05", known, func(r *recording.Recording) { r.Modified = 6 }, false},
		{"the size", "05", known, func(r *recording.Recording) { r.Audio.Size = 8 }, true},
		{"the document", "05", known, func(r *recording.Recording) { r.Document = `{"from":"1"}` }, true},
		{"the sequencer", "06", known, func(r *recording.Recording) { r.Audio.Sequencer = "06" }, true},
		{"the sequencer, after audio without one", "06", found, func(r *recording.Recording) { r.Audio.Sequencer = "06" }, false},
		{"the sequencer, found without an event", "", known, func(r *recording.Recording) { r.Audio.Sequencer = "" }, false},
		{"a checksum that was not announced", "05", known, func(r *recording.Recording) { r.Audio.SHA256 = "" }, false},
		{"a checksum that was announced", "05", announced, func(r *recording.Recording) { r.Audio.SHA256 = "" }, true},
	} {
		now := c.before
		c.change(&now)
		if got := (Arrival{Sequencer: c.sequencer}).Changes(c.before, now); got != c.want {
			t.Errorf("%s: Changes = %t, want %t", c.name, got, c.want)
		}
	}
}
