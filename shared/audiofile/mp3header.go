package audiofile

import (
	"encoding/binary"
	"time"
)

// vbrHeader holds the totals of a Xing, Info or VBRI header. Such a header
// replaces the audio of the first frame.
type vbrHeader struct {
	frames, bytes int64 // 0 if absent
}

// vbrHeader parses the header in the bytes of a frame. ok is false if there is
// none (Xing: the SDK's DecodeXing; VBRI: Fraunhofer's, 32 bytes after the
// frame header).
func (f frame) vbrHeader(b []byte) (_ vbrHeader, ok bool) {
	const crc = 2 // may precede the side information
	for _, at := range []int{frameHeader + f.side, frameHeader + crc + f.side} {
		if len(b) < at+16 || string(b[at:at+4]) != "Xing" && string(b[at:at+4]) != "Info" {
			continue
		}
		var h vbrHeader
		flags, rest := binary.BigEndian.Uint32(b[at+4:]), b[at+8:]
		if flags&1 != 0 {
			h.frames, rest = int64(binary.BigEndian.Uint32(rest)), rest[4:]
		}
		if flags&2 != 0 {
			h.bytes = int64(binary.BigEndian.Uint32(rest))
		}
		return h, true
	}
	const vbri = frameHeader + 32
	if len(b) < vbri+18 || string(b[vbri:vbri+4]) != "VBRI" {
		return vbrHeader{}, false
	}
	return vbrHeader{
		bytes:  int64(binary.BigEndian.Uint32(b[vbri+10:])),
		frames: int64(binary.BigEndian.Uint32(b[vbri+14:])),
	}, true
}

// headerDuration returns the duration from the header of the mp3. Error:
// errNoDuration without a header that fits the file.
func headerDuration(s *source, start, end int64) (time.Duration, error) {
	b, err := s.readUpTo(start, min(spanSize/2, end-start))
	if err != nil {
		return 0, err
	}
	f, ok := parseFrame(b)
	if !ok || len(b) < f.length {
		return 0, errNoDuration
	}
	h, ok := f.vbrHeader(b[:f.length])
	if !ok {
		return 0, errNoDuration
	}
	if end, err = trimTags(s, start, end); err != nil {
		return 0, err
	}
	if !h.fits(f, end-start) {
		return 0, errNoDuration
	}
	return seconds(h.frames*f.samples, f.rate), nil
}

// fits reports whether the byte count is that of the file, and whether the
// frames can fill these bytes. Otherwise the file was truncated or another one
// was appended, and the header does not describe it. Most encoders include the
// frame of the header itself in the byte count, some do not.
func (h vbrHeader) fits(f frame, size int64) bool {
	own := int64(f.length)
	return h.frames > 0 && (h.bytes == size || h.bytes == size-own) &&
		h.frames*f.minLength <= size && h.frames*f.maxLength >= size-own
}

const id3v1Length = 128

// trimTags returns the offset where the audio ends, before an ID3v1 and an APE
// tag (wiki.hydrogenaud.io, APEv2 specification, tags header and footer).
func trimTags(s *source, begin, end int64) (int64, error) {
	b, err := s.readUpTo(max(begin, end-id3v1Length-apeFooter), min(id3v1Length+apeFooter, end-begin))
	if err != nil {
		return 0, err
	}
	if n := len(b) - id3v1Length; n >= 0 && string(b[n:n+3]) == "TAG" {
		b, end = b[:n], end-id3v1Length
	}
	if n := len(b) - apeFooter; n >= 0 && string(b[n:n+8]) == apeMagic {
		end -= int64(binary.LittleEndian.Uint32(b[n+12:]))
		if binary.LittleEndian.Uint32(b[n+20:])>>31 != 0 { // with a header of its own
			end -= apeFooter
		}
	}
	return max(begin, end), nil
}
