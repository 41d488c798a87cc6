//go:build e2e

package zipfile_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/zipfile"
)

// zeros is an endless reader of zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// holes writes to a file, and leaves a hole for each block of zeros, so that the file takes
// little of the disk.
type holes struct{ *os.File }

var block [64 << 10]byte

func (h *holes) Write(p []byte) (int, error) {
	if len(p) == len(block) && bytes.Equal(p, block[:]) {
		_, err := h.Seek(int64(len(p)), io.SeekCurrent)
		return len(p), err
	}
	return h.File.Write(p)
}

// Python's zipfile reads every byte of a file with more than 65,535 entries, an entry of more
// than 4 GB, and one behind it, and checks sizes and CRCs. unzip, where it is installed, reads
// the entries around the large one.
func TestProgramsReadZIP64(t *testing.T) {
	const entries, large = 66_000, 4<<30 + 1
	path := filepath.Join(t.TempDir(), "large.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // closed below
	w := bufio.NewWriterSize(&holes{f}, len(block))
	at, records := int64(0), make([]zipfile.Record, 0, entries)
	add := func(name string, size int64, body io.Reader) {
		r, n, err := zipfile.Write(w, name, modified, at, size, body)
		if err != nil {
			t.Fatal(err)
		}
		at, records = at+n, append(records, r)
	}
	for i := range entries - 2 {
		text := fmt.Sprintf("text %d", i)
		add(fmt.Sprintf("%06d.json", i), int64(len(text)), strings.NewReader(text))
	}
	add("large.wav", large, io.LimitReader(zeros{}, large))
	add("last.json", 4, strings.NewReader("last"))
	d := zipfile.NewDirectory(w, at)
	for _, r := range records {
		if err := d.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	read := func(name string, arguments ...string) string {
		out, err := exec.CommandContext(t.Context(), name, arguments...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %.2000s", name, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	script := `
import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
print(z.testzip(), len(z.namelist()), z.getinfo("large.wav").file_size, z.read("000007.json"), z.read("last.json"))
`
	if got, want := read("python3", "-c", script, path), fmt.Sprintf("None %d %d b'text 7' b'last'", entries, int64(large)); got != want {
		t.Errorf("Python reads %s, want %s", got, want)
	}
	if _, err := exec.LookPath("unzip"); err != nil {
		t.Log("unzip is not installed")
		return
	}
	if got := read("unzip", "-p", path, "000007.json", "last.json"); got != "text 7last" { // it also checks their CRCs
		t.Errorf("unzip reads %q, want both texts", got)
	}
	if got := read("unzip", "-l", path, "large.wav"); !strings.Contains(got, strconv.Itoa(large)) {
		t.Errorf("unzip lists %s, want %d bytes", got, int64(large))
	}
}
