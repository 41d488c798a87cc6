package audiofile

import (
	"errors"
	"fmt"
	"io"
)

const (
	// spanSize is how much is fetched where a little is asked for: what is
	// asked for next lies mostly near, and a request costs more than its bytes.
	spanSize = 64 << 10
	// maxReads bounds the reads of one file, other than those of an mp3 that
	// is read through. Ordinary files take two to eight; more are needed for
	// Oggs of many streams and mp4 in many fragments.
	maxReads = 128
)

// errScattered means that a file is made so that its figures lead to more
// places than are looked at.
var errScattered = fmt.Errorf("%w: it takes too many reads", ErrDamaged)

// source is the audio, with the last few spans that were fetched of it.
type source struct {
	r    io.ReaderAt
	size int64
	left int   // reads
	err  error // of the last read, if it was not the end

	spans [4]span
	next  int // the span to give up
}

// span is a part of the audio that was fetched.
type span struct {
	at   int64
	data []byte
}

// ReadAt reads from a span, or makes one that begins at the place; what is
// longer than a span is read past them. Errors: io.EOF at the end,
// errScattered, those of the reader below.
func (s *source) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at >= s.size {
		return 0, io.EOF
	}
	there := p[:min(int64(len(p)), s.size-at)]
	n, err := s.readAt(there, at)
	if s.err = err; errors.Is(err, io.EOF) {
		s.err = nil
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// readAt fills p, which lies within the size.
func (s *source) readAt(p []byte, at int64) (int, error) {
	for i := range s.spans {
		if from := at - s.spans[i].at; from >= 0 && from+int64(len(p)) <= int64(len(s.spans[i].data)) {
			return copy(p, s.spans[i].data[from:]), nil
		}
	}
	if s.left--; s.left < 0 {
		return 0, errScattered
	}
	if len(p) > spanSize {
		n, err := s.r.ReadAt(p, at)
		if n == len(p) {
			err = nil
		}
		return n, err
	}
	c := &s.spans[s.next]
	s.next = (s.next + 1) % len(s.spans)
	c.at, c.data = at, grown(c.data, min(spanSize, s.size-at))
	n, err := s.r.ReadAt(c.data, at)
	if n < len(c.data) {
		c.data = c.data[:n]
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
	}
	if n = copy(p, c.data); n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// grown is b with the length n, in its own memory if that is enough.
func grown(b []byte, n int64) []byte {
	if int64(cap(b)) >= n {
		return b[:n]
	}
	return make([]byte, n)
}

// some reads up to n bytes at the place; fewer only at the end.
func (s *source) some(at, n int64) ([]byte, error) {
	b := make([]byte, max(0, min(n, s.size-at)))
	got, err := s.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:got], err
}

// blame is the error of a library that read from s: that of the reading, or
// else the file is damaged.
func (s *source) blame(err error) error {
	if s.err != nil {
		return s.err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}
