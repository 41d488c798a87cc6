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
	// maxBoxes bounds how many boxes of a file are looked at, and maxPayload
	// how large one is that is read: the library's memory is a multiple of it.
	maxBoxes   = 4096
	maxPayload = 64 << 10
	// leastRate is the least number of bytes that a second of sound takes: an
	// eighth of what ffmpeg's AAC and ALAC make of silence at 8 kHz, so that
	// only figures that are made up are below it.
	leastRate = 4
)

// errCut means that a box reaches over the end of the file.
var errCut = fmt.Errorf("%w: the mp4 is cut off", ErrDamaged)

// isMP4 knows the file type box that begins an mp4 (ISO 14496-12, 4.3), unless
// it says that the file is QuickTime's.
func isMP4(h []byte) bool {
	return len(h) >= 12 && string(h[4:8]) == "ftyp" && string(h[8:12]) != "qt  "
}

// movie is what an mp4 says.
type movie struct {
	s     *source
	r     *io.SectionReader // s for the library, which seeks
	boxes int               // seen

	rate      int64 // of mvhd and the edits
	told      int64 // by mehd
	fragments bool
	audio     *track
	trex      map[uint32]uint32 // the usual duration of a sample, by track

	moov  bool
	sound int64 // bytes of media data
}

// track is one track of a movie. Durations are in units of rate, but for
// edited, which is in the movie's.
type track struct {
	id      uint32
	rate    int64
	length  int64
	edited  int64
	isAudio bool
}

// mp4Duration walks the boxes of the file. The media data is passed over.
func mp4Duration(s *source) (time.Duration, error) {
	m := &movie{s: s, r: io.NewSectionReader(s, 0, s.size), trex: map[uint32]uint32{}}
	cut := false
	var behind int64 // the header
	err := m.each(0, s.size, func(b *mp4.BoxInfo) error {
		switch b.Type {
		case mp4.BoxTypeMoov():
			m.moov = true
			behind = int64(b.Offset + b.Size)
			if err := m.within(b, m.header); err != nil {
				return err
			}
			if m.fragments {
				return io.EOF // they are found in another way
			}
		case mp4.BoxTypeMdat():
			m.sound += int64(b.Size - b.HeaderSize)
		}
		return nil
	})
	if errors.Is(err, errCut) && m.audio != nil { // behind the header
		err, cut = nil, true
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return 0, err
	case !m.moov:
		return 0, fmt.Errorf("%w: no header in the mp4", ErrDamaged)
	case m.audio == nil:
		return 0, fmt.Errorf("%w: no audio in the mp4", ErrUnknown)
	case m.fragments:
		m.sound = s.size
		return m.plausible(m.fragmented(behind))
	case cut:
		return 0, errLength
	}
	return m.plausible(m.whole(), nil)
}

// whole is the length that the header says: that of the edits, which leave out
// what the encoder has put in front, or else that of the track.
func (m *movie) whole() time.Duration {
	if m.audio.edited > 0 && m.rate > 0 {
		return seconds(m.audio.edited, m.rate)
	}
	return seconds(m.audio.length, m.audio.rate)
}

// plausible passes the length on if there are bytes for it.
func (m *movie) plausible(d time.Duration, err error) (time.Duration, error) {
	if err == nil && int64(d/time.Second) > m.sound/leastRate {
		return 0, fmt.Errorf("%w: the mp4 says that %d bytes last for %s", ErrDamaged, m.sound, d)
	}
	return d, err
}

// each calls do for the boxes between two places. Errors: those of do, errCut
// for a box that is longer than the rest.
func (m *movie) each(at, end int64, do func(b *mp4.BoxInfo) error) error {
	for end-at >= mp4.SmallHeaderSize {
		if m.boxes++; m.boxes > maxBoxes {
			return errScattered
		}
		if _, err := m.r.Seek(at, io.SeekStart); err != nil {
			return err
		}
		b, err := mp4.ReadBoxInfo(m.r)
		if err != nil {
			return m.s.blame(err)
		}
		if b.Size < b.HeaderSize {
			return fmt.Errorf("%w: an mp4 box is shorter than its header", ErrDamaged)
		}
		if b.Size > uint64(end-at) {
			return errCut
		}
		if err := do(b); err != nil {
			return err
		}
		at += int64(b.Size)
	}
	return nil
}

// within calls do for the boxes in b.
func (m *movie) within(b *mp4.BoxInfo, do func(b *mp4.BoxInfo) error) error {
	return m.each(int64(b.Offset+b.HeaderSize), int64(b.Offset+b.Size), do)
}

// read reads what is in b. errLength means that it is more than is read.
func (m *movie) read(b *mp4.BoxInfo, into mp4.IBox) error {
	n := int64(b.Size - b.HeaderSize)
	if n > maxPayload {
		return errLength
	}
	p, err := m.s.some(int64(b.Offset+b.HeaderSize), n)
	if err != nil {
		return err
	}
	if _, err := mp4.Unmarshal(bytes.NewReader(p), uint64(n), into, mp4.Context{}); err != nil {
		return fmt.Errorf("%w: mp4 box %s: %w", ErrDamaged, b.Type, err)
	}
	return nil
}
