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
	audio   *stream
	serials map[uint32]bool
	// last is the last page that is known to belong to the link. number is that
	// of the last such page of the audio stream.
	last   pageAt
	number uint32
}

// oggLinks returns the duration of a large Ogg. It takes the duration of each
// link from its first pages and its last one. Error: errNoDuration if the
// structure of the file is not supported.
func oggLinks(s *source) (time.Duration, error) {
	var total time.Duration
	at := int64(0)
	for range maxLinks {
		l, err := openLink(s, at)
		if err == nil {
			at, err = l.end(s)
		} else if at == 0 {
			return 0, err
		}
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
func openLink(s *source, at int64) (*link, error) {
	l := &link{serials: map[uint32]bool{}}
	for range maxHeaders {
		p, err := onePage(s, at)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		at += p.length
		if p.begins {
			l.serials[p.serial] = true
			if l.audio == nil {
				l.audio = newStream(p.page)
			}
			continue
		}
		if l.audio == nil {
			return nil, fmt.Errorf("%w: no Opus and no Vorbis in the Ogg", ErrUnknown)
		}
		l.add(p)
		if l.audio.started {
			return l, nil
		}
	}
	return nil, fmt.Errorf("%w: no audio in the Ogg", ErrDamaged)
}

// owns reports whether a page after those added belongs to the link.
func (l *link) owns(p pageAt) bool {
	return l.serials[p.serial] && !p.begins && (p.serial != l.audio.serial || p.number > l.number)
}

// add records a page of the link.
func (l *link) add(p pageAt) {
	if p.serial == l.audio.serial {
		l.number = p.number
	}
	l.last = p
	l.audio.page(p.page)
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
// beginning of the next link. It samples three places up to the end, to detect
// a link between that reuses the serial number of this one, and then the end
// itself. If one of them belongs to another link, it bisects the distance.
func (l *link) end(s *source) (int64, error) {
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
		if !l.addAll(pagesIn(b, at)) {
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
	if l.addAll(pagesIn(b, l.last.at)) {
		return 0, errNoDuration
	}
	return l.last.at + l.last.length, nil
}
