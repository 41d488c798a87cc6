package folder_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/incoming/importer"
)

// A file of an unsupported type is refused, with the command that converts it.
func TestTypesThatAreNotTaken(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.gsm":      "convert it: ffmpeg -f gsm -i a.gsm a.wav",
		"a.ulaw":     "convert it: ffmpeg -f mulaw -ar 8000 -i a.ulaw a.wav",
		"a.sln16":    "convert it: ffmpeg -f s16le -ar 16000 -i a.sln16 a.wav",
		"a.FLAC":     "convert it: ffmpeg -i a.FLAC a.wav",
		"a b's.gsm":  `ffmpeg -f gsm -i 'a b'\''s.gsm' 'a b'\''s.wav'`,
		"-y.amr":     "ffmpeg -i ./-y.amr ./-y.wav",
		"$(id).aac":  "ffmpeg -i '$(id).aac' '$(id).wav'",
		"readme.txt": "its name is not that of an audio file",
		"noname":     "its name is not that of an audio file",
	} {
		d := newTree(t)
		d.put(name, "sound")
		it := d.only()
		if !errors.Is(it.Fault, importer.ErrRefused) || !strings.HasSuffix(it.Fault.Error(), want) {
			t.Errorf("%s: %v, want %s", name, it.Fault, want)
		}
	}
}

// If no pattern matches a file's name, the note about the file mentions the patterns,
// unless other metadata describes the call.
func TestNameThatNoPatternUnderstands(t *testing.T) {
	t.Parallel()
	const want = "no pattern understands its name"
	d := newTree(t)
	d.put("greeting.wav", "sound")
	if it := d.only(); !strings.HasPrefix(it.Note, want) || it.Fault != nil {
		t.Errorf("item = %+v, want the note %q", it, want)
	}
	d = newTree(t)
	d.put("greeting.wav", "sound")
	d.put("greeting.json", `{"from":"1001@x"}`)
	if it := d.only(); strings.Contains(it.Note, want) || it.Note == "" {
		t.Errorf("with a JSON file: %+v, want a note about the time alone", it)
	}
}
