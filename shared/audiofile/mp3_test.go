package audiofile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audiofile"
)

// plain makes an mp3 of n frames of 72 bytes and 72 ms. text overwrites the bytes
// at the offset.
func plain(n int, at int, text []byte) []byte {
	frame := append([]byte("\xFF\xE3\x18\xC4"), make([]byte, 68)...)
	data := bytes.Repeat(frame, n)
	copy(data[at:], text)
	return data
}

// vbri makes the header of Fraunhofer's encoder.
func vbri(bytes, frames int) []byte {
	b := append([]byte("VBRI\x00\x01\x00\x00\x00\x4B"), make([]byte, 8)...)
	binary.BigEndian.PutUint32(b[10:], uint32(bytes))
	binary.BigEndian.PutUint32(b[14:], uint32(frames))
	return b
}

// xing makes the header of other encoders. The flags select its fields.
func xing(flags, frames, bytes int) []byte {
	b := append([]byte("Xing"), make([]byte, 12)...)
	binary.BigEndian.PutUint32(b[4:], uint32(flags))
	rest := b[8:]
	if flags&1 != 0 {
		binary.BigEndian.PutUint32(rest, uint32(frames))
		rest = rest[4:]
	}
	if flags&2 != 0 {
		binary.BigEndian.PutUint32(rest, uint32(bytes))
	}
	return b
}

// A header is used if it fits the file. Otherwise the frames are counted. The file
// has 1000 frames of audio and the frame of the header. The headers that fit
// declare 900 frames, so that the two results differ.
func TestProbeUsesAHeaderThatFits(t *testing.T) {
	t.Parallel()
	const frames, size, frame, atXing, atVBRI = 1000, 1001 * 72, 72 * time.Millisecond, 4 + 9, 4 + 32
	id3v1 := append([]byte("TAG"), make([]byte, 125)...)
	ape := append(append(make([]byte, 50), "APETAGEX\xD0\x07\x00\x00\x52\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00"...), make([]byte, 8)...)
	for _, c := range []struct {
		name    string
		at      int
		header  []byte
		trailer []byte
		want    int
	}{
		{"VBRI", atVBRI, vbri(size, 900), nil, 900},
		{"VBRI that excludes its own frame", atVBRI, vbri(size-72, 900), nil, 900},
		{"VBRI with too many bytes", atVBRI, vbri(size+1, 900), nil, frames},
		{"VBRI with too few bytes", atVBRI, vbri(size/2, 900), nil, frames},
		{"Xing", atXing, xing(3, 900, size), nil, 900},
		{"Xing and an ID3v1 tag", atXing, xing(3, 900, size), id3v1, 900},
		{"Xing and an APE tag", atXing, xing(3, 900, size), ape, 900},
		{"Xing, an APE and an ID3v1 tag", atXing, xing(3, 900, size), append(bytes.Clone(ape), id3v1...), 900},
		{"Xing after a checksum", atXing + 2, xing(3, 900, size), nil, 900},
		{"Xing without frames", atXing, xing(2, 0, size), nil, frames},
		{"Xing without bytes", atXing, xing(1, 900, 0), nil, frames},
		{"Xing with zero frames", atXing, xing(3, 0, size), nil, frames},
		{"Xing with more frames than fit", atXing, xing(3, 50_000_000, size), nil, frames},
		{"Xing with fewer frames than possible", atXing, xing(3, 10, size), nil, frames},
		{"Xing of the first of two parts", atXing, xing(3, 900, size), plain(500, 0, nil), 1500},
	} {
		data := append(plain(frames+1, c.at, c.header), c.trailer...)
		got, err := probe(data)
		if want := time.Duration(c.want) * frame; err != nil || !got.Known || got.Duration != want {
			t.Errorf("Probe(%s) = %+v, %v, want %s", c.name, got, err, want)
		}
	}
	cut := plain(frames+1, atXing, xing(3, 50_000, 50_000*72))
	if got, err := probe(cut); err != nil || got.Duration != frames*frame {
		t.Errorf("Probe(truncated) = %+v, %v, want %s", got, err, frames*frame)
	}
}

// failing returns err for reads that go beyond the first good bytes.
type failing struct {
	io.ReaderAt
	good int64
	err  error
}

func (f failing) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > f.good {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(p, at)
}

// If the reader stops with ErrNoTime, Probe still returns the type.
func TestProbeOfAnMP3StopsOnErrNoTime(t *testing.T) {
	t.Parallel()
	data := plain(50_000, 0, nil) // an hour
	for _, c := range []struct {
		name string
		good int64
		err  error
		want error
	}{
		{"after a while", 1 << 20, fmt.Errorf("range: %w", audiofile.ErrNoTime), nil},
		{"before the first frame", 100 << 10, audiofile.ErrNoTime, audiofile.ErrNoTime},
		{"another error", 1 << 20, io.ErrClosedPipe, io.ErrClosedPipe},
	} {
		got, err := audiofile.Probe(failing{bytes.NewReader(data), c.good, c.err}, int64(len(data)))
		if !errors.Is(err, c.want) || err == nil && (got != audiofile.Info{ContentType: "audio/mpeg", Extension: "mp3"}) {
			t.Errorf("Probe(%s) = %+v, %v, want %v", c.name, got, err, c.want)
		}
	}
}

// An mp3 without a header is read in order and in large parts. A large tag
// before the audio is skipped.
func TestProbeReadsAnMP3InOrder(t *testing.T) {
	t.Parallel()
	data := plain(50_000, 0, nil)
	const tag = 10 + 0x7F<<14
	size := tag + int64(len(data))
	rec := &recorder{r: sparse{0: []byte("ID3\x04\x00\x00\x00\x7F\x00\x00"), tag: data}, size: size}
	got, err := audiofile.Probe(rec, size)
	if err != nil || !got.Known || got.Duration != time.Hour {
		t.Errorf("Probe(an hour) = %+v, %v, want 1 h", got, err)
	}
	rec.reads, rec.far, rec.bytes = rec.reads-2, rec.far-2, rec.bytes-2*64<<10 // for the tags
	if rec.far > 1 || rec.bytes > int64(len(data)) || rec.reads > len(data)/(256<<10)+1 {
		t.Errorf("Probe(an hour) took %v for %d bytes of audio, want sequential reads of at least 256 KiB", rec, len(data))
	}
}
