package audiofile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/audiofile"
)

// Files from recorders and editors, and from encoders other than ffmpeg. The
// durations are those of ffprobe, except for two files of lame: ffprobe estimates
// that of lame-tagged.mp3, and counts the frame of the Info header of lame-bom.mp3.
func TestProbeOfFilesFromTheField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, contentType string
		want              time.Duration
	}{
		{"mp3-apev2-front.mp3", "audio/mpeg", 3030 * time.Millisecond},
		{"mp3-newline-front.mp3", "audio/mpeg", 3096 * time.Millisecond},
		{"mp3-zero-first-frame-8k.mp3", "audio/mpeg", 3168 * time.Millisecond},
		{"wav-id3-front.wav", "audio/wav", 3 * time.Second},
		{"wav-pcm-bits12in16.wav", "audio/wav", 3 * time.Second},
		{"wav-ulaw-bits0.wav", "audio/wav", 3 * time.Second},
		{"vorbis-skeleton.ogg", "audio/ogg", 3 * time.Second},
		{"opus-small-mid-crc.opus", "audio/ogg", 20006 * time.Millisecond},
		{"lame-vbr.mp3", "audio/mpeg", 1656 * time.Millisecond},
		{"lame-tagged.mp3", "audio/mpeg", 1656 * time.Millisecond},
		{"lame-bom.mp3", "audio/mpeg", 1656 * time.Millisecond},
		{"opusenc.opus", "audio/ogg", 1507 * time.Millisecond},
		{"oggenc-skeleton.ogg", "audio/ogg", 1500 * time.Millisecond},
		{"sox-gsm.wav", "audio/wav", 1500 * time.Millisecond},
		{"sox-adpcm.wav", "audio/wav", 1500 * time.Millisecond},
	} {
		got, err := probe(read(t, "testdata/field/"+c.name))
		if err != nil || !got.Known || got.ContentType != c.contentType || (got.Duration-c.want).Abs() > within {
			t.Errorf("Probe(%s) = %+v, %v, want %s of %s", c.name, got, err, c.want, c.contentType)
		}
	}
}

// id3 makes an ID3v2 tag with n bytes of content.
func id3(n int, content byte) []byte {
	b := []byte{'I', 'D', '3', 3, 0, 0, 0, byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}
	return append(b, bytes.Repeat([]byte{content}, n)...)
}

// ape makes an APE tag with a header and one item of n bytes.
func ape(n int) []byte {
	part := func(flags uint32) []byte {
		b := append([]byte("APETAGEX\xD0\x07\x00\x00"), make([]byte, 20)...)
		binary.LittleEndian.PutUint32(b[12:], uint32(n+32))
		b[16] = 1
		binary.LittleEndian.PutUint32(b[20:], flags)
		return b
	}
	return bytes.Join([][]byte{part(0xA0000000), bytes.Repeat([]byte{0xFF}, n), part(0x80000000)}, nil)
}

// Bytes in front of the first frame do not change the type or the duration.
func TestProbeFindsTheFirstFrame(t *testing.T) {
	t.Parallel()
	footer := append(id3(20, 0), "3DI\x04\x00\x10\x00\x00\x00\x14"...)
	copy(footer[3:], "\x04\x00\x10")
	audio := read(t, "testdata/cbr-44khz-stereo.mp3")
	fronts := map[string][]byte{
		"a line feed":               []byte("\n"),
		"a line break":              []byte("\r\n"),
		"a byte order mark":         []byte("\xEF\xBB\xBF"),
		"a UTF-16 byte order mark":  []byte("\xFF\xFE"),
		"text":                      []byte("HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n"),
		"a frame of zeros":          make([]byte, 208),
		"many zeros":                make([]byte, 300_000),
		"half a frame":              audio[100:208],
		"false headers":             bytes.Repeat([]byte("\xFF\xFB\x90\x00"), 500),
		"60 KB of other bytes":      bytes.Repeat([]byte("\x00\xFF\xE3\x47"), 15_000),
		"an ID3v1 tag":              append([]byte("TAG"), make([]byte, 125)...),
		"two ID3v2 tags":            append(id3(20, 0), id3(300, 'x')...),
		"an ID3v2 tag with footer":  footer,
		"padding after a tag":       append(id3(20, 0), make([]byte, 5000)...),
		"a line feed and a big tag": append([]byte("\n"), id3(200_000, 0xFF)...),
		"an APEv2 tag":              ape(10),
		"a big APEv2 tag":           ape(200_000),
		"an APEv2 header alone":     ape(0)[:32],
		"an APEv1 tag":              append(append([]byte("\x04\x00\x00\x00\x00\x00\x00\x00Title\x00abcd"), ape(0)[32:52]...), make([]byte, 12)...),
		"APEv2 and ID3v2 tags":      append(ape(10), id3(20, 0)...),
	}
	for _, file := range []string{"cbr-44khz-stereo.mp3", "cbr-8khz.mp3", "vbr-8khz-plain.mp3", "vbr-16khz.mp3", "vbr-48khz-stereo.mp3"} {
		audio := read(t, "testdata/"+file)
		want, err := probe(audio)
		if err != nil {
			t.Fatal(err)
		}
		for name, front := range fronts {
			rec := &recorder{r: bytes.NewReader(append(bytes.Clone(front), audio...)), size: int64(len(front) + len(audio))}
			if got, err := audiofile.Probe(rec, rec.size); err != nil || got != want {
				t.Errorf("Probe(%s before %s) = %+v, %v, want %+v", name, file, got, err, want)
			}
			if rec.reads > 2*mostReads {
				t.Errorf("Probe(%s before %s) took %v", name, file, rec)
			}
		}
	}
}

