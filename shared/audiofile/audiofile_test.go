package audiofile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audiofile"
)

// within is the largest accepted error of a duration.
const within = 50 * time.Millisecond

var types = map[string]string{".mp3": "audio/mpeg", ".wav": "audio/wav", ".ogg": "audio/ogg", ".m4a": "audio/mp4"}

// The files come from several encoders (testdata/make.sh). The durations are
// those of ffprobe, or those that ffmpeg decodes where ffprobe only estimates.
func TestProbeAgreesWithFFprobe(t *testing.T) {
	t.Parallel()
	for name, want := range durations(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := probe(read(t, "testdata/"+name))
			if err != nil || !got.Known || got.ContentType != types[filepath.Ext(name)] || "."+got.Extension != filepath.Ext(name) ||
				(got.Duration-want).Abs() > within {
				t.Errorf("Probe(%s) = %+v, %v, want %s, %s within %s", name, got, err, types[filepath.Ext(name)], want, within)
			}
		})
	}
}

// durations reads testdata/durations.txt.
func durations(t *testing.T) map[string]time.Duration {
	t.Helper()
	all := map[string]time.Duration{}
	for line := range strings.Lines(string(read(t, "testdata/durations.txt"))) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("durations.txt: %q: %v", line, err)
		}
		all[name] = time.Duration(seconds * float64(time.Second))
	}
	if len(all) < 20 {
		t.Fatalf("durations.txt has %d lines", len(all))
	}
	return all
}

func TestProbeRejectsOtherFiles(t *testing.T) {
	t.Parallel()
	format := "fmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00"
	const riff = "RIFF\x04\x00\x00\x00WAVE"
	for _, c := range []struct {
		name, data string
		want       error
	}{
		{"empty file", "", audiofile.ErrUnknown},
		{"text", "hello, this is no audio at all", audiofile.ErrUnknown},
		{"JPEG", "\xFF\xD8\xFF\xE0\x00\x10JFIF\x00\x01" + strings.Repeat("\xFF\xE0", 99), audiofile.ErrUnknown},
		{"RIFF that is not wav", "RIFF\x04\x00\x00\x00AVI LIST", audiofile.ErrUnknown},
		{"ID3 tag only", "ID3\x04\x00\x00\x00\x00\x00\x01x", audiofile.ErrDamaged},
		{"one frame header only", "\xFF\xE3\x18\xC4and text", audiofile.ErrDamaged},
		{"wav without data chunk", riff, audiofile.ErrDamaged},
		{"wav without format chunk", riff + "data\x04\x00\x00\x00abcd", audiofile.ErrDamaged},
		{"wav with half a format chunk", riff + format[:12], audiofile.ErrDamaged},
		{"wav with a short format chunk", riff + "fmt \x04\x00\x00\x00abcddata\x04\x00\x00\x00abcd", audiofile.ErrDamaged},
		{"wav with no channels", riff + strings.Replace(format, "\x01\x00\x01", "\x01\x00\x00", 1) + "data\x04\x00\x00\x00abcd", audiofile.ErrDamaged},
		{"wav with other chunks only", riff + format + strings.Repeat("junk\x00\x00\x00\x00", 2000), audiofile.ErrDamaged},
		{"Ogg without a page", "OggS but no page", audiofile.ErrDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got, err := probe([]byte(c.data)); !errors.Is(err, c.want) {
				t.Errorf("Probe(%.60q) = %+v, %v, want %v", c.data, got, err, c.want)
			}
		})
	}
}

// An Ogg with neither Opus nor Vorbis is not supported.
func TestProbeRejectsOtherOggs(t *testing.T) {
	t.Parallel()
	if got, err := probe(page(0, 0, []byte("Speex   1.2"))); !errors.Is(err, audiofile.ErrUnknown) {
		t.Errorf("Probe(Ogg Speex) = %+v, %v, want %v", got, err, audiofile.ErrUnknown)
	}
}

// Half of a file has half the duration, even if its header declares more.
func TestProbeIgnoresMissingBytes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"01-appointment.mp3", "02-order.mp3", "05-voicemail.wav", "08-invoice.ogg"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := demo(t, name)
			whole, err := probe(data)
			if err != nil {
				t.Fatal(err)
			}
			half, err := probe(data[:len(data)/2])
			if err != nil || (half.Duration-whole.Duration/2).Abs() > 3*time.Second/2 {
				t.Errorf("Probe(half of %s) = %s, %v, want about %s", name, half.Duration, err, whole.Duration/2)
			}
		})
	}
}

