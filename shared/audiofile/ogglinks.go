package audiofile

import (
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// maxLinks is how many streams behind one another are looked for, and
	// maxHeaders how many pages at the beginning of each.
	maxLinks   = 32
	maxHeaders = 64
	// oggTail is how far from the end the last page of a stream is looked for.
	oggTail = 256 << 10
)

// link is one of the parts of an Ogg that follow one another (RFC 3533, 4:
// chained streams). Of the streams that run side by side in it, one is heard.
type link struct {
	heard   *stream
	serials map[uint32]bool
	// last is the last page that is known to be of the link, and number the
	// last of those of the stream that is heard.
	last   placed
	number uint32
}

// oggLinks is the length of a large Ogg: of each link from its first pages and
// its last. Errors: errLength if the Ogg is not one that this understands.
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
			return 0, errLength // it began well
		}
		if err != nil {
			return 0, err
		}
		total = min(total+l.heard.duration(), longest+1)
		if at >= s.size {
			return total, nil
		}
	}
	return 0, errLength
}

// openLink reads the first pages of a link, up to that with the first sound.
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
			if l.heard == nil {
				l.heard = newStream(p.page)
			}
			continue
		}
		if l.heard == nil {
			return nil, fmt.Errorf("%w: no Opus and no Vorbis in the Ogg", ErrUnknown)
		}
		l.note(p)
		if l.heard.begun {
			return l, nil
		}
	}
	return nil, fmt.Errorf("%w: no sound in the Ogg", ErrDamaged)
}

// has reports whether a page that lies behind those noted is of the link.
func (l *link) has(p placed) bool {
	return l.serials[p.serial] && !p.begins && (p.serial != l.heard.serial || p.number > l.number)
}

// note notes a page of the link.
func (l *link) note(p placed) {
	if p.serial == l.heard.serial {
		l.number = p.number
	}
	l.last = p
	l.heard.page(p.page)
}

// noteAll notes the pages as far as they are the link's, and reports whether
// all are. What is noted already is passed over.
func (l *link) noteAll(pages []placed) bool {
	for _, p := range pages {
		if p.at <= l.last.at {
			continue
		}
		if !l.has(p) {
			return false
		}
		l.note(p)
	}
	return true
}

// end is where the link ends: the size, or where the next one begins. It looks
// at three places on the way to the end, for another link between that has the
// serial of this one; then at the end; and where one of them is of another
// link, it halves the distance to it.
func (l *link) end(s *source) (int64, error) {
	begin := l.last.at + l.last.length
	for i := int64(1); i <= 3; i++ {
		at := begin + (s.size-begin)/4*i
		pages, err := pagesFrom(s, at)
		if err != nil {
			return 0, err
		}
		if !l.noteAll(pages) {
			return l.border(s, at)
		}
	}
	position := l.heard.last
	for _, n := range []int64{spanSize, oggTail} {
		at := max(l.last.at, s.size-n)
		b, err := s.some(at, n)
		if err != nil {
			return 0, err
		}
		if !l.noteAll(pagesIn(b, at)) {
			return l.border(s, at)
		}
		if l.heard.last > position || at == l.last.at {
			return s.size, nil
		}
	}
	return 0, errLength // the last page of the stream is not near the end
}

// border is the end of the link, which lies before the first page behind the
// place.
func (l *link) border(s *source, after int64) (int64, error) {
	for after-l.last.at > spanSize {
		at := l.last.at + (after-l.last.at)/2
		pages, err := pagesFrom(s, at)
		if err != nil {
			return 0, err
		}
		if len(pages) == 0 {
			return 0, errLength
		}
		if !l.has(pages[0]) && pages[0].at > l.last.at {
			after = at
			continue
		}
		before := l.last.at
		if !l.noteAll(pages) {
			return l.last.at + l.last.length, nil
		}
		if l.last.at == before {
			return 0, errLength
		}
	}
	// One page may reach over the place, and the next link begins behind it.
	b, err := s.some(l.last.at, max(0, after-l.last.at)+2*oggPage)
	if err != nil {
		return 0, err
	}
	if l.noteAll(pagesIn(b, l.last.at)) {
		return 0, errLength
	}
	return l.last.at + l.last.length, nil
}
