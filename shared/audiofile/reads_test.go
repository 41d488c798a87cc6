package audiofile_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audiofile"
)

// The limits for a file of any size that contains its duration.
const (
	mostReads = 8
	mostBytes = 512 << 10
)

// recorder counts reads.
type recorder struct {
	r     io.ReaderAt
	size  int64
	reads int
	bytes int64
	// far counts the reads that do not continue where the previous one ended.
	far, next int64
}

func (r *recorder) ReadAt(p []byte, at int64) (int, error) {
	r.reads++
	n := min(int64(len(p)), max(0, r.size-at))
	r.bytes += n
	if at != r.next {
		r.far++
	}
	r.next = at + n
	return r.r.ReadAt(p, at)
}

func (r *recorder) String() string {
	return fmt.Sprintf("%d reads (%d far) of %d bytes", r.reads, r.far, r.bytes)
}

// sparse is a file of zeros, except for its parts.
type sparse map[int64][]byte

func (h sparse) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	for from, data := range h {
		if from < at+int64(len(p)) && at < from+int64(len(data)) {
			copy(p[max(0, from-at):], data[max(0, at-from):])
		}
	}
	return len(p), nil
}

func TestProbeReadsLittle(t *testing.T) {
	t.Parallel()
	for name, want := range durations(t) {
		data := read(t, "testdata/"+name)
		checkReads(t, name, bytes.NewReader(data), int64(len(data)), want)
	}
}

// checkReads fails the test unless Probe finds the duration with few reads.
func checkReads(t *testing.T, name string, r io.ReaderAt, size int64, want time.Duration) {
	t.Helper()
	rec := &recorder{r: r, size: size}
	got, err := audiofile.Probe(rec, size)
	if err != nil || !got.Known || (got.Duration-want).Abs() > within {
		t.Errorf("Probe(%s) = %+v, %v, want %s", name, got, err, want)
	}
	if rec.reads > mostReads || rec.bytes > mostBytes {
		t.Errorf("Probe(%s) took %v, want at most %d of %d", name, rec, mostReads, mostBytes)
	}
	t.Logf("%-28s %v", name, rec)
}

const huge = 5 << 30

// Files of 5 GB, mostly zeros, need no more reads than small ones.
func TestProbeReadsLittleOfHugeFiles(t *testing.T) {
	t.Parallel()
	wav := read(t, "testdata/pcm-u8.wav")
	start := int64(bytes.Index(wav, []byte("data")) + 8)
	checkReads(t, "wav", sparse{0: wav[:start-4], start - 4: []byte("\xFF\xFF\xFF\xFF")}, huge, (huge-time.Duration(start))*time.Second/8000)

	rf64 := read(t, "testdata/rf64.wav")
	start = int64(bytes.Index(rf64, []byte("data")) + 8)
	binary.LittleEndian.PutUint64(rf64[28:], huge-uint64(start)-1000)
	checkReads(t, "rf64", sparse{0: rf64[:start]}, huge, (huge-time.Duration(start)-1000)*time.Second/16000)

	// The byte count of a Xing header has 32 bits.
	const large = 4_000_000_000
	mp3 := read(t, "testdata/cbr-xing-8khz.mp3")
	xing := bytes.Index(mp3, []byte("Info")) // 13 bytes into its frame
	binary.BigEndian.PutUint32(mp3[xing+8:], large/144)
	binary.BigEndian.PutUint32(mp3[xing+12:], large)
	tag := int64(10 + 0x0FFFFFFF)
	checkReads(t, "mp3", sparse{0: []byte("ID3\x04\x00\x00\x7F\x7F\x7F\x7F"), tag: mp3[xing-13 : 1000]}, tag+large, large/144*72*time.Millisecond)

	m4a := read(t, "testdata/aac-8khz.m4a")
	mdat, moov := bytes.Index(m4a, []byte("mdat"))-4, bytes.Index(m4a, []byte("moov"))-4
	head := binary.BigEndian.AppendUint64(append(bytes.Clone(m4a[:mdat]), "\x00\x00\x00\x01mdat"...), uint64(huge-mdat-len(m4a[moov:])))
	checkReads(t, "m4a, header last", sparse{0: head, int64(huge - len(m4a[moov:])): m4a[moov:]}, huge, 2100*time.Millisecond)

	m4a = read(t, "testdata/aac-44khz-faststart.m4a")
	mdat = bytes.Index(m4a, []byte("mdat")) - 4
	head = binary.BigEndian.AppendUint64(append(bytes.Clone(m4a[:mdat]), "\x00\x00\x00\x01mdat"...), uint64(huge-mdat))
	checkReads(t, "m4a, header first", sparse{0: head}, huge, 1200*time.Millisecond)

	m4a = read(t, "testdata/aac-fragments.m4a")
	last := bytes.LastIndex(m4a, []byte("moof")) - 4
	head = binary.BigEndian.AppendUint64(append(bytes.Clone(m4a[:last]), "\x00\x00\x00\x01free"...), uint64(huge-len(m4a)))
	checkReads(t, "m4a, in fragments", sparse{0: head, int64(huge - len(m4a[last:])): m4a[last:]}, huge, 4428*time.Millisecond)
}
