package folder_test

import (
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

// The time formats of PBXs are accepted for the start of a call, in a table and in a
// sidecar. A file with any other text is refused, since a wrong time would stay wrong.
func TestStartOfACall(t *testing.T) {
	t.Parallel()
	const at = 63937071000 // 2026-01-31T09:30:00Z; the clock of the PBX is that of Berlin
	for start, want := range map[string]recording.Seconds{
		"2026-01-31 10:30:00":       at, // Asterisk's CDR
		"2026-01-31T10:30:00":       at,
		"2026-01-31 10:30:00.5":     at,
		"2026-01-31T10:30:00+0100":  at,
		"2026-01-31T10:30:00+01:00": at,
		"2026-01-31T09:30:00Z":      at,
		"1769851800":                at,
		"1769851800.123":            at,
		"63937071000":               at,
		"31.01.2026 10:30":          0,
		"yesterday":                 0,
	} {
		for _, source := range []string{"table", "sidecar"} {
			d := newTree(t)
			d.put("1001to1002.wav", "sound")
			if source == "table" {
				d.table("calls.csv", "file,start\n1001to1002.wav,"+start+"\n")
			} else {
				d.put("1001to1002.json", "\ufeff"+`{"start":"`+start+`"}`)
			}
			it := d.only()
			if want == 0 {
				if it.Fault == nil || !strings.Contains(it.Fault.Error(), "its start is not a time") {
					t.Errorf("%s, start %q: %+v, want it refused", source, start, it)
				}
				continue
			}
			if got, ok := it.Document.Int("start"); !ok || recording.Seconds(got) != want || it.Started != want || it.Fault != nil || it.Note != "" {
				t.Errorf("%s, start %q: %+v, want %d", source, start, it, want)
			}
		}
	}
}

// A file without a start gets its modification time, and the report names it.
func TestFileWithoutATime(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	d.put("greeting.wav", "sound")
	it := d.only()
	if it.Started != recording.SecondsOf(stored) || !strings.Contains(it.Note, "nothing says when the call started") || it.Fault != nil {
		t.Errorf("item = %+v, want it to start at %v, with a note", it, stored)
	}
	if _, given := it.Document.Int("start"); given {
		t.Errorf("document %s, want no start in it", it.Document)
	}
}
