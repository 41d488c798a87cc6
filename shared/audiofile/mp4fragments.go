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
	// mp4Tail is how far from the end the search for the last fragment begins.
	// maxMoofs limits the places that contain "moof" and are tried.
	mp4Tail  = 128 << 10
	maxMoofs = 16
	// maxRun is the maximum size of a trun box that is read. It holds some
	// minutes if each sample has its own duration.
	maxRun = 128 << 10
)

// fragment is the audio of one fragment, in units of the track's rate.
type fragment struct {
	begin, length int64
	hasBegin      bool // the file gives begin
	hasTrack      bool // the fragment contains samples of the track
}

func (f fragment) end() int64 { return min(f.begin, math.MaxInt64/4) + f.length }

// fragmented returns the duration of a fragmented movie: from the beginning of
// the first fragment to the end of the last, or otherwise the sum of all. The
// fragments follow the offset moovEnd. If there are too many, it is the
// duration in mehd.
func (m *movie) fragmented(moovEnd int64) (time.Duration, error) {
	begin, end := int64(-1), m.audio.length // end of the samples that moov itself describes
	var open fragment                       // its mdat has not been visited
	err := m.eachBox(moovEnd, m.s.size, func(b *mp4.BoxInfo) error {
		switch b.Type {
		case mp4.BoxTypeMdat():
			if open.hasTrack && !open.hasBegin {
				open.begin = end
			}
			if open.hasTrack {
				end = max(end, open.end())
			}
			open = fragment{}
		case mp4.BoxTypeMoof():
			var err error
			if open, err = m.fragment(b); err != nil || !open.hasTrack {
				return err
			}
			if begin < 0 { // the first
				begin = max(0, open.begin-m.audio.length)
				if last := m.lastFragment(int64(b.Offset)); last.hasTrack {
					end = last.end()
					return io.EOF
				}
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, errTooManyReads) && m.mehd > 0 && m.rate > 0:
		return seconds(m.mehd, m.rate), nil
	case errors.Is(err, errTooManyReads):
		return 0, errNoDuration
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errTruncated):
		return 0, err
	}
	return seconds(max(0, end-max(begin, 0)), m.audio.rate), nil
}

// lastFragment finds the last fragment after the first, such that valid boxes
// fill the file from there to its end. The result is empty if no fragment
// qualifies, if the fragment does not give its beginning, or if reading fails.
// The caller then reads on and meets the same error.
func (m *movie) lastFragment(first int64) fragment {
	at := max(first, m.s.size-mp4Tail)
	b, err := m.s.readUpTo(at, mp4Tail)
	if err != nil {
		return fragment{}
	}
	for range maxMoofs {
		n := bytes.LastIndex(b, []byte("moof")) - 4 // the size precedes the type
		if n < 0 {
			break
		}
		var f fragment
		media := false
		err := m.eachBox(at+int64(n), m.s.size, func(b *mp4.BoxInfo) (err error) {
			switch b.Type {
			case mp4.BoxTypeMoof():
				var next fragment
				if next, err = m.fragment(b); next.hasTrack {
					f = next
				}
			case mp4.BoxTypeMdat():
				media = true
			}
			return err
		})
		if err == nil && f.hasTrack && f.hasBegin && media {
			return f
		}
		b = b[:n+4]
	}
	return fragment{}
}

// fragment reads the parts of a moof that concern the audio track.
func (m *movie) fragment(b *mp4.BoxInfo) (fragment, error) {
	var f fragment
	err := m.eachChild(b, func(b *mp4.BoxInfo) error {
		if b.Type != mp4.BoxTypeTraf() {
			return nil
		}
		var t trackFragment
		if err := m.eachChild(b, func(b *mp4.BoxInfo) error { return m.trafBox(&t, b) }); err != nil {
			return err
		}
		if t.id == m.audio.id {
			if f.hasTrack { // a further traf of the same track
				t.begin, t.hasBegin = f.begin, f.hasBegin
			}
			t.length = min(f.length+t.length, math.MaxInt64/4)
			f, f.hasTrack = t.fragment, true
		}
		return nil
	})
	return f, err
}

// trackFragment is the fragment of one track.
type trackFragment struct {
	fragment
	id              uint32
	defaultDuration int64 // of a sample
}

// trafBox reads a child of a traf.
func (m *movie) trafBox(t *trackFragment, b *mp4.BoxInfo) error {
	switch b.Type {
	case mp4.BoxTypeTfhd():
		var h mp4.Tfhd
		if err := m.readBox(b, &h); err != nil {
			return err
		}
		t.id, t.defaultDuration = h.TrackID, int64(m.trex[h.TrackID])
		if h.CheckFlag(mp4.TfhdDefaultSampleDurationPresent) {
			t.defaultDuration = int64(h.DefaultSampleDuration)
		}
	case mp4.BoxTypeTfdt():
		var d mp4.Tfdt
		if err := m.readBox(b, &d); err != nil {
			return err
		}
		t.begin = length(d.GetVersion(), uint64(d.BaseMediaDecodeTimeV0), d.BaseMediaDecodeTimeV1)
		t.hasBegin = true
	case mp4.BoxTypeTrun():
		n, err := m.trunDuration(t, b)
		t.length = min(t.length+n, math.MaxInt64/4)
		return err
	}
	return nil
}

// trunDuration returns the duration of a run of samples (ISO 14496-12, 8.8.8).
// The box may have an entry for each sample, and the library would take many
// times its size in memory, so it is parsed here. It is only read completely if
// the samples have their own durations. Error: errNoDuration if it is then too
// long.
func (m *movie) trunDuration(t *trackFragment, b *mp4.BoxInfo) (int64, error) {
	const head = 8                                                  // version, flags, count
	const optional, durations, entry = 0x000005, 0x000100, 0x000F00 // flags for the fields that follow
	size := int64(b.Size - b.HeaderSize)
	p, err := m.s.readUpTo(int64(b.Offset+b.HeaderSize), min(head, size))
	if err != nil {
		return 0, err
	}
	if len(p) < head {
		return 0, fmt.Errorf("%w: an mp4 box is shorter than its header", ErrDamaged)
	}
	flags, count := binary.BigEndian.Uint32(p), int64(binary.BigEndian.Uint32(p[4:]))
	if flags&durations == 0 {
		return min(count*min(t.defaultDuration, math.MaxInt32), math.MaxInt64/4), nil
	}
	if size > maxRun {
		return 0, errNoDuration
	}
	if p, err = m.s.readUpTo(int64(b.Offset+b.HeaderSize), size); err != nil {
		return 0, err
	}
	p = p[min(head+4*bits.OnesCount32(flags&optional), len(p)):]
	var n int64
	for step := 4 * bits.OnesCount32(flags&entry); count > 0 && len(p) >= step; count-- {
		n += int64(binary.BigEndian.Uint32(p)) // the duration is the first field of an entry
		p = p[step:]
	}
	return n, nil
}