// A recorder that streams does not know the size yet. If the recorder is killed,
// the size stays 0.
func TestProbeAcceptsAStreamedWav(t *testing.T) {
	t.Parallel()
	for _, size := range []uint32{0, 0x7FFFFFFF, 0xFFFFFFFF} {
		data := bytes.Clone(demo(t, "05-voicemail.wav"))
		binary.LittleEndian.PutUint32(data[bytes.Index(data, []byte("data"))+4:], size)
		got, err := probe(data)
		if err != nil || (got.Duration-3813*time.Millisecond).Abs() > within {
			t.Errorf("Probe(size %#x) = %+v, %v, want 3.8 s", size, got, err)
		}
	}
}

// A wav without audio data has a known duration of 0.
func TestProbeAcceptsAnEmptyWav(t *testing.T) {
	t.Parallel()
	data := demo(t, "05-voicemail.wav")
	got, err := probe(data[:bytes.Index(data, []byte("data"))+8])
	if err != nil || got.Duration != 0 || !got.Known || got.ContentType != "audio/wav" {
		t.Errorf("Probe(empty wav) = %+v, %v, want 0 s of audio/wav", got, err)
	}
}

// Tags and junk before, after and between the frames do not count.
func TestProbeSkipsTagsAndJunk(t *testing.T) {
	t.Parallel()
	audio := read(t, "testdata/cbr-44khz-stereo.mp3")
	plain, err := probe(audio)
	if err != nil {
		t.Fatal(err)
	}
	tag := append([]byte("ID3\x04\x00\x00\x00\x00\x04\x00"), make([]byte, 512)...)
	id3v1 := append([]byte("TAG"), make([]byte, 125)...)
	for _, c := range []struct {
		name  string
		data  []byte
		times time.Duration
	}{
		{"one tag before", bytes.Join([][]byte{tag, audio}, nil), 1},
		{"two tags before", bytes.Join([][]byte{tag, tag, audio}, nil), 1},
		{"one tag after", bytes.Join([][]byte{audio, id3v1}, nil), 1},
		{"two files", bytes.Join([][]byte{audio, id3v1, tag, audio}, nil), 2},
		{"zeros between two files", bytes.Join([][]byte{audio, make([]byte, 5000), audio}, nil), 2},
	} {
		got, err := probe(c.data)
		if want := c.times * plain.Duration; err != nil || got.Duration != want {
			t.Errorf("Probe(%s) = %+v, %v, want %s", c.name, got, err, want)
		}
	}
}

// A recording of a live stream may begin at any position (RFC 7845, 4.5).
func TestProbeAcceptsAJoinedOpusStream(t *testing.T) {
	t.Parallel()
	head := append([]byte("OpusHead\x01\x01\x38\x01"), make([]byte, 7)...) // pre-skip 312
	second := bytes.Repeat([]byte{9 << 3}, 50)                             // 50 packets of 20 ms, SILK
	const joined = 1 << 40
	var data []byte
	data = append(data, page(2, 0, head)...)
	data = append(data, page(0, 0, []byte("OpusTags\x00\x00\x00\x00\x00\x00\x00\x00"))...)
	data = append(data, packets(joined, second)...)
	data = append(data, packets(joined+48000, second)...)
	got, err := probe(data)
	if want := 2*time.Second - 312*time.Second/48000; err != nil || (got.Duration-want).Abs() > time.Millisecond {
		t.Errorf("Probe(joined) = %+v, %v, want %s", got, err, want)
	}
	data = append(data, packets(1<<60, second)...)
	if got, err := probe(data); !errors.Is(err, audiofile.ErrDamaged) {
		t.Errorf("Probe(a jump of centuries) = %+v, %v, want %v", got, err, audiofile.ErrDamaged)
	}
}

// Durations of centuries are rejected and do not overflow.
func TestProbeRejectsImplausibleDurations(t *testing.T) {
	t.Parallel()
	const riff = "RIFF\x00\x00\x00\x00WAVEfmt \x14\x00\x00\x00"
	for _, c := range []struct{ name, format string }{
		{"one sample per second", "\x01\x00\x01\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x08\x00\x02\x00\x00\x00"},
		{"maximum samples in a block of one byte", "\x11\x00\x01\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x04\x00\x02\x00\xFF\xFF"},
	} {
		data := riff + c.format + "data\x00\x00\x00\x00" + strings.Repeat("x", 8<<20)
		if got, err := audiofile.Probe(strings.NewReader(data), int64(len(data))); !errors.Is(err, audiofile.ErrDamaged) {
			t.Errorf("Probe(%s) = %+v, %v, want %v", c.name, got, err, audiofile.ErrDamaged)
		}
	}
}

