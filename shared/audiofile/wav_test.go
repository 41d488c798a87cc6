package audiofile_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"
)

// chunk makes a chunk of a wav, with its padding.
func chunk(id string, content []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(content)))
	b = append(b, content...)
	return append(b, make([]byte, len(content)%2)...)
}

// wav makes a wav of chunks.
func wav(chunks ...[]byte) []byte {
	body := append([]byte("WAVE"), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// format makes a format chunk at 8 kHz of 14 bytes, and the rest after them.
func format(code, channels, second, block int, rest ...byte) []byte {
	var b []byte
	b = binary.LittleEndian.AppendUint16(b, uint16(code))
	b = binary.LittleEndian.AppendUint16(b, uint16(channels))
	b = binary.LittleEndian.AppendUint32(b, 8000)
	b = binary.LittleEndian.AppendUint32(b, uint32(second))
	b = binary.LittleEndian.AppendUint16(b, uint16(block))
	return chunk("fmt ", append(b, rest...))
}

// extensible makes the end of an extensible format chunk.
func extensible(bits, valid, code byte) []byte {
	b := []byte{bits, 0, 22, 0, valid, 0, 4, 0, 0, 0, code, 0}
	return append(b, "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71"...)
}

// The block length determines the duration, because recorders leave the bits per
// sample empty or write those of the decoded audio. All files have 48,000 bytes of
// audio.
func TestProbeOfWavFormats(t *testing.T) {
	t.Parallel()
	const pcm, float, aLaw, muLaw, gsm, g729, ext = 1, 3, 6, 7, 0x31, 0x83, 0xFFFE
	data := chunk("data", make([]byte, 48_000))
	for _, c := range []struct {
		name   string
		format []byte
		want   time.Duration
	}{
		{"mu-law with 0 bits", format(muLaw, 1, 8000, 1, 0, 0, 0, 0), 6 * time.Second},
		{"mu-law with 16 bits", format(muLaw, 1, 8000, 1, 16, 0), 6 * time.Second},
		{"mu-law with 16 bits in all fields", format(muLaw, 1, 16000, 2, 16, 0), 6 * time.Second},
		{"mu-law without bits", format(muLaw, 1, 8000, 1), 6 * time.Second},
		{"mu-law without block", format(muLaw, 1, 8000, 0, 8, 0), 6 * time.Second},
		{"A-law with 0 bits, stereo", format(aLaw, 2, 16000, 2, 0, 0), 3 * time.Second},
		{"PCM without bits", format(pcm, 1, 16000, 2), 3 * time.Second},
		{"PCM with 0 bits", format(pcm, 1, 16000, 2, 0, 0), 3 * time.Second},
		{"PCM of 12 bits in 16", format(pcm, 1, 16000, 2, 12, 0), 3 * time.Second},
		{"PCM of 20 bits in 24", format(pcm, 1, 24000, 3, 20, 0), 2 * time.Second},
		{"PCM of 20 bits in 24, stereo", format(pcm, 2, 48000, 6, 20, 0), time.Second},
		{"PCM of 24 bits in 32", format(pcm, 1, 32000, 4, 24, 0), 1500 * time.Millisecond},
		{"PCM without block", format(pcm, 1, 16000, 0, 16, 0), 3 * time.Second},
		{"PCM of 12 bits without block", format(pcm, 1, 16000, 0, 12, 0), 3 * time.Second},
		{"PCM with too short a block", format(pcm, 2, 32000, 1, 16, 0), 1500 * time.Millisecond},
		{"PCM without bits and block", format(pcm, 1, 16000, 0), 3 * time.Second},
		{"float without bits", format(float, 1, 32000, 4), 1500 * time.Millisecond},
		{"extensible PCM", format(ext, 1, 16000, 2, extensible(16, 16, pcm)...), 3 * time.Second},
		{"extensible PCM of 12 bits", format(ext, 1, 16000, 2, extensible(16, 12, pcm)...), 3 * time.Second},
		{"extensible PCM of 20 bits in 32", format(ext, 1, 32000, 4, extensible(32, 20, pcm)...), 1500 * time.Millisecond},
		{"extensible mu-law with 0 bits", format(ext, 1, 8000, 1, extensible(0, 0, muLaw)...), 6 * time.Second},
		{"extensible without sub-format", format(ext, 1, 16000, 2, 16, 0, 0, 0), 3 * time.Second},
		{"GSM without its extension", format(gsm, 1, 0, 65, 0, 0), 29538 * time.Millisecond},
		{"G.729", format(g729, 1, 1000, 10, 0, 0), 48 * time.Second},
		{"G.729 with 0 bytes per second", format(g729, 1, 0, 10, 0, 0), 0},
		{"G.729 without block", format(g729, 1, 0, 0), 0},
	} {
		got, err := probe(wav(c.format, data))
		if err != nil || got.ContentType != "audio/wav" || got.Known != (c.want > 0) || (got.Duration-c.want).Abs() > time.Millisecond {
			t.Errorf("Probe(%s) = %+v, %v, want %s", c.name, got, err, c.want)
		}
	}
}

// Chunks of any length may precede the format and the audio data.
func TestProbeSkipsOtherChunks(t *testing.T) {
	t.Parallel()
	format, data := format(7, 1, 8000, 1, 8, 0, 0, 0), chunk("data", make([]byte, 24_001))
	list, bext, junk := chunk("LIST", []byte("INFOISFT\x05\x00\x00\x00Lavf\x00")), chunk("bext", make([]byte, 603)), chunk("JUNK", make([]byte, 27))
	for name, file := range map[string][]byte{
		"before the format": wav(junk, bext, list, format, data),
		"before the data":   wav(format, chunk("fact", make([]byte, 4)), list, bext, junk, data),
		"after the data":    wav(format, data, list, bext),
		"large":             wav(chunk("bext", make([]byte, 300_001)), format, chunk("LIST", make([]byte, 500_000)), data),
	} {
		if got, err := probe(file); err != nil || (got.Duration-3*time.Second).Abs() > time.Millisecond {
			t.Errorf("Probe(chunks %s) = %+v, %v, want 3 s", name, got, err)
		}
	}
}
