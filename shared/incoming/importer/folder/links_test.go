package folder_test

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/callrecordings/api/shared/recording"
)

// link makes a link in the folder.
func (d *tree) link(name, target string) {
	d.Helper()
	path := filepath.Join(d.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		d.Fatal(err)
	}
}

// walked returns the names of the items of the folder, and the errors of the walk.
func (d *tree) walked() (names, faults []string) {
	d.Helper()
	for page, err := range d.Pages(d.Context()) {
		if err != nil {
			faults = append(faults, err.Error())
		}
		for _, it := range page {
			name := it.Name
			if it.Fault != nil {
				name += "!"
			}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, faults
}

// Links are followed, and every file is imported once. A link that cannot be followed
// is an error, so that the import does not count as complete.
func TestLinks(t *testing.T) {
	t.Parallel()
	elsewhere := t.TempDir()
	for _, name := range []string{"calls/e.mp3", "calls/deep/f.mp3", "one.mp3"} {
		path := filepath.Join(elsewhere, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("sound"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	calls := filepath.Join(elsewhere, "calls")
	for name, c := range map[string]struct {
		links         map[string]string // by their names; ROOT is the folder
		names, faults []string
	}{
		"a file elsewhere":      {map[string]string{"b.mp3": filepath.Join(elsewhere, "one.mp3")}, []string{"2026/a.mp3", "b.mp3"}, nil},
		"a folder elsewhere":    {map[string]string{"c": calls}, []string{"2026/a.mp3", "c/deep/f.mp3", "c/e.mp3"}, nil},
		"a folder twice":        {map[string]string{"c": calls, "d": calls}, []string{"2026/a.mp3", "c/deep/f.mp3", "c/e.mp3"}, nil},
		"a folder in another":   {map[string]string{"c": calls, "d": calls + "/deep"}, []string{"2026/a.mp3", "c/deep/f.mp3", "c/e.mp3"}, nil},
		"the folder itself":     {map[string]string{"c": "ROOT", "2026/c": "ROOT"}, []string{"2026/a.mp3"}, nil},
		"a folder that is read": {map[string]string{"latest": "ROOT/2026"}, []string{"2026/a.mp3"}, nil},
		"a file that is read":   {map[string]string{"b.mp3": "ROOT/2026/a.mp3"}, []string{"2026/a.mp3"}, nil},
		"the folder above":      {map[string]string{"c": "ROOT/.."}, []string{"2026/a.mp3"}, []string{"follow the link c: it leads back to a folder above"}},
		"a link to itself":      {map[string]string{"c.mp3": "c.mp3"}, []string{"2026/a.mp3"}, []string{"follow the link c.mp3: EvalSymlinks: too many links"}},
		"nothing":               {map[string]string{"c.mp3": "no.mp3"}, []string{"2026/a.mp3"}, []string{"follow the link c.mp3: no such file or directory"}},
		"a hidden link":         {map[string]string{".c": calls, "d.part": "no"}, []string{"2026/a.mp3"}, nil},
	} {
		d := newTree(t)
		d.put("2026/a.mp3", "sound")
		for link, target := range c.links {
			d.link(link, strings.Replace(target, "ROOT", d.Root, 1))
		}
		names, faults := d.walked()
		if !slices.Equal(names, c.names) || !slices.Equal(faults, c.faults) {
			t.Errorf("%s: items %q, errors %q, want %q, %q", name, names, faults, c.names, c.faults)
		}
		if n, _, err := d.Count(t.Context()); err != nil || n != len(names) {
			t.Errorf("%s: Count = %d, %v, want %d", name, n, err, len(names))
		}
	}
	d := newTree(t)
	d.put("a.mp3", "sound")
	d.link("../"+filepath.Base(d.Root)+"-link", d.Root)
	if d.Root += "-link"; d.only().Name != "a.mp3" {
		t.Error("a root that is a link was not read")
	}
}

// Audio behind a link is opened, including the audio of an exported document.
func TestOpenOfALink(t *testing.T) {
	t.Parallel()
	target := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(target, []byte("sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, document := range []string{"", `{"id":"202601-a","pvt_created":1,"pvt_audio":{"file":"202601-a.wav","size":5}}`} {
		d := newTree(t)
		d.link("202601-a.wav", target)
		if document != "" {
			d.put("202601-a.json", document)
		}
		it := d.only()
		a, err := d.Open(t.Context(), it)
		if err != nil || it.Audio.Place != recording.Managed {
			t.Errorf("Open of %+v = %v", it, err)
			continue
		}
		if text, err := io.ReadAll(io.NewSectionReader(a, 0, a.Size)); err != nil || string(text) != "sound" {
			t.Errorf("audio %q, %v", text, err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A pipe may never end, so the report names it.
func TestIrregularFile(t *testing.T) {
	t.Parallel()
	d := newTree(t)
	if err := syscall.Mkfifo(filepath.Join(d.Root, "pipe.mp3"), 0o600); err != nil {
		t.Fatal(err)
	}
	if it := d.only(); it.Fault == nil || !strings.Contains(it.Fault.Error(), "not a regular file") {
		t.Errorf("item = %+v, want it refused", it)
	}
}
