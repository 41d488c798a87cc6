package audiofile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"callrecordings/shared/audiofile"
)

// The demo's recordings are real files of three encoders; the lengths are
// those that ffprobe tells.
func TestProbeAgreesWithFFprobe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, contentType string
		want              time.Duration
	}{
		{"01-appointment.mp3", "audio/mpeg", 14472 * time.Millisecond},
		{"02-order.mp3", "audio/mpeg", 11664 * time.Millisecond}, // variable bit rate
		{"05-voicemail.wav", "audio/wav", 3813 * time.Millisecond},
		{"08-invoice.ogg", "audio/ogg", 6455 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := probe(demo(t, c.name))
			if err != nil || got.ContentType != c.contentType || (got.Duration-c.want).Abs() > 50*time.Millisecond {
				t.Errorf("Probe(%s) = %+v, %v, want %s, %s within 50 ms", c.name, got, err, c.contentType, c.want)
			}
		})
	}
}

func TestProbeRefusesWhatIsNotAudio(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, audiofile.ErrUnknown},
		{"text", []byte("hello, this is no audio at all"), audiofile.ErrUnknown},
		{"a lone ID3 tag", []byte("ID3\x04\x00\x00\x00\x00\x00\x01x"), audiofile.ErrDamaged},
		{"one header that nothing follows", append([]byte{0xFF, 0xE3, 0x18, 0xC4}, "and text"...), audiofile.ErrDamaged},
		{"a wav without sound", []byte("RIFF\x04\x00\x00\x00WAVE"), audiofile.ErrDamaged},
		{"an Ogg of something else", []byte("OggS but no page"), audiofile.ErrUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got, err := probe(c.data); !errors.Is(err, c.want) {
				t.Errorf("Probe(%q) = %+v, %v, want %v", c.data, got, err, c.want)
			}
		})
	}
}

// Half of a file is half as long, whatever its header promises.
func TestProbeCountsOnlyWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"01-appointment.mp3", "05-voicemail.wav", "08-invoice.ogg"} {
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

// A recorder that streams does not know the size yet when it writes it.
func TestProbeTakesAStreamedWav(t *testing.T) {
	t.Parallel()
	data := bytes.Clone(demo(t, "05-voicemail.wav"))
	at := bytes.Index(data, []byte("data")) + 4
	for _, size := range []uint32{0xFFFFFFFF, 0x7FFFFFFF} {
		binary.LittleEndian.PutUint32(data[at:], size)
		got, err := probe(data)
		if err != nil || (got.Duration-3813*time.Millisecond).Abs() > 50*time.Millisecond {
			t.Errorf("Probe(size %#x) = %+v, %v, want 3.8 s", size, got, err)
		}
	}
}

func FuzzProbe(f *testing.F) {
	for _, name := range []string{"03-wrong-number.mp3", "05-voicemail.wav", "08-invoice.ogg"} {
		data, err := os.ReadFile(filepath.Join("../../local/demo", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:min(len(data), 4096)])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := probe(data)
		if err == nil && (got.Duration < 0 || got.ContentType == "") {
			t.Errorf("Probe = %+v", got)
		}
	})
}

func probe(data []byte) (audiofile.Info, error) {
	return audiofile.Probe(bytes.NewReader(data), int64(len(data)))
}

func demo(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../local/demo", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
