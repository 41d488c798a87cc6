package audiofile

import (
	"math"

	"github.com/abema/go-mp4"
)

// moovBox reads a child of moov.
func (m *movie) moovBox(b *mp4.BoxInfo) error {
	switch b.Type {
	case mp4.BoxTypeMvhd():
		var h mp4.Mvhd
		if err := m.readBox(b, &h); err != nil {
			return err
		}
		m.rate = int64(h.Timescale)
	case mp4.BoxTypeTrak():
		var t track
		if err := m.eachChild(b, func(b *mp4.BoxInfo) error { return m.trakBox(&t, b) }); err != nil {
			return err
		}
		if t.isAudio && t.rate > 0 && m.audio == nil {
			m.audio, m.s.found = &t, true
		}
	case mp4.BoxTypeMvex():
		m.fragments = true
		return m.eachChild(b, m.mvexBox)
	}
	return nil
}

// trakBox reads a child of trak, or of an mdia or edts in it.
func (m *movie) trakBox(t *track, b *mp4.BoxInfo) error {
	switch b.Type {
	case mp4.BoxTypeMdia(), mp4.BoxTypeEdts():
		return m.eachChild(b, func(b *mp4.BoxInfo) error { return m.trakBox(t, b) })
	case mp4.BoxTypeTkhd():
		var h mp4.Tkhd
		if err := m.readBox(b, &h); err != nil {
			return err
		}
		t.id = h.TrackID
	case mp4.BoxTypeMdhd():
		var h mp4.Mdhd
		if err := m.readBox(b, &h); err != nil {
			return err
		}
		t.rate = int64(h.Timescale)
		t.length = length(h.GetVersion(), uint64(h.DurationV0), h.DurationV1)
	case mp4.BoxTypeHdlr():
		var h mp4.Hdlr
		if err := m.readBox(b, &h); err != nil {
			return err
		}
		t.isAudio = string(h.HandlerType[:]) == "soun"
	case mp4.BoxTypeElst():
		var e mp4.Elst
		if err := m.readBox(b, &e); err != nil {
			return err
		}
		for _, edit := range e.Entries {
			t.edited += length(e.GetVersion(), uint64(edit.SegmentDurationV0), edit.SegmentDurationV1)
			t.edited = min(t.edited, math.MaxInt64/4)
		}
	}
	return nil
}

// mvexBox reads a child of mvex.
func (m *movie) mvexBox(b *mp4.BoxInfo) error {
	switch b.Type {
	case mp4.BoxTypeMehd():
		var h mp4.Mehd
		if err := m.readBox(b, &h); err != nil {
			return err
		}
		m.mehd = length(h.GetVersion(), uint64(h.FragmentDurationV0), h.FragmentDurationV1)
	case mp4.BoxTypeTrex():
		var x mp4.Trex
		if err := m.readBox(b, &x); err != nil {
			return err
		}
		m.trex[x.TrackID] = x.DefaultSampleDuration
	}
	return nil
}

// length returns a duration field. It has 32 bits in version 0 and 64 in
// version 1. If all bits are set, the duration is unknown (ISO 14496-12,
// 8.2.2), and length returns 0.
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
