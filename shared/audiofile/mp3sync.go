package audiofile

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	// maxLead is the number of bytes that are searched for the first frame. ffmpeg
	// searches as many. Up to maxZeros zeros, which editors leave for tags, do not
	// count.
	maxLead  = 64 << 10
	maxZeros = 1 << 20
	// frameRun is the room for runLength frames of the maximum length, 1,441
	// bytes, rounded up.
	frameRun = 8 << 10
	// runLength is the number of frames that must follow each other after bytes
	// that are not mp3. Their headers have at least 17 bits in common, so other
	// data does not contain such a run by chance.
	runLength = 4
)

// errNoFrame means that an mp3 has no frame.
var errNoFrame = fmt.Errorf("%w: no mp3 frame", ErrDamaged)

// findFrame returns the offset of the first frame between two offsets. It skips
// tags and other bytes, such as the rest of an earlier frame, a line break, or
// the zeros that an encoder meant to replace with an Info header. Errors:
// errNoFrame, and those of s.
func findFrame(s *source, begin, end int64) (int64, error) {
	at, zeros, lead := begin, int64(0), int64(0)
	for at < end && zeros <= maxZeros && lead < maxLead {
		want := min(spanSize, end-at)
		b, err := s.readUpTo(at, want)
		if err != nil {
			return 0, err
		}
		isEnd := at+want == end
		if int64(len(b)) < want { // the reader has fewer bytes than Probe was called for
			isEnd, end = true, at+int64(len(b))
		}
		if z := int64(len(b) - len(bytes.TrimLeft(b, "\x00"))); z > 0 {
			at, zeros = at+z, zeros+z
			continue
		}
		junk, tag, found := searchFrame(b, at == begin, isEnd)
		at, lead = at+junk, lead+junk
		if found {
			return at, nil
		}
		if tag, err = wholeTag(s, at, tag); err != nil {
			return 0, err
		}
		at += tag
	}
	return 0, errNoFrame
}

// wholeTag returns the length of the tag at the offset: n, or that of its header
// if it is an APE tag without the footer that it declares.
func wholeTag(s *source, at, n int64) (int64, error) {
	if n <= apeFooter {
		return n, nil
	}
	b, err := s.readUpTo(at, apeFooter)
	if err != nil || apeLength(b) != n {
		return n, err
	}
	if b, err = s.readUpTo(at+n-apeFooter, apeFooter); err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(b, []byte(apeMagic)) {
		return apeFooter, nil
	}
	return n, nil
}

// searchFrame searches b for the first frame or tag. It returns the number of
// bytes before it, and the length of the tag, which may end after b. isBegin
// and isEnd report whether b is at the beginning and the end of the file.
func searchFrame(b []byte, isBegin, isEnd bool) (junk, tag int64, found bool) {
	for i := range b {
		if !isEnd && i > len(b)-frameRun {
			return int64(i), 0, false
		}
		if n := tagLength(b[i:]); n > 0 {
			return int64(i), n, false
		}
		if isRun(b[i:], isBegin && i == 0, isEnd) {
			return int64(i), 0, true
		}
	}
	return int64(len(b)), 0, false
}

// isRun reports whether b begins with a run of frames of one stream. At the
// beginning of a file two are enough, or one that fills the file. A shorter run
// counts if the file or a tag ends it; its last frame may be truncated.
func isRun(b []byte, isBegin, isEnd bool) bool {
	first, ok := parseFrame(b)
	if !ok {
		return false
	}
	least, most := 2, runLength
	if isBegin {
		least, most = 1, 2
	}
	n := first.length
	for count := 1; count < most; count++ {
		if n > len(b)-frameHeader {
			return isEnd && count >= least && (count > 1 || n == len(b))
		}
		next, ok := parseFrame(b[n:])
		if !ok || next.stream != first.stream {
			return count >= least && isTag(b[n:])
		}
		n += next.length
	}
	return true
}

// isTag reports whether b begins like a tag that follows the frames.
func isTag(b []byte) bool {
	return bytes.HasPrefix(b, []byte("TAG")) || bytes.HasPrefix(b, []byte("LYRICSBEGIN")) || tagLength(b) > 0
}

// tagLength returns the length of the ID3v2 or APE tag at the beginning of b, or
// 0 without one.
func tagLength(b []byte) int64 {
	if n := id3Length(b); n > 0 {
		return n
	}
	return apeLength(b)
}

const (
	apeMagic = "APETAGEX"
	// apeFooter is the length of the header of an APE tag, and of its footer.
	apeFooter   = 32
	apeIsHeader = 1 << 29
)

// apeLength returns the length of the APE tag that begins with b, or 0 without
// one (wiki.hydrogenaud.io, APEv2 specification). Some programs write a header
// alone for a tag without items.
func apeLength(b []byte) int64 {
	if len(b) < apeFooter || string(b[:len(apeMagic)]) != apeMagic {
		return 0
	}
	size, items, flags := binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[16:]), binary.LittleEndian.Uint32(b[20:])
	switch {
	case flags&apeIsHeader == 0:
		return apeFooter // a footer after items that have been skipped
	case items == 0 && !bytes.HasPrefix(b[apeFooter:], []byte(apeMagic)):
		return apeFooter
	}
	return apeFooter + int64(size)
}
