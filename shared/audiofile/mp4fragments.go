package audiofile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"time"

	"github.com/abema/go-mp4"
)

const (
	// mp4Tail is how far from the end the last fragment is looked for, and
	// maxMoofs how many places there are tried that say "moof".
	mp4Tail  = 128 << 10
	maxMoofs = 16
	// maxRun is the longest box of samples that is read: some minutes, if their
	// durations are given one by one.
	maxRun = 128 << 10
)

// fragment is the sound of one fragment, in units of the track's rate.
type fragment struct {
	begin, length int64
	placed        bool // it says where it begins
	has           bool // something of the track
}

func (f fragment) end() int64 { return min(f.begin, math.MaxInt64/4) + f.length }

// fragmented is the length of a movie whose fragments begin behind the place:
// from where the first begins to where the last one ends, or else of all
// together. Where there are too many, it is what mehd says.
func (m *movie) fragmented(behind int64) (time.Duration, error) {
	begin, end := int64(-1), m.audio.length // of what is in moov itself
	var open fragment                       // its media data is to come
	err := m.each(behind, m.s.size, func(b *mp4.BoxInfo) error {
		switch b.Type {
		case mp4.BoxTypeMdat():
			if open.has && !open.placed {
				open.begin = end
			}
			if open.has {
				end = max(end, open.end())
			}
			open = fragment{}
		case mp4.BoxTypeMoof():
			var err error
			if open, err = m.fragment(b); err != nil || !open.has {
				return err
			}
			if begin < 0 { // the first
				begin = max(0, open.begin-m.audio.length)
				if last := m.lastFragment(int64(b.Offset)); last.has {
					end = last.end()
					return io.EOF
				}
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, errScattered) && m.told > 0 && m.rate > 0:
		return seconds(m.told, m.rate), nil
	case errors.Is(err, errScattered):
		return 0, errLength
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errCut):
		return 0, err
	}
	return seconds(max(0, end-max(begin, 0)), m.audio.rate), nil
}

// lastFragment finds the last fragment, behind the first: the boxes from there
// on end with the file. None, if there is no such, if it does not say where it
// begins, or if reading fails, which it will then do again.
func (m *movie) lastFragment(first int64) fragment {
	at := max(first, m.s.size-mp4Tail)
	b, err := m.s.some(at, mp4Tail)
	if err != nil {
		return fragment{}
	}
	for range maxMoofs {
		n := bytes.LastIndex(b, []byte("moof")) - 4 // behind the length
		if n < 0 {
			break
		}
		var f fragment
		media := false
		err := m.each(at+int64(n), m.s.size, func(b *mp4.BoxInfo) (err error) {
			switch b.Type {
			case mp4.BoxTypeMoof():
				var next fragment
				if next, err = m.fragment(b); next.has {
					f = next
				}
			case mp4.BoxTypeMdat():
				media = true
			}
			return err
		})
		if err == nil && f.has && f.placed && media {
			return f
		}
		b = b[:n+4]
	}
	return fragment{}
}

// fragment reads a moof as far as it is about the audio.
func (m *movie) fragment(b *mp4.BoxInfo) (fragment, error) {
	var f fragment
	err := m.within(b, func(b *mp4.BoxInfo) error {
		if b.Type != mp4.BoxTypeTraf() {
			return nil
		}
		var t trackFragment
		if err := m.within(b, func(b *mp4.BoxInfo) error { return m.part(&t, b) }); err != nil {
			return err
		}
		if t.id == m.audio.id {
			if f.has { // more of the same track
				t.begin, t.placed = f.begin, f.placed
			}
			t.length = min(f.length+t.length, math.MaxInt64/4)
			f, f.has = t.fragment, true
		}
		return nil
	})
	return f, err
}

// trackFragment is a fragment of one track.
type trackFragment struct {
	fragment
	id    uint32
	usual int64 // duration of a sample
}

// part reads a box of a traf.
func (m *movie) part(t *trackFragment, b *mp4.BoxInfo) error {
	switch b.Type {
	case mp4.BoxTypeTfhd():
		var h mp4.Tfhd
		if err := m.read(b, &h); err != nil {
			return err
		}
		t.id, t.usual = h.TrackID, int64(m.trex[h.TrackID])
		if h.CheckFlag(mp4.TfhdDefaultSampleDurationPresent) {
			t.usual = int64(h.DefaultSampleDuration)
		}
	case mp4.BoxTypeTfdt():
		var d mp4.Tfdt
		if err := m.read(b, &d); err != nil {
			return err
		}
		t.begin = length(d.GetVersion(), uint64(d.BaseMediaDecodeTimeV0), d.BaseMediaDecodeTimeV1)
		t.placed = true
	case mp4.BoxTypeTrun():
		n, err := m.run(t, b)
		t.length = min(t.length+n, math.MaxInt64/4)
		return err
	}
	return nil
}

// run is the length of a run of samples (ISO 14496-12, 8.8.8). It may have as
// many entries as the fragment has samples, of which the library would make
// many times the memory, so it is read here; and only read whole if samples are
// not all of the usual length. errLength means that it is too long.
func (m *movie) run(t *trackFragment, b *mp4.BoxInfo) (int64, error) {
	const head = 8                                                  // version, flags, count
	const optional, durations, entry = 0x000005, 0x000100, 0x000F00 // flags of what follows
	size := int64(b.Size - b.HeaderSize)
	p, err := m.s.some(int64(b.Offset+b.HeaderSize), min(head, size))
	if err != nil {
		return 0, err
	}
	if len(p) < head {
		return 0, fmt.Errorf("%w: an mp4 box is shorter than its header", ErrDamaged)
	}
	flags, count := binary.BigEndian.Uint32(p), int64(binary.BigEndian.Uint32(p[4:]))
	if flags&durations == 0 {
		return min(count*min(t.usual, math.MaxInt32), math.MaxInt64/4), nil
	}
	if size > maxRun {
		return 0, errLength
	}
	if p, err = m.s.some(int64(b.Offset+b.HeaderSize), size); err != nil {
		return 0, err
	}
	p = p[min(head+4*bits.OnesCount32(flags&optional), len(p)):]
	var n int64
	for step := 4 * bits.OnesCount32(flags&entry); count > 0 && len(p) >= step; count-- {
		n += int64(binary.BigEndian.Uint32(p)) // the first of an entry
		p = p[step:]
	}
	return n, nil
}
