package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer"
)

// The progress line shows counts, speed and remaining time.
func TestBar(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		bar   bar
		count importer.Count
		width int
		want  string
	}{
		{"nothing yet", bar{verb: "copied"}, importer.Count{}, 0, "0 of 0+ copied, 0 bytes, 0.0/s, 0 bytes/s"},
		{
			"by the time of the recordings",
			bar{verb: "copied", since: 100, until: 1100},
			importer.Count{Found: 300, Copied: 200, First: 850, Last: 1000, Bytes: 2e6},
			0,
			"200 of 300+ copied, 2.0 MB, 20.0/s, 200.0 kB/s, 30s left",
		},
		{
			"of a complete list",
			bar{verb: "compared"},
			importer.Count{Found: 400, All: true, Known: 99, Failed: 1, First: 1, Last: 2},
			0,
			"100 of 400 compared, 0 bytes, 10.0/s, 0 bytes/s, 30s left, 0 refused, 1 failed",
		},
		{
			"of a known total, as a bar",
			bar{verb: "copied", total: 40},
			importer.Count{Found: 20, Copied: 10},
			8,
			"[==      ] 10 of 40 copied, 0 bytes, 1.0/s, 0 bytes/s, 30s left",
		},
		{
			"by the time of the recordings, without a beginning",
			bar{verb: "copied", until: 1100},
			importer.Count{Found: 300, Copied: 200, First: 850, Last: 1000, Bytes: 2e6},
			0,
			"200 of 300+ copied, 2.0 MB, 20.0/s, 200.0 kB/s",
		},
		{
			"of recordings that were there before",
			bar{verb: "copied", total: 40},
			importer.Count{Found: 20, Copied: 1, Known: 8, Deleted: 1, Refused: 2},
			0,
			"1 of 40 copied, 0 bytes, 1.2/s, 0 bytes/s, 23s left, 8 already there, 2 refused, 0 failed",
		},
		{
			"of an export, some of which was there before",
			bar{verb: "written"},
			importer.Count{Found: 20, Copied: 5, Known: 15},
			0,
			"5 of 20+ written, 0 bytes, 2.0/s, 0 bytes/s, 15 already there",
		},
		{
			"of a known total, before anything is done",
			bar{verb: "copied", total: 40},
			importer.Count{Found: 20},
			0,
			"0 of 40 copied, 0 bytes, 0.0/s, 0 bytes/s",
		},
		{"done", bar{verb: "copied"}, importer.Count{Found: 10, Copied: 10, All: true}, 4, "[====] 10 of 10 copied, 0 bytes, 1.0/s, 0 bytes/s"},
	} {
		c.bar.began = began
		if got := c.bar.line(c.count, began.Add(10*time.Second), c.width); got != c.want {
			t.Errorf("%s: line = %q, want %q", c.name, got, c.want)
		}
	}
}

// The remaining time is estimated only after some progress.
func TestRemaining(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		took     time.Duration
		fraction float64
		want     string
	}{
		{200 * time.Millisecond, 0.5, ""},
		{10 * time.Second, 0, ""},
		{10 * time.Second, 0.0005, ""},
		{10 * time.Second, 0.5, "10s"},
		{10 * time.Second, 1, ""},
	} {
		if got, ok := remaining(c.took, c.fraction); got != c.want || ok != (c.want != "") {
			t.Errorf("remaining(%s, %g) = %q, %t, want %q", c.took, c.fraction, got, ok, c.want)
		}
	}
}

// terminal is a terminal of some width.
type terminal struct {
	bytes.Buffer
	width int
}

func (t *terminal) Columns() int { return t.width }

// A progress line that wrapped could not be erased again.
func TestProgressDoesNotWrap(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, width := range []int{20, 40, 80} {
		bar, upload := &terminal{width: width}, &terminal{width: width}
		d := &display{stderr: bar, now: func() time.Time { return at.Add(10 * time.Second) }}
		d.progress(newBar(at), importer.Count{Found: 1000000, Copied: 123456, Known: 200000, Refused: 5, Bytes: 1 << 40})
		now := at
		p := &progress{out: upload, name: "Aufnahmen/日本語の長い名前の録音ファイル.wav", total: 5 << 30, now: func() time.Time { return now }, terminal: true}
		p.at(0)
		now = now.Add(time.Minute)
		p.at(3 << 30)
		for name, out := range map[string]string{"import": bar.String(), "upload": upload.String()} {
			line := strings.NewReplacer("\r", "", "\x1b[K", "").Replace(out)
			used := 0
			for _, r := range line {
				used += runeWidth(r)
			}
			if line == "" || used >= width {
				t.Errorf("%s: %q takes %d of %d columns", name, line, used, width)
			}
		}
		if width > 40 && !strings.Contains(upload.String(), "ファイル.wav: 3072 of 5120 MB (60 %)") {
			t.Errorf("upload = %q, want the end of the name and the progress", upload)
		}
	}
}

func newBar(began time.Time) *bar { return &bar{began: began, verb: copying, total: 1000000} }

// A temporary file leaves nothing in its folder.
func TestSpool(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, remove, err := spool(dir)()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("audio"); err != nil {
		t.Error(err)
	}
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 5))
	if err != nil || string(text) != "audio" {
		t.Errorf("read %q, %v", text, err)
	}
	if err := remove(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if _, _, err := spool(dir + "/none")(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("spool in a missing folder = %v, want %v", err, os.ErrNotExist)
	}
}
