package audiofile

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

const (
	// opusRate is the rate of positions in Ogg Opus, for any sample rate of the
	// input (RFC 7845, 4).
	opusRate = 48000

	vorbisMagic = "\x01vorbis"
	// vorbisHeader is the length of the first Vorbis packet (Vorbis I, 4.2.2).
	vorbisHeader = 30

	// oggReadAll is the size up to which an Ogg is read completely. This takes
	// no more bytes than spans at several places.
	oggReadAll = 256 << 10

	// maxMissing limits the pages that count as lost in front of the first page
	// with audio. A larger gap in the page numbers is where a recording joined a
	// live stream.
	maxMissing = 8
)

// stream is one logical stream of an Ogg. Positions count samples.
type stream struct {
	serial uint32
	rate   int64
	opus   bool
	skip   int64 // samples at the beginning that players discard (RFC 7845, 4.2)
	// headers is the number of header packets after the first. A player needs
	// all of them (RFC 7845, 5; Vorbis I, 4.2.1).
	headers int

	started     bool
	first, last int64
}

// newStream returns a stream if the page holds the first packet of one, and
// otherwise nil.
func newStream(p page) *stream {
	if head, err := oggreader.ParseOpusHead(p.payload); err == nil && bytes.HasPrefix(p.payload, []byte(oggreader.HeaderOpusID)) {
		return &stream{serial: p.serial, rate: opusRate, opus: true, skip: int64(head.PreSkip), headers: 1}
	}
	if len(p.payload) == vorbisHeader && bytes.HasPrefix(p.payload, []byte(vorbisMagic)) {
		if rate := int64(binary.LittleEndian.Uint32(p.payload[12:])); rate > 0 {
			return &stream{serial: p.serial, rate: rate, headers: 2}
		}
	}
	return nil
}

// page records the position of a page of the stream: the number of samples up
// to the end of the page. Header pages have position 0, and a page on which no
// packet ends has -1. missing is the number of pages that are lost before this
// one. Each counts as long as this one if the stream begins with them.
func (s *stream) page(p page, missing uint32) {
	if p.serial != s.serial || p.position <= 0 {
		return
	}
	if !s.started {
		s.started = true
		if s.opus { // a recording that joined a live stream does not begin at 0 (RFC 7845, 4.5)
			if missing > maxMissing {
				missing = 0
			}
			s.first = max(0, p.position-opusSamples(p.sizes, p.payload)*(1+int64(missing)))
		}
	}
	s.last = max(s.last, p.position)
}

// duration returns the duration of the stream, 0 for nil.
func (s *stream) duration() time.Duration {
	if s == nil {
		return 0
	}
	return min(seconds(max(0, s.last-s.first-s.skip), s.rate), maxDuration+1)
}
