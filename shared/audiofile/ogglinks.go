package audiofile

import (
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// maxLinks limits the chained streams, maxHeaders the pages at the
	// beginning of each.
	maxLinks   = 32
	maxHeaders = 64
	// oggTail is how far from the end the search for the last page of a stream
	// begins.
	oggTail = 256 << 10
)

// link is one of the chained parts of an Ogg (RFC 3533, 4). Of the streams that
// are multiplexed in it, the first one with Opus or Vorbis counts.
type link struct {
	audio *stream
	// serials are the serial numbers of the streams.
	serials map[uint32]bool
	// last is the last page that is known to belong to the link. number is the number
	// of the last such page of the audio stream.
	last   pageAt
	number uint32
	// packets is the number of packets that end on header pages of the audio
	// stream, except on its first page. broken is set if bytes or pages are
	// missing between the header pages.
	packets int
	broken  bool
	// inside is set once a page other than the first of a stream was read.
	inside bool
}

// oggDuration returns the sum of the durations of the links. It takes the
// duration of each link from its first pages and its last one. A page that is
// damaged or missing is skipped, as players do. Error: errNoDuration if the
// first link is good but the structure of the file is not supported.
func oggDuration(s *source) (time.Duration, error) {
	if s.size <= oggReadAll {
		if err := s.preload(); err != nil {
			return 0, err
		}
	}
	var total time.Duration
	at := int64(0)
	for n := 0; n < maxLinks || s.size <= oggReadAll; n++ {
		l, err := openLink(s, at)
		if err == nil {
			at, err = l.end(s)
		} else if n == 0 {
			return 0, err
		}
		s.found = true
		if errors.Is(err, ErrDamaged) || errors.Is(err, ErrUnknown) {
			return 0, errNoDuration // the first link is good
		}
		if err != nil {
			return 0, err
		}
		total = min(total+l.audio.duration(), maxDuration+1)
		if at >= s.size {
			return total, nil
		}
	}
	return 0, errNoDuration
}

// openLink reads the first pages of a link, up to the first page with audio.
// Streams other than audio, such as Skeleton and Theora, may come first.
func openLink(s *source, next int64) (*link, error) {
	l := &link{serials: map[uint32]bool{}}
	for range maxHeaders {
		p, err := nextPage(s, next)
		if errors.Is(err, io.EOF) {
			l.broken = l.broken || next < s.size
			return l.withoutAudio()
		}
		if err != nil {
			return nil, err
		}
		l.broken = l.broken || p.at != next
		l.inside = l.inside || !p.begins
		next = p.at + p.length
		switch {
		case p.begins && l.inside:
			return l.withoutAudio() // the next link begins
		case p.begins && l.audio == nil:
			l.audio, l.number = newStream(p.page), p.number
		case l.audio != nil && p.serial == l.audio.serial && l.header(p):
			return l, l.checkHeaders()
		}
		l.serials[p.serial], l.last = true, p // its first page may be damaged
	}
	if l.audio == nil {
		return l.withoutAudio()
	}
	return nil, errNoDuration // very long headers
}

// header records a page after the first of the audio stream, and reports
// whether it has audio.
func (l *link) header(p pageAt) bool {
	l.broken = l.broken || p.number != l.number+1
	l.add(p)
	if l.audio.started {
		return true
	}
	for _, n := range p.sizes {
		if n < 255 {
			l.packets++
		}
	}
	return false
}

// checkHeaders returns ErrDamaged if header packets are missing because pages are
// missing.
func (l *link) checkHeaders() error {
	if l.broken && l.packets < l.audio.headers {
		return fmt.Errorf("%w: the headers of the Ogg are incomplete", ErrDamaged)
	}
	return nil
}

