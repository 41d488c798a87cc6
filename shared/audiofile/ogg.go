package audiofile

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pion/webrtc/v4/pkg/media/oggreader"
)

const (
	// opusRate is what positions in Ogg Opus count in, whatever the sound was
	// sampled with (RFC 7845, 4).
	opusRate = 48000

	oggMagic = "OggS"
	// oggHeader is the length of a page's header without its segment table,
	// whose length is the last byte (RFC 3533, 6).
	oggHeader = 27
	// oggPage is the most that a page can have.
	oggPage = oggHeader + 255 + 255*255

	vorbisMagic = "\x01vorbis"
	// vorbisHeader is the length of Vorbis's first packet (Vorbis I, 4.2.2).
	vorbisHeader = 30
)

// stream is one logical stream of an Ogg. Positions count samples.
type stream struct {
	serial uint32
	rate   int64
	opus   bool
	skip   int64 // samples at the beginning that are not to be heard (RFC 7845, 4.2)

	begun       bool
	first, last int64
}

// oggDuration reads the positions of all pages, and adds up the streams that
// follow one another.
func oggDuration(r *io.SectionReader) (time.Duration, error) {
	in := bufio.NewReaderSize(r, 2*oggPage)
	pages, err := oggreader.NewWithOptions(in)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	var s *stream
	var total time.Duration // of the streams before s
	for {
		sizes, ok := segments(in)
		if !ok {
			break // the end, or what is no Ogg any more
		}
		payload, page, err := pages.ParseNextPage()
		if ended(err) {
			break // cut off in the middle of a page, which does not count
		}
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if next := newStream(payload, page.Serial); next != nil {
			total = min(total+s.duration(), longest+1)
			s = next
			continue
		}
		if s == nil {
			return 0, fmt.Errorf("%w: no Opus and no Vorbis in the Ogg", ErrUnknown)
		}
		if page.Serial == s.serial {
			s.page(int64(page.GranulePosition), sizes, payload)
		}
	}
	if s == nil {
		return 0, fmt.Errorf("%w: no page in the Ogg", ErrDamaged)
	}
	return min(total+s.duration(), longest+1), nil
}

// ended reports whether err is that of a file at its end.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// segments reads the segment table of the page to come, which the library
// keeps for itself. It reports false where no page comes.
func segments(in *bufio.Reader) ([]byte, bool) {
	b, _ := in.Peek(oggHeader + 255)
	if len(b) < oggHeader || !bytes.HasPrefix(b, []byte(oggMagic)) {
		return nil, false
	}
	n := int(b[oggHeader-1])
	if len(b) < oggHeader+n {
		return nil, false
	}
	return bytes.Clone(b[oggHeader : oggHeader+n]), true
}

// newStream makes a stream if payload is the first packet of one.
func newStream(payload []byte, serial uint32) *stream {
	if head, err := oggreader.ParseOpusHead(payload); err == nil && bytes.HasPrefix(payload, []byte(oggreader.HeaderOpusID)) {
		return &stream{serial: serial, rate: opusRate, opus: true, skip: int64(head.PreSkip)}
	}
	if len(payload) == vorbisHeader && bytes.HasPrefix(payload, []byte(vorbisMagic)) {
		if rate := int64(binary.LittleEndian.Uint32(payload[12:])); rate > 0 {
			return &stream{serial: serial, rate: rate}
		}
	}
	return nil
}

// page notes the position of a page: that of the last sample that ends on it.
// Headers have 0, and a page on which no packet ends has -1.
func (s *stream) page(position int64, sizes, payload []byte) {
	if position <= 0 {
		return
	}
	if !s.begun {
		s.begun = true
		if s.opus { // a stream joined while it ran does not begin at 0 (RFC 7845, 4.5)
			s.first = max(0, position-opusSamples(sizes, payload))
		}
	}
	s.last = max(s.last, position)
}

// duration of the stream; nil has none.
func (s *stream) duration() time.Duration {
	if s == nil {
		return 0
	}
	return min(seconds(max(0, s.last-s.first-s.skip), s.rate), longest+1)
}

// opusSamples adds up the packets that end on a page.
func opusSamples(sizes, payload []byte) int64 {
	var n int64
	begin, end := 0, 0
	for _, size := range sizes {
		end += int(size)
		if size == 255 {
			continue // the packet goes on
		}
		if end <= len(payload) {
			n += packetSamples(payload[begin:end])
		}
		begin = end
	}
	return n
}

// packetSamples is the length of an Opus packet at 48 kHz, as its first two
// bytes tell (RFC 6716, 3.1 and 3.2).
func packetSamples(p []byte) int64 {
	if len(p) == 0 {
		return 0
	}
	var frame int64
	switch config := p[0] >> 3; {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		frame = [4]int64{480, 960, 1920, 2880}[config%4]
	case config < 16: // hybrid: 10, 20 ms
		frame = [2]int64{480, 960}[config%2]
	default: // CELT: 2.5, 5, 10, 20 ms
		frame = [4]int64{120, 240, 480, 960}[config%4]
	}
	switch p[0] & 3 {
	case 0:
		return frame
	case 3:
		if len(p) < 2 {
			return 0
		}
		return frame * int64(p[1]&63)
	}
	return 2 * frame
}
