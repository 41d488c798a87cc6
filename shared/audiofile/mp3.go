package audiofile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// frame is one header of MPEG audio, layer III (ISO 11172-3 2.4.1.3, ISO
// 13818-3, and Fraunhofer's MPEG 2.5 for 8 to 12 kHz, which telephones use).
type frame struct {
	rate    int64 // samples a second
	samples int64
	length  int // bytes, header included
	// side is the length of the side information, behind which a Xing header
	// stands.
	side int
	// stream is the part of the header that is the same in a whole file.
	stream uint32
}

const (
	frameHeader = 4
	// streamBits are sync, version, layer and rate.
	streamBits = 0xFFFE0C00
	id3Header  = 10
)

// rates by version bits (2.5, reserved, 2, 1) and rate bits.
var rates = [4][3]int64{{11025, 12000, 8000}, {}, {22050, 24000, 16000}, {44100, 48000, 32000}}

// kilobits by rate index, for MPEG 1 and for the others.
var (
	kilobits1 = [15]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	kilobits2 = [15]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
)

// parseFrame reads the header at the beginning of b. Free-format streams,
// which nobody makes, are not taken.
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
	kilobits := kilobits2[bits]
	f.samples, f.side = 576, 17
	if mono {
		f.side = 9
	}
	if version == 3 {
		kilobits, f.samples, f.side = kilobits1[bits], 1152, 32
		if mono {
			f.side = 17
		}
	}
	f.length = int(f.samples)/8*kilobits*1000/int(f.rate) + padding
	return f, f.length > frameHeader
}

// describes reports whether b, the frame's bytes, holds not sound but a Xing,
// Info or VBRI header.
func (f frame) describes(b []byte) bool {
	at := func(i int, names ...string) bool {
		for _, name := range names {
			if len(b) >= i+len(name) && string(b[i:i+len(name)]) == name {
				return true
			}
		}
		return false
	}
	const crc = 2 // may stand before the side information
	return at(frameHeader+f.side, "Xing", "Info") || at(frameHeader+crc+f.side, "Xing", "Info") ||
		at(frameHeader+32, "VBRI")
}

// maxRubbish is how many bytes of something else end the sound.
const maxRubbish = 1 << 20

// mp3Duration counts the samples of all frames, and passes over tags, rubbish
// between frames, and the frame that only describes the others.
func mp3Duration(r *io.SectionReader) (time.Duration, error) {
	const buffer = 64 << 10
	in := bufio.NewReaderSize(r, buffer)
	var samples, rate int64
	var stream uint32
	rubbish := 0
	for first := true; rubbish < maxRubbish; rubbish++ {
		b, err := in.Peek(id3Header)
		if len(b) < frameHeader {
			if errors.Is(err, io.EOF) {
				break
			}
			return 0, err
		}
		n := 1
		if tag := id3Length(b); tag > 0 {
			n = tag
		} else if f, ok := parseFrame(b); ok && (f.stream == stream || stream == 0 && continues(in, f)) {
			whole, _ := in.Peek(f.length)
			if len(whole) < f.length {
				break // cut off
			}
			if !first || !f.describes(whole) {
				samples, rate = samples+f.samples, f.rate
			}
			n, first, stream, rubbish = f.length, false, f.stream, 0
		}
		if _, err := in.Discard(n); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
	}
	if rate == 0 {
		return 0, fmt.Errorf("%w: no mp3 frame", ErrDamaged)
	}
	return seconds(samples, rate), nil
}

// continues reports whether another frame of the stream, or the end, follows
// f. It keeps text that looks like one header from being taken for sound.
func continues(in *bufio.Reader, f frame) bool {
	b, _ := in.Peek(f.length + frameHeader)
	if len(b) <= f.length {
		return len(b) == f.length
	}
	next, ok := parseFrame(b[f.length:])
	return ok && next.stream == f.stream || bytes.HasPrefix(b[f.length:], []byte("TAG"))
}

// id3Length is the length of the ID3v2 tag that b begins with, 0 if it does
// not.
func id3Length(b []byte) int {
	if len(b) < id3Header || string(b[:3]) != "ID3" {
		return 0
	}
	n := 0
	for _, c := range b[6:10] {
		if c >= 0x80 {
			return 0
		}
		n = n<<7 | int(c)
	}
	return id3Header + n
}