// An encoder that is killed leaves its Info header empty. The frame of zeros
// replaces it, or follows a valid frame header.
func TestProbeOfAnUnfilledInfoHeader(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"without frame header": plain(101, 0, make([]byte, 72)),
		"with frame header":    plain(100, 4, make([]byte, 68)),
		"half a frame":         plain(101, 0, make([]byte, 72))[36:],
	} {
		if got, err := probe(data); err != nil || got.Duration != 7200*time.Millisecond || !got.Known {
			t.Errorf("Probe(%s) = %+v, %v, want 7.2 s", name, got, err)
		}
	}
}

// Other containers may hold mp3 frames too, and text and noise may resemble a few
// frames.
func TestProbeRejectsFilesThatContainFrames(t *testing.T) {
	t.Parallel()
	frames := string(plain(100, 0, nil))
	tar := append([]byte("call.mp3"), make([]byte, 504)...)
	copy(tar[257:], "ustar")
	noise := strings.Repeat("some text \xFF\xE3\x18\xC4 and \xFF\xFB\x90\x00", 4000)
	for name, data := range map[string]string{
		"AVI":                   "RIFF\x00\x00\x00\x00AVI LIST" + frames,
		"QuickTime":             "\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  \x00\x00\x00\x08wide" + frames,
		"Matroska":              "\x1A\x45\xDF\xA3" + frames,
		"AIFF":                  "FORM\x00\x00\x00\x00AIFC" + frames,
		"zip":                   "PK\x03\x04" + strings.Repeat("\x00", 34) + frames,
		"MPEG program stream":   "\x00\x00\x01\xBA" + strings.Repeat("\x44", 40) + frames,
		"tar":                   string(tar) + frames,
		"false headers":         noise,
		"two frames in noise":   noise[:1000] + frames[:144] + noise,
		"frames far inside":     strings.Repeat("text ", 100_000) + frames,
		"zeros":                 strings.Repeat("\x00", 4<<20),
		"two frames and a tail": "\n" + frames[:144] + noise,
	} {
		rec := &recorder{r: strings.NewReader(data), size: int64(len(data))}
		if got, err := audiofile.Probe(rec, rec.size); !errors.Is(err, audiofile.ErrUnknown) {
			t.Errorf("Probe(%s) = %+v, %v, want %v", name, got, err, audiofile.ErrUnknown)
		}
		if rec.bytes > 2<<20 {
			t.Errorf("Probe(%s) took %v", name, rec)
		}
	}
}

// An ID3v2 tag may precede any type except mp4, because it would shift the offsets
// in an mp4.
func TestProbeSkipsATagBeforeAnyType(t *testing.T) {
	t.Parallel()
	tags := map[string][]byte{"one tag": id3(20, 0), "two tags": append(id3(300, 'x'), id3(20, 0)...), "a big tag": id3(300_000, 'x')}
	for file, duration := range durations(t) {
		for name, tag := range tags {
			got, err := probe(append(bytes.Clone(tag), read(t, "testdata/"+file)...))
			if strings.HasSuffix(file, ".m4a") {
				if !errors.Is(err, audiofile.ErrDamaged) {
					t.Errorf("Probe(%s before %s) = %+v, %v, want %v", name, file, got, err, audiofile.ErrDamaged)
				}
				continue
			}
			if err != nil || !got.Known || (got.Duration-duration).Abs() > within {
				t.Errorf("Probe(%s before %s) = %+v, %v, want %s", name, file, got, err, duration)
			}
		}
	}
	large := links{{1, 200}}
	data := append(id3(20, 0), all(t, large)...)
	if got, err := probe(data); err != nil || got.Duration != large.duration() {
		t.Errorf("Probe(tag before a large Ogg) = %+v, %v, want %s", got, err, large.duration())
	}
}
