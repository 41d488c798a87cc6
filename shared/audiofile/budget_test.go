package audiofile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/callrecordings/api/shared/audiofile"
)

// repeated is a file that repeats its bytes.
type repeated struct {
	unit []byte
	size int64
}

func (r repeated) ReadAt(p []byte, at int64) (int, error) {
	n := min(int64(len(p)), max(0, r.size-at))
	for done := int64(0); done < n; {
		done += int64(copy(p[done:n], r.unit[(at+done)%int64(len(r.unit)):]))
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// A few frames cannot make Probe search megabytes of other bytes. Then the
// duration is unknown. Valid frames are counted, however short they are.
func TestProbeSkipsLittleJunk(t *testing.T) {
	if testing.Short() {
		t.Skip("large, and does one thing after another")
	}
	t.Parallel()
	const size = 128 << 20
	frames, falseHeaders := plain(10, 0, nil), bytes.Repeat([]byte("\xFF\xE3\x18\xC4 "), 60_000)
	shortest := append([]byte("\xFF\xF3\x14\xC4"), make([]byte, 20)...) // 24 bytes and 24 ms
	for _, c := range []struct {
		name string
		unit []byte
		want time.Duration
		most int64
	}{
		{"frames and false headers", append(bytes.Clone(frames), falseHeaders...), 0, 4 << 20},
		{"frames and zeros", append(bytes.Clone(frames), make([]byte, 300_000)...), 0, 4 << 20},
		{"the shortest frames", shortest, size / 24 * 24 * time.Millisecond, size + 1<<20},
	} {
		rec := &recorder{r: repeated{c.unit, size}, size: size}
		got, err := audiofile.Probe(rec, size)
		if err != nil || got.ContentType != "audio/mpeg" || got.Known != (c.want > 0) || got.Duration != c.want {
			t.Errorf("Probe(%s) = %+v, %v, want %s of audio/mpeg", c.name, got, err, c.want)
		}
		if rec.bytes > c.most {
			t.Errorf("Probe(%s) took %v, want at most %d bytes", c.name, rec, c.most)
		}
	}
}

// False frame headers alone are not audio.
func TestProbeOfFalseHeaders(t *testing.T) {
	t.Parallel()
	const size = 512 << 20
	rec := &recorder{r: repeated{[]byte("\xFF\xE3\x18\xC4   \xFF\xFB\x90\x00"), size}, size: size}
	if got, err := audiofile.Probe(rec, size); !errors.Is(err, audiofile.ErrDamaged) || rec.bytes > 1<<20 {
		t.Errorf("Probe = %+v, %v after %v, want %v", got, err, rec, audiofile.ErrDamaged)
	}
}

// The frames of a very large mp3 are not counted.
func TestProbeDoesNotCountAVeryLargeMP3(t *testing.T) {
	t.Parallel()
	const size = 256<<20 + 72
	for name, r := range map[string]io.ReaderAt{"mp3": repeated{plain(1, 0, nil), size}, "line feed and mp3": repeated{append([]byte("\n"), plain(1000, 0, nil)...), size + 1}} {
		rec := &recorder{r: r, size: size + 1}
		got, err := audiofile.Probe(rec, rec.size)
		if err != nil || got != (audiofile.Info{ContentType: "audio/mpeg", Extension: "mp3"}) || rec.bytes > 1<<20 {
			t.Errorf("Probe(%s) = %+v, %v after %v, want audio/mpeg of unknown duration", name, got, err, rec)
		}
	}
}

// slow takes a while for each read.
type slow struct {
	io.ReaderAt
	each time.Duration
}

func (s slow) ReadAt(p []byte, at int64) (int, error) {
	time.Sleep(s.each)
	return s.ReaderAt.ReadAt(p, at)
}

// Probe gives up a slow file after a few seconds. The duration is unknown then.
func TestProbeStopsInTime(t *testing.T) {
	t.Parallel()
	many := links{}
	for i := range uint32(20) {
		many = append(many, links{{i, 100}}...)
	}
	mp3 := plain(50_000, 0, nil)
	var chunks [][]byte
	for range 20 {
		chunks = append(chunks, chunk("JUNK", make([]byte, 100_000)))
	}
	chunks = append([][]byte{format(7, 1, 8000, 1, 8, 0)}, chunks...)
	chunked := wav(append(chunks, chunk("data", make([]byte, 8000)))...)
	m4a := read(t, "testdata/aac-44khz-faststart.m4a")
	moov := m4a[:bytes.Index(m4a, []byte("mdat"))-4]
	free := append([]byte("\x00\x01\x86\xA8free"), make([]byte, 100_000)...)
	boxes := append(bytes.Clone(moov), bytes.Repeat(free, 20)...)
	for name, c := range map[string]struct {
		r           io.ReaderAt
		size        int64
		contentType string
	}{
		"mp3": {bytes.NewReader(mp3), int64(len(mp3)), "audio/mpeg"},
		"Ogg": {many, many.size(), "audio/ogg"},
		"wav": {bytes.NewReader(chunked), int64(len(chunked)), "audio/wav"},
		"m4a": {bytes.NewReader(boxes), int64(len(boxes)), "audio/mp4"},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			got, err := audiofile.Probe(slow{c.r, 700 * time.Millisecond}, c.size)
			if err != nil || got.Known || got.ContentType != c.contentType {
				t.Errorf("Probe(%s) = %+v, %v, want %s of unknown duration", name, got, err, c.contentType)
			}
			if took := time.Since(began); took > 7*time.Second {
				t.Errorf("Probe(%s) took %s", name, took)
			}
		})
	}
}

// A false Ogg page may claim the maximum length, so verifying many of them takes
// time. Probe gives up early and needs little memory.
func TestProbeOfFalseOggPages(t *testing.T) {
	good := all(t, links{{1, 20}})
	falsePage := "OggS\x00\x00" + strings.Repeat("\x00", 20) + "\xFF" + strings.Repeat("\xFF", 255)
	for name, data := range map[string]string{
		"small":          string(good) + strings.Repeat(falsePage, 300) + strings.Repeat("x", 70_000),
		"large":          string(good) + strings.Repeat(falsePage, 10_000),
		"without a page": "OggS" + strings.Repeat(falsePage, 900),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		rec := &recorder{r: strings.NewReader(data), size: int64(len(data))}
		got, err := audiofile.Probe(rec, rec.size)
		runtime.ReadMemStats(&after)
		if err == nil && got.Known && got.Duration != (links{{1, 20}}).duration() || err != nil && !errors.Is(err, audiofile.ErrDamaged) {
			t.Errorf("Probe(%s) = %+v, %v", name, got, err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; rec.reads > 129 || used > 16<<20 {
			t.Errorf("Probe(%s) took %v and %d bytes of memory", name, rec, used)
		}
		t.Log(name, fmt.Sprint(got, err, rec))
	}
}
