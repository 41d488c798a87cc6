package audiofile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

const (
	// opusRate is what positions in Ogg Opus count in, whatever the sound was
	// sampled with (RFC 7845, 4).
	opusRate = 48000

	vorbisMagic = "\x01vorbis"
	// vorbisHeader is the length of Vorbis's first packet (Vorbis I, 4.2.2).
	vorbisHeader = 30

	// oggThrough is the size up to which an Ogg is read through: it takes no
	// more than a look at several places of it.
	oggThrough = 256 << 10
)

// oggDuration is the length of the streams that follow one another.
func oggDuration(s *source) (time.Duration, error) {
	if s.size > oggThrough {
		return oggLinks(s)
	}
	return oggPages(s)
}

// oggPages reads the positions of all pages, and adds up the streams.
func oggPages(s *source) (time.Duration, error) {
	b, err := s.some(0, s.size)
	if err != nil {
		return 0, err
	}
	var heard *stream
	var total time.Duration // of the streams before
	for len(b) > 0 {
		p, ok := parsePage(b)
		if !ok {
			break // cut off in the middle of a page, which does not count, or no Ogg any more
		}
		if !p.sound {
			return 0, fmt.Errorf("%w: an Ogg page's checksum is wrong", ErrDamaged)
		}
		b = b[p.length:]
		if next := newStream(p); next != nil {
			total = min(total+heard.duration(), longest+1)
			heard = next
			continue
		}
		if heard == nil {
			return 0, fmt.Errorf("%w: no Opus and no Vorbis in the Ogg", ErrUnknown)
		}
		heard.page(p)
	}
	if heard == nil {
		return 0, fmt.Errorf("%w: no page in the Ogg", ErrDamaged)
	}
	return min(total+heard.duration(), longest+1), nil
}

// stream is one logical stream of an Ogg. Positions count samples.
type stream struct {
	serial uint32
	rate   int64
	opus   bool
	skip   int64 // samples at the beginning that are not to be heard (RFC 7845, 4.2)

	begun       bool
	first, last int64
}

// newStream makes a stream if the page has the first packet of one.
func newStream(p page) *stream {
	if head, err := oggreader.ParseOpusHead(p.payload); err == nil && bytes.HasPrefix(p.payload, []byte(oggreader.HeaderOpusID)) {
		return &stream{serial: p.serial, rate: opusRate, opus: true, skip: int64(head.PreSkip)}
	}
	if len(p.payload) == vorbisHeader && bytes.HasPrefix(p.payload, []byte(vorbisMagic)) {
		if rate := int64(binary.LittleEndian.Uint32(p.payload[12:])); rate > 0 {
			return &stream{serial: p.serial, rate: rate}
		}
	}
	return nil
}

// page notes the position of a page of the stream: that of the last sample
// that ends on it. Headers have 0, and a page on which no packet ends has -1.
func (s *stream) page(p page) {
	if p.serial != s.serial || p.position <= 0 {
		return
	}
	if !s.begun {
		s.begun = true
		if s.opus { // a stream joined while it ran does not begin at 0 (RFC 7845, 4.5)
			s.first = max(0, p.position-opusSamples(p.sizes, p.payload))
		}
	}
	s.last = max(s.last, p.position)
}

// duration of the stream; nil has none.
func (s *stream) duration() time.Duration {
	if s == nil {
		return 0
	}
	return min(seconds(max(0, s.last-s.first-s.skip), s.rate), longest+1)
}
