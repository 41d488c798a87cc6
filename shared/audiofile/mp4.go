package audiofile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/abema/go-mp4"
)

const (
	// maxBoxes limits the boxes of a file that are visited. maxPayload limits the size
	// of a box that readBox parses, because the library needs several times that
	// memory.
	maxBoxes   = 4096
	maxPayload = 64 << 10
	// minByteRate is the lowest plausible number of bytes per second of audio.
	// It is an eighth of the rate that ffmpeg's AAC and ALAC have for silence
	// at 8 kHz, so only invented durations are below it.
	minByteRate = 4
)

// errTruncated means that a box extends beyond the end of the file.
var errTruncated = fmt.Errorf("%w: the mp4 is truncated", ErrDamaged)

// isMP4 recognizes the file type box at the beginning of an mp4 (ISO 14496-12,
// 4.3). A box of QuickTime does not match.
func isMP4(h []byte) bool {
	return len(h) >= 12 && string(h[4:8]) == "ftyp" && string(h[8:12]) != "qt  "
}

// movie collects the contents of the boxes of an mp4.
type movie struct {
	s     *source
	r     *io.SectionReader // reads s, for the library, which seeks
	boxes int               // visited so far

	rate      int64 // units per second of mvhd, mehd and the edits
	mehd      int64 // the duration in mehd
	fragments bool
	audio     *track
	trex      map[uint32]uint32 // default sample duration by track ID

	moov       bool
	mediaBytes int64 // in mdat boxes
}

// track is one track of a movie. Its length is in units of its own rate, and edited
// is in units of the movie's rate.
type track struct {
	id      uint32
	rate    int64
	length  int64
	edited  int64
	isAudio bool
}

// mp4Duration walks the boxes of the file. It skips the media data.
func mp4Duration(s *source) (time.Duration, error) {
	m := &movie{s: s, r: io.NewSectionReader(s, 0, s.size), trex: map[uint32]uint32{}}
	truncated := false
	var moovEnd int64
	err := m.eachBox(0, s.size, func(b *mp4.BoxInfo) error {
		switch b.Type {
		case mp4.BoxTypeMoov():
			m.moov = true
			moovEnd = int64(b.Offset + b.Size)
			if err := m.eachChild(b, m.moovBox); err != nil {
				return err
			}
			if m.fragments {
				return io.EOF // m.fragmented visits them
			}
		case mp4.BoxTypeMdat():
			m.mediaBytes += int64(b.Size - b.HeaderSize)
		}
		return nil
	})
	if errors.Is(err, errTruncated) && m.audio != nil { // after the header
		err, truncated = nil, true
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return 0, err
	case !m.moov:
		return 0, fmt.Errorf("%w: no header in the mp4", ErrDamaged)
	case m.audio == nil:
		return 0, fmt.Errorf("%w: no audio in the mp4", ErrUnknown)
	case m.fragments:
		m.mediaBytes = s.size
		return m.plausible(m.fragmented(moovEnd))
	case truncated:
		return 0, errNoDuration
	}
	return m.plausible(m.whole(), nil)
}

// whole returns the duration from the header: that of the edits, which exclude
// the samples that the encoder adds in front, or otherwise that of the track.
func (m *movie) whole() time.Duration {
	if m.audio.edited > 0 && m.rate > 0 {
		return seconds(m.audio.edited, m.rate)
	}
	return seconds(m.audio.length, m.audio.rate)
}

// plausible returns d, or ErrDamaged if the file has too few bytes for it.
func (m *movie) plausible(d time.Duration, err error) (time.Duration, error) {
	if err == nil && int64(d/time.Second) > m.mediaBytes/minByteRate {
		return 0, fmt.Errorf("%w: the mp4 claims a duration of %s for %d bytes", ErrDamaged, d, m.mediaBytes)
	}
	return d, err
}

// eachBox calls do for the boxes between two offsets. Errors: those of do, and
// errTruncated for a box that extends beyond the end.
func (m *movie) eachBox(at, end int64, do func(b *mp4.BoxInfo) error) error {
	for end-at >= mp4.SmallHeaderSize {
		if m.boxes++; m.boxes > maxBoxes {
			return errTooManyReads
		}
		if _, err := m.r.Seek(at, io.SeekStart); err != nil {
			return err
		}
		b, err := mp4.ReadBoxInfo(m.r)
		if err != nil {
			return m.s.readError(err)
		}
		if b.Size < b.HeaderSize {
			return fmt.Errorf("%w: an mp4 box is shorter than its header", ErrDamaged)
		}
		if b.Size > uint64(end-at) {
			return errTruncated
		}
		if err := do(b); err != nil {
			return err
		}
		at += int64(b.Size)
	}
	return nil
}

// eachChild calls do for the boxes in b.
func (m *movie) eachChild(b *mp4.BoxInfo, do func(b *mp4.BoxInfo) error) error {
	return m.eachBox(int64(b.Offset+b.HeaderSize), int64(b.Offset+b.Size), do)
}

// readBox parses the content of b. Error: errNoDuration if b is larger than
// maxPayload.
func (m *movie) readBox(b *mp4.BoxInfo, into mp4.IBox) error {
	n := int64(b.Size - b.HeaderSize)
	if n > maxPayload {
		return errNoDuration
	}
	p, err := m.s.readUpTo(int64(b.Offset+b.HeaderSize), n)
	if err != nil {
		return err
	}
	if _, err := mp4.Unmarshal(bytes.NewReader(p), uint64(n), into, mp4.Context{}); err != nil {
		return fmt.Errorf("%w: mp4 box %s: %w", ErrDamaged, b.Type, err)
	}
	return nil
}
