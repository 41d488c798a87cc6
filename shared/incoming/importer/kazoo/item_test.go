package kazoo

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// Rows of a list and their items.
func TestNewItem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, row string
		document  recording.Document
		audio     recording.Audio
		fault     string
	}{
		{
			"ordinary", `{"id":"202601-a","start":1,"from":"x","_read_only":{"content_types":["audio/mp3"]},"pvt_x":1,"_id":"y","to":null}`,
			`{"start":1,"from":"x"}`,
			recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg"},
			"",
		},
		{"without audio", `{"id":"202601-a","_read_only":{"content_types":[]}}`, `{}`, recording.Audio{}, ""},
		{
			"external", `{"id":"202601-a","url":"https://x","content_type":"audio/x-wav","_read_only":{"content_types":[]}}`,
			`{"url":"https://x","content_type":"audio/x-wav"}`,
			recording.Audio{Place: recording.External, ContentType: "audio/wav"},
			"",
		},
		{"without _read_only", `{"id":"202601-a"}`, `{}`, recording.Audio{Place: recording.Managed}, ""},
		{"invalid _read_only", `{"id":"202601-a","_read_only":7}`, `{}`, recording.Audio{Place: recording.Managed}, ""},
		{
			"wrong types", `{"id":"202601-a","start":"1","duration":{},"owner_id":7,"x":1e400}`,
			`{"start":"1","duration":{},"owner_id":7,"x":1e400}`,
			recording.Audio{Place: recording.Managed},
			"",
		},
		{"another ID", `{"ID":"202601-b","id":"202601-a"}`, `{"ID":"202601-b"}`, recording.Audio{Place: recording.Managed}, ""},
		{"array", `[]`, "", recording.Audio{}, "not an object"},
		{"null", `null`, "", recording.Audio{}, "not an object"},
		{"no ID", `{"ID":"202601-b"}`, "", recording.Audio{}, "no ID"},
		{"number as ID", `{"id":202601}`, "", recording.Audio{}, "no ID"},
		{"malformed ID", `{"id":"abc\n"}`, "", recording.Audio{}, "invalid recording ID"},
		{"enormous ID", `{"id":"202601-` + strings.Repeat("a", 500) + `"}`, "", recording.Audio{}, "invalid recording ID"},
		{"duplicate key", `{"id":"202601-a","from":1,"from":2}`, "", recording.Audio{}, "its document"},
		{"not UTF-8", "{\"id\":\"202601-a\",\"from\":\"\xff\"}", "", recording.Audio{}, "its document"},
		{"nested too deeply", `{"id":"202601-a","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "", recording.Audio{}, "its document"},
	} {
		it, _ := newItem("acc", []byte(c.row))
		if it.Document != c.document || it.Audio != c.audio || (it.Fault == nil) != (c.fault == "") {
			t.Errorf("%s: %+v", c.name, it)
		}
		if c.fault != "" && (!strings.Contains(it.Fault.Error(), c.fault) || !errors.Is(it.Fault, importer.ErrRefused)) {
			t.Errorf("%s: %v, want %q", c.name, it.Fault, c.fault)
		}
		if it.Name == "" || len(it.Name) > 100 || strings.ContainsAny(it.Name, "\n") {
			t.Errorf("%s has the name %q", c.name, it.Name)
		}
	}
}

func FuzzNewItem(f *testing.F) {
	for _, row := range []string{`{"id":"202601-a","_read_only":{"content_types":["audio/mpeg"]}}`, `{"id":7}`, `[`, `{"id":"202601-a","a":{"b":[1,null]}}`} {
		f.Add([]byte(row))
	}
	f.Fuzz(func(t *testing.T, row []byte) {
		it, _ := newItem("acc", row)
		if it.Fault != nil {
			if !errors.Is(it.Fault, importer.ErrRefused) || it.Document != "" {
				t.Errorf("newItem(%q) = %+v", row, it)
			}
			return
		}
		if _, err := recording.ParseID(it.ID); err != nil {
			t.Errorf("newItem(%q) has the ID %q", row, it.ID)
		}
		if again, err := recording.ParseDocument([]byte(it.Document)); err != nil || again != it.Document {
			t.Errorf("newItem(%q) has the document %q, %v", row, it.Document, err)
		}
	})
}

// The months cover the time range without a gap, and no window is wider than Kazoo's
// limit.
func TestMonths(t *testing.T) {
	t.Parallel()
	const widest = 2_682_000
	last := recording.Seconds(0)
	n := 0
	until := beginning + 400*31*24*3600
	all := slices.Collect(months(0, until))
	slices.Reverse(all)
	for _, m := range all {
		if n++; last != 0 && m.own.from != last+1 {
			t.Errorf("%s begins at %d, want %d", m.name, m.own.from, last+1)
		}
		last = m.own.to
		if m.own.from.Time().Format("200601") != m.name || m.own.to.Time().Format("200601") != m.name && m.own.to != until {
			t.Errorf("%s is from %v to %v", m.name, m.own.from.Time(), m.own.to.Time())
		}
		if m.wide.from >= m.own.from || m.wide.to-m.wide.from > widest {
			t.Errorf("%s: the wide window is %+v", m.name, m.wide)
		}
	}
	if last != until || n < 400 {
		t.Errorf("%d months end at %d, want %d", n, last, until)
	}
}
