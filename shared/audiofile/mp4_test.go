package audiofile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audiofile"
)

// patched returns the file with the bytes after the first name of a box
// replaced.
func patched(t *testing.T, name, box string, offset int, with string) []byte {
	t.Helper()
	data := bytes.Clone(read(t, "testdata/"+name))
	i := bytes.Index(data, []byte(box))
	if i < 0 {
		t.Fatalf("%s has no box %s", name, box)
	}
	copy(data[i+4+offset:], with)
	return data
}

// The boxes have wrong sizes or durations, or contain something other than
// audio.
func TestProbeOfInvalidMP4s(t *testing.T) {
	t.Parallel()
	const whole, parts = "aac-44khz-faststart.m4a", "aac-fragments.m4a"
	file := read(t, "testdata/"+whole)
	header := file[:bytes.Index(file, []byte("mdat"))-4]
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"file type box only", file[:28], audiofile.ErrDamaged},
		{"half the header", header[:len(header)/2], audiofile.ErrDamaged},
		{"no media data", header, audiofile.ErrDamaged},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic\x00\x00\x00\x08mdat"), audiofile.ErrDamaged},
		{"QuickTime", patched(t, whole, "ftyp", 0, "qt  "), audiofile.ErrUnknown},
		{"video only", patched(t, whole, "hdlr", 8, "vide"), audiofile.ErrUnknown},
		{"box shorter than its header", patched(t, whole, "mvhd", -8, "\x00\x00\x00\x03"), audiofile.ErrDamaged},
		{"box of 2^64 bytes", patched(t, whole, "mvhd", -8, "\x00\x00\x00\x01mvhd\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), audiofile.ErrDamaged},
		{"edits that last for days", patched(t, whole, "elst", 8, "\x7F\x00\x00\x00"), audiofile.ErrDamaged},
		{"edit count too large", patched(t, whole, "elst", 4, "\xFF\xFF\xFF\xFF"), nil},
		{"sample count too large", patched(t, parts, "trun", 4, "\xFF\xFF\xFF\xFF"), nil}, // in the first fragment, which does not count
		{"no rate", patched(t, whole, "mdhd", 12, "\x00\x00\x00\x00"), audiofile.ErrUnknown},
		{"free boxes only", append(file[:28:28], bytes.Repeat([]byte("\x00\x00\x00\x08free"), 100_000)...), audiofile.ErrDamaged},
	} {
		rec := &recorder{r: bytes.NewReader(c.data), size: int64(len(c.data))}
		got, err := audiofile.Probe(rec, rec.size)
		if !errors.Is(err, c.want) {
			t.Errorf("Probe(%s) = %+v, %v, want %v", c.name, got, err, c.want)
		}
		if rec.reads > mostReads+4 {
			t.Errorf("Probe(%s) took %v", c.name, rec)
		}
	}
}

// Without fragments the duration is in the header, so that of a truncated file
// is unknown. With fragments the complete ones count.
func TestProbeOfATruncatedMP4(t *testing.T) {
	t.Parallel()
	data := read(t, "testdata/aac-44khz-faststart.m4a")
	got, err := probe(data[:len(data)-100])
	if err != nil || got.Known || got.Duration != 0 || got.ContentType != "audio/mp4" {
		t.Errorf("Probe(truncated) = %+v, %v, want audio/mp4 of unknown duration", got, err)
	}
	data = read(t, "testdata/aac-8khz.m4a")
	if got, err := probe(data[:len(data)-100]); !errors.Is(err, audiofile.ErrDamaged) {
		t.Errorf("Probe(without its header) = %+v, %v, want %v", got, err, audiofile.ErrDamaged)
	}
	data = read(t, "testdata/aac-fragments.m4a")
	last := bytes.LastIndex(data, []byte("moof"))
	for name, half := range map[string][]byte{"in the last fragment": data[:last+400], "before it": data[:last-4]} {
		got, err := probe(half)
		if err != nil || !got.Known || got.Duration < 3*time.Second || got.Duration > 4200*time.Millisecond {
			t.Errorf("Probe(truncated %s) = %+v, %v, want 3 to 4.2 s", name, got, err)
		}
	}
}

// Fragments that do not give their beginning, and lie far apart, are added up
// unless there are too many. Then the duration comes from mehd, if there is
// one.
func TestProbeOfManyFragments(t *testing.T) {
	t.Parallel()
	data := read(t, "testdata/aac-unplaced.m4a")
	first := bytes.Index(data, []byte("moof")) - 4
	next := bytes.Index(data[first+8:], []byte("moof")) + first + 4
	fragment := data[first:next]
	const gap = 200 << 10
	fragments := func(header []byte, n int) (sparse, int64) {
		h := sparse{0: header}
		at := int64(len(header))
		for range n {
			h[at] = fragment
			h[at+int64(len(fragment))] = binary.BigEndian.AppendUint32(nil, gap)
			h[at+int64(len(fragment))+4] = []byte("free")
			at += int64(len(fragment)) + gap
		}
		return h, at
	}
	r, size := fragments(data[:first], 1)
	single, err := audiofile.Probe(r, size)
	if err != nil || !single.Known || single.Duration < time.Second/2 {
		t.Fatalf("Probe(one fragment) = %+v, %v", single, err)
	}
	r, size = fragments(data[:first], 20)
	if got, err := audiofile.Probe(r, size); err != nil || got.Duration != 20*single.Duration {
		t.Errorf("Probe(20 fragments) = %+v, %v, want %s", got, err, 20*single.Duration)
	}
	r, size = fragments(data[:first], 500)
	if got, err := audiofile.Probe(r, size); err != nil || got.Known || got.Duration != 0 {
		t.Errorf("Probe(500 fragments) = %+v, %v, want unknown duration", got, err)
	}
	withMehd := bytes.Clone(data[:first])
	i := bytes.Index(withMehd, []byte("trex")) - 4
	mehd := []byte("\x00\x00\x00\x10mehd\x00\x00\x00\x00\x00\x00\x00\x00")
	binary.BigEndian.PutUint32(mehd[12:], 500_000) // of mvhd's milliseconds
	withMehd = append(append(bytes.Clone(withMehd[:i]), mehd...), withMehd[i:]...)
	for _, box := range []string{"mvex", "moov"} {
		at := bytes.Index(withMehd, []byte(box)) - 4
		binary.BigEndian.PutUint32(withMehd[at:], binary.BigEndian.Uint32(withMehd[at:])+uint32(len(mehd)))
	}
	rate := binary.BigEndian.Uint32(withMehd[bytes.Index(withMehd, []byte("mvhd"))+16:])
	r, size = fragments(withMehd, 500)
	if got, err := audiofile.Probe(r, size); err != nil || got.Duration != 500_000*time.Second/time.Duration(rate) {
		t.Errorf("Probe(500 fragments and mehd) = %+v, %v, want %d of %d", got, err, 500_000, rate)
	}
}
