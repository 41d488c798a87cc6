package audiofile

import (
	"bytes"
	"encoding/binary"
	"fmt"
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
)

// oggDuration returns the sum of the durations of the chained streams.
func oggDuration(s *source) (time.Duration, error) {
	if s.size > oggReadAll {
		return oggLinks(s)
	}
	return oggPages(s)
}

// oggPages reads the positions of all pages, and adds up the streams.
func oggPages(s *source) (time.Duration, error) {
	b, err := s.readUpTo(0, s.size)
	if err != nil {
		return 0, err
	}
	var current *stream
	var total time.Duration // of the previous streams
	for len(b) > 0 {
		p, ok := parsePage(b)
		if !ok {
			break // a truncated page, which does not count, or something other than Ogg
		}
		if !p.valid {
			return 0, fmt.Errorf("%w: an Ogg page's checksum is wrong", ErrDamaged)
		}
		b = b[p.length:]
		if next := newStream(p); next != nil {
			total = min(total+current.duration(), maxDuration+1)
			current = next
			continue
		}
		if current == nil {
			return 0, fmt.Errorf("%w: no Opus and no Vorbis in the Ogg", ErrUnknown)
		}
		current.page(p)
	}
	if current == nil {
		return 0, fmt.Errorf("%w: no page in the Ogg", ErrDamaged)
	}
	return min(total+current.duration(), maxDuration+1), nil
}

// stream is one logical stream of an Ogg. Positions count samples.
type stream struct {
	serial uint32
	rate   int64
	opus   bool
	skip   int64 // samples at the beginning that players discard (RFC 7845, 4.2)

	started     bool
	first, last int64
}

// newStream returns a stream if the page holds the first packet of one, and
// otherwise nil.
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

// page records the position of a page of the stream: the number of samples up
// to the end of the page. Header pages have position 0, and a page on which no
// packet ends has -1.
func (s *stream) page(p page) {
	if p.serial != s.serial || p.position <= 0 {
		return
	}
	if !s.started {
		s.started = true
		if s.opus { // a recording that joined a live stream does not begin at 0 (RFC 7845, 4.5)
			s.first = max(0, p.position-opusSamples(p.sizes, p.payload))
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
