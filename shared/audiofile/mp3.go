package audiofile

import (
	"errors"
	"fmt"
	"time"
)

// frame is a parsed frame header of MPEG audio, layer III (ISO 11172-3 2.4.1.3,
// ISO 13818-3, and Fraunhofer's MPEG 2.5 for the 8 to 12 kHz of telephony).
type frame struct {
	rate    int64 // samples per second
	samples int64
	length  int // in bytes, including the header
	// side is the length of the side information. A Xing header follows it.
	side int
	// minLength and maxLength are the lengths of the shortest and the longest
	// frame with the same rate.
	minLength, maxLength int64
	// stream is the part of the header that is constant within a file.
	stream uint32
}

const (
	frameHeader = 4
	// streamBits masks sync, version, layer and rate.
	streamBits = 0xFFFE0C00
	id3Header  = 10
)

// rates by version bits (2.5, reserved, 2, 1) and rate bits.
var rates = [4][3]int64{{11025, 12000, 8000}, {}, {22050, 24000, 16000}, {44100, 48000, 32000}}

// Bit rates in kbit/s by rate index, for MPEG 1 and for the other versions.
var (
	bitRates1 = [15]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	bitRates2 = [15]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
)

// parseFrame parses the frame header at the beginning of b. It rejects
// free-format streams, which encoders do not produce in practice.
func parseFrame(b []byte) (frame, bool) {
	if len(b) < frameHeader {
		return frame{}, false
	}
	h := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	version, layer := h>>19&3, h>>17&3
	bits, rate, padding := h>>12&15, h>>10&3, int(h>>9&1)
	if h>>21 != 0x7FF || version == 1 || layer != 1 || bits == 0 || bits == 15 || rate == 3 {
		return frame{}, false
	}
	f := frame{rate: rates[version][rate], stream: h & streamBits}
	mono := h>>6&3 == 3
	bitRates := &bitRates2
	f.samples, f.side = 576, 17
	if mono {
		f.side = 9
	}
	if version == 3 {
		bitRates, f.samples, f.side = &bitRates1, 1152, 32
		if mono {
			f.side = 17
		}
	}
	length := func(bits uint32) int { return int(f.samples) / 8 * bitRates[bits] * 1000 / int(f.rate) }
	f.length = length(bits) + padding
	f.minLength, f.maxLength = int64(length(1)), int64(length(14)+1)
	return f, f.length > frameHeader
}

// errNotMP3 means that nothing in a file indicates an mp3.
var errNotMP3 = fmt.Errorf("%w: no mp3 frame", ErrUnknown)

// mp3Duration returns the duration of a file that is entirely mp3. Errors:
// errNotMP3 if there is no frame, and no tag or frame header at the beginning;
// those of mp3Between.
func mp3Duration(s *source) (time.Duration, error) {
	d, err := mp3Between(s, 0, s.size)
	if !errors.Is(err, errNoFrame) || s.tags > 0 {
		return d, err
	}
	head, err := s.readUpTo(0, frameHeader)
	if err != nil {
		return 0, err
	}
	if _, ok := parseFrame(head); !ok {
		return 0, errNotMP3
	}
	return 0, errNoFrame
}

// mp3Between returns the duration of the mp3 between two offsets: from its Xing
// or VBRI header, if that is plausible, otherwise by counting its frames. Error:
// errNoDuration if there are more than maxInOrder bytes to count.
func mp3Between(s *source, begin, end int64) (time.Duration, error) {
	audio, err := findFrame(s, begin, end)
	if err != nil {
		return 0, err
	}
	d, err := headerDuration(s, audio, end)
	if !errors.Is(err, errNoDuration) || end-audio > maxInOrder {
		return d, err
	}
	return countFrames(s.r, audio, end)
}

// maxTags is the number of ID3v2 tags that are skipped in front of audio of any
// type.
const maxTags = 8

// skipTags returns the offset after the ID3v2 tags. It does not read their
// content, as pictures may take megabytes.
func skipTags(s *source, at, end int64) (int64, error) {
	for range maxTags {
		b, err := s.readUpTo(at, min(id3Header, end-at))
		if err != nil {
			return 0, err
		}
		n := id3Length(b)
		if n == 0 {
			break
		}
		at = min(at+n, end)
	}
	return at, nil
}

// id3Length returns the length of the ID3v2 tag at the beginning of b, or 0 if
// there is none (id3.org, ID3v2.4.0 structure, 3.1).
func id3Length(b []byte) int64 {
	if len(b) < id3Header || string(b[:3]) != "ID3" || b[3] == 0xFF || b[4] == 0xFF {
		return 0
	}
	n := int64(0)
	for _, c := range b[6:10] {
		if c >= 0x80 {
			return 0
		}
		n = n<<7 | int64(c)
	}
	if b[5]&0x10 != 0 { // a footer repeats the header
		n += id3Header
	}
	return id3Header + n
}