// Malicious files declare sizes that would fill the memory. The test is not
// parallel because it measures allocations.
func TestProbeNeedsLittleMemory(t *testing.T) {
	const riff = "RIFF\xFF\xFF\xFF\xFFWAVE"
	silence := strings.Repeat("\x00", 1<<20)
	for _, c := range []struct{ name, data string }{
		{"format chunk of 4 GB", riff + "fmt \xFE\xFF\xFF\xFF" + strings.Repeat("\x01\x00", 99)},
		{"list chunk of 4 GB", riff + "LIST\xFE\xFF\xFF\xFFINFOISFT\xFF\xFF\xFF\x7F"},
		{"tag of 256 MB", "ID3\x04\x00\x00\x7F\x7F\x7F\x7F" + silence},
		{"mp3 followed by zeros", string(read(t, "testdata/cbr-8khz.mp3")) + strings.Repeat(silence, 8)},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := audiofile.Probe(strings.NewReader(c.data), int64(len(c.data)))
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
			t.Errorf("Probe(%s) allocated %d bytes (%v), want at most 8 MB", c.name, used, err)
		}
	}
}

// A reader may return fewer bytes than its declared size. Probe still returns.
func TestProbeOfAReaderThatIsTooShort(t *testing.T) {
	t.Parallel()
	for name := range durations(t) {
		data := read(t, "testdata/"+name)
		for _, front := range []string{"", "\n", strings.Repeat("text ", 2000), strings.Repeat("\x00", 5000)} {
			short := append([]byte(front), data[:len(data)/2]...)
			for _, more := range []int64{1, 5000, 1 << 20, 1 << 30} {
				_, err := audiofile.Probe(bytes.NewReader(short), int64(len(short))+more)
				if err != nil && !errors.Is(err, audiofile.ErrDamaged) && !errors.Is(err, audiofile.ErrUnknown) {
					t.Errorf("Probe(%s, %d bytes too short) = %v", name, more, err)
				}
			}
		}
	}
}

// A read error is neither ErrUnknown nor ErrDamaged.
func TestProbeReturnsReadErrors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"vbr-16khz.mp3", "pcm-24-stereo.wav", "vorbis.ogg"} {
		data := read(t, "testdata/"+name)
		for _, good := range []int64{0, 40, 2000} {
			broken := &brokenReader{r: bytes.NewReader(data), good: good}
			_, err := audiofile.Probe(broken, int64(len(data)))
			if broken.failed && !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("Probe(%s, broken at %d) = %v, want %v", name, good, err, io.ErrClosedPipe)
			}
		}
	}
}

// brokenReader fails after the first good bytes.
type brokenReader struct {
	r      io.ReaderAt
	good   int64
	failed bool
}

func (b *brokenReader) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) <= b.good {
		return b.r.ReadAt(p, at)
	}
	b.failed = true
	n := max(0, b.good-at)
	got, _ := b.r.ReadAt(p[:n], at)
	return got, io.ErrClosedPipe
}

func probe(data []byte) (audiofile.Info, error) {
	return audiofile.Probe(bytes.NewReader(data), int64(len(data)))
}

func demo(t *testing.T, name string) []byte { return read(t, "../../local/demo/"+name) }

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// packets makes a page with packets of one byte each.
func packets(position uint64, all []byte) []byte {
	sizes := bytes.Repeat([]byte{1}, len(all))
	return assemble(0, position, sizes, all)
}

// page makes an Ogg page with one packet.
func page(kind byte, position uint64, packet []byte) []byte {
	return assemble(kind, position, []byte{byte(len(packet))}, packet)
}

func assemble(kind byte, position uint64, sizes, payload []byte) []byte {
	return numbered(kind, position, 0, 0, sizes, payload)
}

// numbered makes a page with its checksum (RFC 3533, 6).
func numbered(kind byte, position uint64, serial, number uint32, sizes, payload []byte) []byte {
	b := append([]byte("OggS\x00"), kind)
	b = binary.LittleEndian.AppendUint64(b, position)
	b = binary.LittleEndian.AppendUint32(b, serial)
	b = binary.LittleEndian.AppendUint32(b, number)
	b = append(b, 0, 0, 0, 0) // checksum
	b = append(b, byte(len(sizes)))
	b = append(append(b, sizes...), payload...)
	var sum uint32
	for _, c := range b {
		sum ^= uint32(c) << 24
		for range 8 {
			carry := sum >> 31
			sum = sum<<1 ^ carry*0x04c11db7
		}
	}
	binary.LittleEndian.PutUint32(b[22:], sum)
	return b
}
