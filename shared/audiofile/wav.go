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

// The wav formats that are distinguished here (RFC 2361, appendix A).
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
	// minFormat and maxFormat limit the bytes of a format chunk that are
	// read. The shortest, WAVEFORMAT, lacks the bits per sample, so readFormat
	// reads pcmFormat with 0 bits. All known chunks are shorter than maxFormat.
	minFormat, pcmFormat, maxFormat = 14, 16, 64
	// minExtensible is the length of a format chunk that has a sub-format, and
	// subFormat is the offset of its first two bytes, the format code
	// (Microsoft, WAVEFORMATEXTENSIBLE).
	minExtensible, subFormat = 40, 24
	// maxChunks limits the reads for a file that consists of chunks only.
	maxChunks = 1000
)

// isWav recognizes RIFF, and RF64 and BW64, which are for more than 4 GB (EBU
// Tech 3306).
func isWav(h []byte) bool {
	return len(h) >= wavHeader && string(h[8:12]) == "WAVE" &&
		(string(h[:4]) == "RIFF" || string(h[:4]) == "RF64" || string(h[:4]) == "BW64")
}

// wavDuration walks the chunks up to the audio data. It divides the bytes that
// exist by the bytes per second.
func wavDuration(r *source) (time.Duration, error) {
	var format *wavFormat
	var longSize int64 // of the audio data in an RF64 file
	at := int64(wavHeader)
	for range maxChunks {
		id, size, err := chunk(r, at)
		if err != nil {
			return 0, err
		}
		at += chunkHeader
		switch id {
		case "ds64":
			longSize, err = readLongSize(r, at, size)
		case "fmt ":
			format, err = readFormat(r, at, size)
			r.found = err == nil
		case "data":
			if format == nil {
				return 0, fmt.Errorf("%w: no format chunk in the wav", ErrDamaged)
			}
			if size == unknownSize && longSize > 0 {
				size = longSize
			}
			return format.duration(r, at, dataSize(size, r.size-at))
		}
		if err != nil {
			return 0, err
		}
		at += size + size%2 // chunks begin at even offsets
	}
	return 0, fmt.Errorf("%w: no audio data in the wav", ErrDamaged)
}

// unknownSize is the size that streaming recorders write, and that RF64 files
// have if the size is in the ds64 chunk.
const unknownSize = 1<<32 - 1

// dataSize returns how many bytes of audio data the file has. declared is the
// size in the chunk header. A recorder that streams does not know the size yet
// and declares 0 or a very large number.
func dataSize(declared, available int64) int64 {
	if declared == 0 || declared == unknownSize || declared > available {
		return available
	}
	return declared
}

// chunk reads the chunk header at the offset.
func chunk(r io.ReaderAt, at int64) (id string, size int64, err error) {
	var h [chunkHeader]byte
	if err := readAt(r, h[:], at, "no audio data in the wav"); err != nil {
		return "", 0, err
	}
	return string(h[:4]), int64(binary.LittleEndian.Uint32(h[4:])), nil
}

// readLongSize reads the size of the audio data from the ds64 chunk.
func readLongSize(r io.ReaderAt, at, size int64) (int64, error) {
	var b [16]byte
	if size < int64(len(b)) {
		return 0, nil
	}
	if err := readAt(r, b[:], at, "the wav ends in its header"); err != nil {
		return 0, err
	}
	return int64(min(binary.LittleEndian.Uint64(b[8:]), 1<<62)), nil
}

// wavFormat is the content of the format chunk.
type wavFormat struct {
	*wav.Decoder
	// code is the format, for an extensible one that of its sub-format.
	code uint16
	// block is the length of a block in bytes. samples is the number of samples
	// of each channel in a block of ADPCM or GSM, and 0 if it is absent.
	block, samples int64
}

// readFormat reads the format chunk. The library gets this chunk only, after a
// header that is made here. From a whole file it would read chunks into memory
// with the length that they declare.
func readFormat(r io.ReaderAt, at, size int64) (*wavFormat, error) {
	if size < minFormat {
		return nil, fmt.Errorf("%w: the format chunk of the wav is too short", ErrDamaged)
	}
	size = min(size, maxFormat)
	b := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt "), byte(max(size, pcmFormat)), 0, 0, 0)
	head := len(b)
	b = append(b, make([]byte, max(size, pcmFormat))...)
	if err := readAt(r, b[head:head+int(size)], at, "the wav ends in its header"); err != nil {
		return nil, err
	}
	f := &wavFormat{Decoder: wav.NewDecoder(bytes.NewReader(b))}
	f.ReadInfo()
	if f.Err() != nil || f.NumChans == 0 || f.SampleRate == 0 {
		return nil, fmt.Errorf("%w: the format of the wav is invalid", ErrDamaged)
	}
	b = b[head:]
	f.code, f.block = f.WavAudioFormat, int64(binary.LittleEndian.Uint16(b[12:])) // the library ignores it
	if len(b) >= 20 {
		f.samples = int64(binary.LittleEndian.Uint16(b[18:]))
	}
	if f.code == wavExtensible {
		f.code = wavPCM
		if len(b) >= minExtensible {
			f.code = binary.LittleEndian.Uint16(b[subFormat:])
		}
	}
	return f, nil
}

// duration returns the duration of the n bytes of audio data at the offset.
// Like players, it uses samples and blocks. The average bytes per second are
// the last resort, as ADPCM encoders get them wrong. Errors: errNoDuration if
// the format declares no constant rate, such as G.729 with 0 bytes per second.
func (f *wavFormat) duration(r *source, at, n int64) (time.Duration, error) {
	rate := int64(f.SampleRate)
	switch f.code {
	case wavMP3:
		return mp3Between(r, at, at+n)
	case wavALaw, wavMuLaw:
		return seconds(n, rate*int64(f.NumChans)), nil // a sample always has one byte
	case wavPCM, wavFloat:
		if frame := f.frameLength(); frame > 0 {
			return seconds(n, rate*frame), nil
		}
	case wavADPCM, wavIMAADPCM, wavGSM:
		if f.code == wavGSM && (f.block <= 0 || f.samples <= 0) {
			f.block, f.samples = 65, 320 // always (RFC 2361, A.18)
		}
		if f.block > 0 && f.samples > 0 {
			return seconds(n/f.block*f.samples+n%f.block*f.samples/f.block, rate), nil
		}
	}
	if f.AvgBytesPerSec == 0 {
		return 0, errNoDuration
	}
	return seconds(n, int64(f.AvgBytesPerSec)), nil
}

// frameLength returns the length in bytes of one sample on all channels. That is
// the block length, because a sample of 12 bits takes 2 bytes, and one of 20 bits
// takes 3 or 4. The bits per sample are used only if the block is too short for
// them.
func (f *wavFormat) frameLength() int64 {
	least := int64(f.NumChans) * ((int64(f.BitDepth) + 7) / 8)
	if f.block < least || f.block%int64(f.NumChans) != 0 {
		return least
	}
	return f.block
}

// readAt fills b. If the file is too short, it returns ErrDamaged with the text of
// damage.
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
