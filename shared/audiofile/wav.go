package audiofile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-audio/wav"
)

// Formats of wav, as far as they are told apart here
// (RFC 2361, appendix A).
const (
	wavPCM        = 0x0001
	wavADPCM      = 0x0002
	wavFloat      = 0x0003
	wavALaw       = 0x0006
	wavMuLaw      = 0x0007
	wavIMAADPCM   = 0x0011
	wavGSM        = 0x0031
	wavMP3        = 0x0055
	wavExtensible = 0xFFFE
)

const (
	chunkHeader = 8
	wavHeader   = 12 // RIFF, size, WAVE
	// formatLeast and formatMost bound the bytes of a format chunk that are
	// read; all known ones are shorter than the latter.
	formatLeast, formatMost = 16, 64
	// maxChunks bounds the reads that a file of nothing but chunks can cause.
	maxChunks = 1000
)

// isWav knows RIFF, and RF64 and BW64 for more than 4 GB (EBU Tech 3306).
func isWav(h []byte) bool {
	return len(h) >= wavHeader && string(h[8:12]) == "WAVE" &&
		(string(h[:4]) == "RIFF" || string(h[:4]) == "RF64" || string(h[:4]) == "BW64")
}

// wavDuration walks the chunks to the sound and divides what is really there
// of it by what a second of it takes.
func wavDuration(r *source) (time.Duration, error) {
	var format *wavFormat
	var long int64 // the size that an RF64 file has for its sound
	at := int64(wavHeader)
	for range maxChunks {
		id, said, err := chunk(r, at)
		if err != nil {
			return 0, err
		}
		at += chunkHeader
		switch id {
		case "ds64":
			long, err = longSize(r, at, said)
		case "fmt ":
			format, err = readFormat(r, at, said)
		case "data":
			if format == nil {
				return 0, fmt.Errorf("%w: the wav does not say its format", ErrDamaged)
			}
			if said == unknownSize && long > 0 {
				said = long
			}
			return format.duration(r, at, present(said, r.size-at))
		}
		if err != nil {
			return 0, err
		}
		at += said + said%2 // chunks begin at even places
	}
	return 0, fmt.Errorf("%w: no sound in the wav", ErrDamaged)
}

// unknownSize is what streaming recorders write for a size, and RF64 files
// for one that is elsewhere.
const unknownSize = 1<<32 - 1

// present is how much of the sound is there, of what its header said. A
// recorder that streams writes 0 or a very large number for a size that it
// does not know yet.
func present(said, there int64) int64 {
	if said == 0 || said == unknownSize || said > there {
		return there
	}
	return said
}

// chunk reads the header of the chunk at that place.
func chunk(r io.ReaderAt, at int64) (id string, size int64, err error) {
	var h [chunkHeader]byte
	if err := readAt(r, h[:], at, "no sound in the wav"); err != nil {
		return "", 0, err
	}
	return string(h[:4]), int64(binary.LittleEndian.Uint32(h[4:])), nil
}

// longSize reads the size of the sound from the ds64 chunk.
func longSize(r io.ReaderAt, at, size int64) (int64, error) {
	var b [16]byte
	if size < int64(len(b)) {
		return 0, nil
	}
	if err := readAt(r, b[:], at, "the wav ends in its header"); err != nil {
		return 0, err
	}
	return int64(min(binary.LittleEndian.Uint64(b[8:]), 1<<62)), nil
}

// wavFormat is what the format chunk says.
type wavFormat struct {
	*wav.Decoder
	// block is the length of a block in bytes, and samples what is in one of
	// every channel, where blocks hold more than one; else 0.
	block, samples int64
}

// readFormat reads the format chunk. The library is given that chunk alone,
// under a header of our own: of a whole file it would take chunks into memory
// as long as they claim to be.
func readFormat(r io.ReaderAt, at, size int64) (*wavFormat, error) {
	if size < formatLeast {
		return nil, fmt.Errorf("%w: the wav's format is too short", ErrDamaged)
	}
	size = min(size, formatMost)
	b := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt "), byte(size), 0, 0, 0)
	head := len(b)
	b = append(b, make([]byte, size)...)
	if err := readAt(r, b[head:], at, "the wav ends in its header"); err != nil {
		return nil, err
	}
	f := &wavFormat{Decoder: wav.NewDecoder(bytes.NewReader(b))}
	f.ReadInfo()
	if f.Err() != nil || f.NumChans == 0 || f.SampleRate == 0 {
		return nil, fmt.Errorf("%w: the wav's format makes no sense", ErrDamaged)
	}
	if b = b[head:]; len(b) >= 20 { // the library leaves these out
		f.block = int64(binary.LittleEndian.Uint16(b[12:]))
		f.samples = int64(binary.LittleEndian.Uint16(b[18:]))
	}
	return f, nil
}

// duration is how long the n bytes of sound at the place last. Players go by the samples and
// blocks, and not by the average bytes of a second, which writers of ADPCM
// get wrong; so that is the last resort.
func (f *wavFormat) duration(r *source, at, n int64) (time.Duration, error) {
	second := int64(f.AvgBytesPerSec)
	switch f.WavAudioFormat {
	case wavMP3:
		return mp3Between(r, at, at+n)
	case wavPCM, wavFloat, wavALaw, wavMuLaw, wavExtensible:
		second = int64(f.SampleRate) * int64(f.NumChans) * int64(f.BitDepth) / 8
	case wavADPCM, wavIMAADPCM, wavGSM:
		if f.block > 0 && f.samples > 0 {
			n, second = n/f.block*f.samples+n%f.block*f.samples/f.block, int64(f.SampleRate)
		}
	}
	if second <= 0 {
		return 0, fmt.Errorf("%w: the wav's format makes no sense", ErrDamaged)
	}
	return seconds(n, second), nil
}

// readAt fills b, or says that the file is damaged if it ends before.
func readAt(r io.ReaderAt, b []byte, at int64, damage string) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %s", ErrDamaged, damage)
	}
	return err
}