// withoutAudio returns the link if it has headers only, as in an empty recording.
// Errors: ErrUnknown, ErrDamaged.
func (l *link) withoutAudio() (*link, error) {
	switch {
	case l.broken || l.last.length == 0:
		return nil, fmt.Errorf("%w: no audio in the Ogg", ErrDamaged)
	case l.audio == nil:
		return nil, fmt.Errorf("%w: no Opus and no Vorbis in the Ogg", ErrUnknown)
	}
	return l, nil
}

// owns reports whether a page after those added belongs to the link.
func (l *link) owns(p pageAt) bool {
	return l.serials[p.serial] && !p.begins && (p.serial != l.audio.serial || p.number > l.number)
}

// add records a page of the link.
func (l *link) add(p pageAt) {
	missing := uint32(0)
	if p.serial == l.audio.serial {
		if p.number > l.number {
			missing = p.number - l.number - 1
		}
		l.number = p.number
	}
	l.last = p
	l.audio.page(p.page, missing)
}

// addAll records the pages up to the first that does not belong to the link,
// and reports whether all belong to it. It skips pages that are already
// recorded.
func (l *link) addAll(pages []pageAt) bool {
	for _, p := range pages {
		if p.at <= l.last.at {
			continue
		}
		if !l.owns(p) {
			return false
		}
		l.add(p)
	}
	return true
}

// end returns the offset where the link ends: the size of the file, or the
// beginning of the next link. It reads all pages of a small file.
func (l *link) end(s *source) (int64, error) {
	if s.size > oggReadAll {
		return l.search(s)
	}
	for {
		p, err := nextPage(s, l.last.at+l.last.length)
		switch {
		case errors.Is(err, io.EOF):
			return s.size, nil
		case err != nil:
			return 0, err
		case p.begins:
			return p.at, nil
		}
		l.add(p)
	}
}

// search returns the offset where a link of a large file ends. It first samples
// three places before the end, to detect another link that reuses the serial number
// of this one, and then the end itself. If one of them belongs to another link, it
// bisects the distance.
func (l *link) search(s *source) (int64, error) {
	begin := l.last.at + l.last.length
	for i := int64(1); i <= 3; i++ {
		at := begin + (s.size-begin)/4*i
		pages, err := pagesFrom(s, at)
		if err != nil {
			return 0, err
		}
		if !l.addAll(pages) {
			return l.border(s, at)
		}
	}
	position := l.audio.last
	for _, n := range []int64{spanSize, oggTail} {
		at := max(l.last.at, s.size-n)
		b, err := s.readUpTo(at, n)
		if err != nil {
			return 0, err
		}
		pages, err := s.pagesIn(b, at)
		if err != nil {
			return 0, err
		}
		if !l.addAll(pages) {
			return l.border(s, at)
		}
		if l.audio.last > position || at == l.last.at {
			return s.size, nil
		}
	}
	return 0, errNoDuration // the last page of the stream is too far from the end
}

// border returns the offset where the link ends. The first page at or after the
// offset after belongs to another link.
func (l *link) border(s *source, after int64) (int64, error) {
	for after-l.last.at > spanSize {
		at := l.last.at + (after-l.last.at)/2
		pages, err := pagesFrom(s, at)
		if err != nil {
			return 0, err
		}
		if len(pages) == 0 {
			return 0, errNoDuration
		}
		if !l.owns(pages[0]) && pages[0].at > l.last.at {
			after = at
			continue
		}
		before := l.last.at
		if !l.addAll(pages) {
			return l.last.at + l.last.length, nil
		}
		if l.last.at == before {
			return 0, errNoDuration
		}
	}
	// One page may cross the offset, and the next link begins after it.
	b, err := s.readUpTo(l.last.at, max(0, after-l.last.at)+2*oggPage)
	if err != nil {
		return 0, err
	}
	pages, err := s.pagesIn(b, l.last.at)
	if err != nil {
		return 0, err
	}
	if l.addAll(pages) {
		return 0, errNoDuration
	}
	return l.last.at + l.last.length, nil
}
