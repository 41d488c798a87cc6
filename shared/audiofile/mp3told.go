package audiofile

import (
	"encoding/binary"
	"time"
)

// told is what a Xing, Info or VBRI header says of the file it stands in.
// Such a header takes the place of the sound in the first frame.
type told struct {
	frames, bytes int64 // 0 if it does not say
}

// told reads the header from the frame's bytes, and reports whether there is
// one (Xing: the SDK's DecodeXing; VBRI: Fraunhofer's, 32 bytes behind the
// frame's header).
func (f frame) told(b []byte) (told, bool) {
	const crc = 2 // may stand before the side information
	for _, at := range []int{frameHeader + f.side, frameHeader + crc + f.side} {
		if len(b) < at+16 || string(b[at:at+4]) != "Xing" && string(b[at:at+4]) != "Info" {
			continue
		}
		var t told
		flags, rest := binary.BigEndian.Uint32(b[at+4:]), b[at+8:]
		if flags&1 != 0 {
			t.frames, rest = int64(binary.BigEndian.Uint32(rest)), rest[4:]
		}
		if flags&2 != 0 {
			t.bytes = int64(binary.BigEndian.Uint32(rest))
		}
		return t, true
	}
	const vbri = frameHeader + 32
	if len(b) < vbri+18 || string(b[vbri:vbri+4]) != "VBRI" {
		return told{}, false
	}
	return told{
		bytes:  int64(binary.BigEndian.Uint32(b[vbri+10:])),
		frames: int64(binary.BigEndian.Uint32(b[vbri+14:])),
	}, true
}

// toldDuration is the length that the header of the mp3 says. errLength means
// that there is none, or none to be believed.
func toldDuration(s *source, sound, end int64) (time.Duration, error) {
	b, err := s.some(sound, min(spanSize/2, end-sound))
	if err != nil {
		return 0, err
	}
	f, ok := parseFrame(b)
	if !ok || len(b) < f.length {
		return 0, errLength
	}
	t, ok := f.told(b[:f.length])
	if !ok {
		return 0, errLength
	}
	if end, err = passTrailers(s, sound, end); err != nil {
		return 0, err
	}
	if !t.fits(f, end-sound) {
		return 0, errLength
	}
	return seconds(t.frames*f.samples, f.rate), nil
}

// fits reports whether there are just as many bytes as the header says, and
// as many frames as can be in them. A file that was cut off, or to which
// another was added, is not the one that the header speaks of. Most encoders
// count the header's own frame among the bytes, some do not.
func (t told) fits(f frame, there int64) bool {
	own := int64(f.length)
	return t.frames > 0 && (t.bytes == there || t.bytes == there-own) &&
		t.frames*f.least <= there && t.frames*f.most >= there-own
}

const (
	id3v1Length = 128
	apeFooter   = 32
)

// passTrailers is where the sound ends, before an ID3v1 and an APE tag
// (wiki.hydrogenaud.io, APEv2 specification, tags header and footer).
func passTrailers(s *source, begin, end int64) (int64, error) {
	b, err := s.some(max(begin, end-id3v1Length-apeFooter), min(id3v1Length+apeFooter, end-begin))
	if err != nil {
		return 0, err
	}
	if n := len(b) - id3v1Length; n >= 0 && string(b[n:n+3]) == "TAG" {
		b, end = b[:n], end-id3v1Length
	}
	if n := len(b) - apeFooter; n >= 0 && string(b[n:n+8]) == "APETAGEX" {
		end -= int64(binary.LittleEndian.Uint32(b[n+12:]))
		if binary.LittleEndian.Uint32(b[n+20:])>>31 != 0 { // it has a header, too
			end -= apeFooter
		}
	}
	return max(begin, end), nil
}
