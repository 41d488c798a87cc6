package audiofile

import (
	"math"

	"github.com/abema/go-mp4"
)

// header reads a box of moov.
func (m *movie) header(b *mp4.BoxInfo) error {
	switch b.Type {
	case mp4.BoxTypeMvhd():
		var h mp4.Mvhd
		if err := m.read(b, &h); err != nil {
			return err
		}
		m.rate = int64(h.Timescale)
	case mp4.BoxTypeTrak():
		var t track
		if err := m.within(b, func(b *mp4.BoxInfo) error { return m.track(&t, b) }); err != nil {
			return err
		}
		if t.isAudio && t.rate > 0 && m.audio == nil {
			m.audio = &t
		}
	case mp4.BoxTypeMvex():
		m.fragments = true
		return m.within(b, m.extends)
	}
	return nil
}

// track reads a box of trak, or of the mdia or the edts in it.
func (m *movie) track(t *track, b *mp4.BoxInfo) error {
	switch b.Type {
	case mp4.BoxTypeMdia(), mp4.BoxTypeEdts():
		return m.within(b, func(b *mp4.BoxInfo) error { return m.track(t, b) })
	case mp4.BoxTypeTkhd():
		var h mp4.Tkhd
		if err := m.read(b, &h); err != nil {
			return err
		}
		t.id = h.TrackID
	case mp4.BoxTypeMdhd():
		var h mp4.Mdhd
		if err := m.read(b, &h); err != nil {
			return err
		}
		t.rate = int64(h.Timescale)
		t.length = length(h.GetVersion(), uint64(h.DurationV0), h.DurationV1)
	case mp4.BoxTypeHdlr():
		var h mp4.Hdlr
		if err := m.read(b, &h); err != nil {
			return err
		}
		t.isAudio = string(h.HandlerType[:]) == "soun"
	case mp4.BoxTypeElst():
		var e mp4.Elst
		if err := m.read(b, &e); err != nil {
			return err
		}
		for _, one := range e.Entries {
			t.edited += length(e.GetVersion(), uint64(one.SegmentDurationV0), one.SegmentDurationV1)
			t.edited = min(t.edited, math.MaxInt64/4)
		}
	}
	return nil
}

// extends reads a box of mvex.
func (m *movie) extends(b *mp4.BoxInfo) error {
	switch b.Type {
	case mp4.BoxTypeMehd():
		var h mp4.Mehd
		if err := m.read(b, &h); err != nil {
			return err
		}
		m.told = length(h.GetVersion(), uint64(h.FragmentDurationV0), h.FragmentDurationV1)
	case mp4.BoxTypeTrex():
		var x mp4.Trex
		if err := m.read(b, &x); err != nil {
			return err
		}
		m.trex[x.TrackID] = x.DefaultSampleDuration
	}
	return nil
}

// length is a duration of a box, which has 32 bits in version 0 and 64 in
// version 1. All bits set mean that it is not known (ISO 14496-12, 8.2.2).
func length(version uint8, v0, v1 uint64) int64 {
	if version == 0 {
		if v0 == math.MaxUint32 {
			return 0
		}
		return int64(v0)
	}
	if v1 == math.MaxUint64 {
		return 0
	}
	return int64(min(v1, math.MaxInt64/4))
}
