package zipfile_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/zipfile"
)

var modified = time.Date(2026, 1, 15, 10, 31, 4, 0, time.UTC)

func TestReadersOfZIPUnderstandTheFile(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	contents := map[string]string{"000001_a.json": `{"a":1}`, "000001_a.mp3": strings.Repeat("x", 100_000), "empty": "", "Übung €.txt": "é"}
	var records []zipfile.Record
	for _, name := range []string{"000001_a.json", "000001_a.mp3", "empty", "Übung €.txt"} {
		text := contents[name]
		before := int64(file.Len())
		r, n, err := zipfile.Write(&file, name, modified, before, int64(len(text)), strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if int64(file.Len()) != before+n {
			t.Errorf("%s takes %d bytes, Write returned %d", name, int64(file.Len())-before, n)
		}
		records = append(records, r)
	}
	d := zipfile.NewDirectory(&file, int64(file.Len()))
	for _, r := range records {
		if err := d.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if len(z.File) != len(contents) {
		t.Fatalf("%d entries, want %d", len(z.File), len(contents))
	}
	for _, f := range z.File {
		body, err := f.Open()
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		text, err := io.ReadAll(body) // checks the CRC
		if err != nil || string(text) != contents[f.Name] {
			t.Errorf("%s: %d bytes and error %v, want %d bytes", f.Name, len(text), err, len(contents[f.Name]))
		}
		if !f.Modified.Equal(modified) || f.NonUTF8 || !f.Mode().IsRegular() {
			t.Errorf("%s: modified %s, mode %s, other encoding than UTF-8: %t", f.Name, f.Modified, f.Mode(), f.NonUTF8)
		}
	}
}

// sparse is a file of which only the parts that are written are kept. The rest is zeros.
type sparse struct {
	size int64
	ends []int64 // where the kept parts end
	data [][]byte
}

func (s *sparse) Write(p []byte) (int, error) {
	if len(p) < 1<<16 { // headers and records; the bodies of this test are longer
		s.data = append(s.data, bytes.Clone(p))
		s.ends = append(s.ends, s.size+int64(len(p)))
	}
	s.size += int64(len(p))
	return len(p), nil
}

// ReadAt implements io.ReaderAt.
func (s *sparse) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	n := int(min(int64(len(p)), s.size-at))
	for i := sort.Search(len(s.ends), func(i int) bool { return s.ends[i] > at }); i < len(s.ends); i++ {
		begin := s.ends[i] - int64(len(s.data[i]))
		if begin >= at+int64(n) {
			break
		}
		if begin >= at {
			copy(p[begin-at:n], s.data[i])
		} else {
			copy(p[:n], s.data[i][at-begin:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// The entry behind 4 GB, and the directory there, need the ZIP64 extensions. The bodies
// are not written: their records are made as if they had been.
func TestFilesAbove4GBAnd65535Entries(t *testing.T) {
	t.Parallel()
	const entries = 70_000
	file := &sparse{}
	first, _, err := zipfile.Write(file, "first", modified, 0, 5, strings.NewReader("first"))
	if err != nil {
		t.Fatal(err)
	}
	file.size = 5 << 30
	last, _, err := zipfile.Write(file, "last", modified, file.size, 4, strings.NewReader("last"))
	if err != nil {
		t.Fatal(err)
	}
	d := zipfile.NewDirectory(file, file.size)
	for i := range entries {
		r := last
		if i == 0 {
			r = first
		} else {
			r.Name = fmt.Sprintf("last %d", i) // the local header keeps "last"
		}
		if i == 1 {
			r.Size, r.Offset = 4<<30, 100
		}
		if err := d.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(file, file.size)
	if err != nil {
		t.Fatal(err)
	}
	if len(z.File) != entries || z.File[1].UncompressedSize64 != 4<<30 {
		t.Fatalf("%d entries, the second one with %d bytes; want %d with %d", len(z.File), z.File[1].UncompressedSize64, entries, int64(4<<30))
	}
	for i, want := range map[int]string{0: "first", entries - 1: "last"} {
		body, err := z.File[i].Open()
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(body); err != nil || string(text) != want {
			t.Errorf("entry %d: %q, %v, want %q", i, text, err, want)
		}
	}
}

func TestSizesMustBeAsAnnounced(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{3, 5} {
		if _, _, err := zipfile.Write(io.Discard, "a", modified, 0, size, strings.NewReader("four")); !errors.Is(err, zipfile.ErrSize) {
			t.Errorf("size %d: error %v, want ErrSize", size, err)
		}
	}
	if _, _, err := zipfile.Write(io.Discard, "", modified, 0, 0, strings.NewReader("")); err == nil {
		t.Error("an entry without a name is written")
	}
}
