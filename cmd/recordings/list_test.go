package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/callrecordings/api/cmd/recordings/internal/client"
	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/importer/folder"
)

// A caller's name cannot control the terminal, and lines are cut to its width.
func TestTableOnATerminal(t *testing.T) {
	t.Parallel()
	d := client.Document{ID: "202601-a", CallerNumber: "+1", CallerName: "Zoë\x1b[2J\r", Start: 63937071000, DurationMS: 4536}
	for _, c := range []struct {
		width int
		want  string
	}{
		{120, "202601-a  2026-01-31 09:30  5s      +1 (Zoë\ufffd[2J\ufffd)"},
		{45, "202601-a  2026-01-31 09:30  5s      +1 (Zoë\ufffd…"},
	} {
		out := &terminal{width: c.width}
		table := documentTable{w: out}
		if err := table.add(d); err != nil {
			t.Fatal(err)
		}
		if err := table.flush(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		if len(lines) != 3 || lines[1] != c.want {
			t.Errorf("%d columns: %q, want %q in the second line", c.width, lines, c.want)
		}
	}
}

// --json prints the documents as the API sent them, one per line.
func TestTableAsJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table := documentTable{w: &out, asJSON: true}
	if err := table.add(client.Document{Raw: []byte("{\n \"id\": \"202601-a\",\n \"x\": [1]\n}")}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "{\"id\":\"202601-a\",\"x\":[1]}\n"; got != want {
		t.Errorf("JSON = %q, want %q", got, want)
	}
}

// The progress of an export does not count existing files as written.
func TestExportedOutcomes(t *testing.T) {
	t.Parallel()
	tally := &importer.Tally{}
	for _, o := range []folder.Outcome{folder.Written, folder.Unchanged, folder.Unchanged, folder.Gone, folder.Failed} {
		tally.Exported(exported[o], 10)
	}
	c := tally.Count()
	if c.Found != 5 || c.Copied != 1 || c.Known != 2 || c.Deleted != 1 || c.Failed != 1 || c.Bytes != 50 {
		t.Errorf("count = %+v", c)
	}
}
