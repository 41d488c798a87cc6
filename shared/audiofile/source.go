package audiofile

import (
	"errors"
	"fmt"
	"io"
)

const (
	// spanSize is the number of bytes that are fetched for a smaller read. The
	// next read is mostly close by, and a request costs more than its bytes.
	spanSize = 64 << 10
	// maxReads limits the reads of one file, except those of an mp3 that is
	// read in order. Ordinary files take two to eight. An Ogg with many streams
	// or an mp4 with many fragments takes more.
	maxReads = 128
)

// errTooManyReads means that the offsets in a file lead to more places than
// Probe reads.
var errTooManyReads = fmt.Errorf("%w: too many reads", ErrDamaged)

// source reads the audio and caches the last few spans.
type source struct {
	r    io.ReaderAt
	size int64
	left int   // reads that may follow
	err  error // error of the last read, unless io.EOF

	spans [4]span
	next  int // index of the span to replace
}

// span is a cached part of the audio.
type span struct {
	at   int64
	data []byte
}

// ReadAt reads from a cached span, or fetches one that begins at the offset.
// Reads longer than a span bypass the cache. Errors: io.EOF at the end,
// errTooManyReads, and those of the underlying reader.
func (s *source) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at >= s.size {
		return 0, io.EOF
	}
	available := p[:min(int64(len(p)), s.size-at)]
	n, err := s.readAt(available, at)
	if s.err = err; errors.Is(err, io.EOF) {
		s.err = nil
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// readAt fills p. All of p lies within the size.
func (s *source) readAt(p []byte, at int64) (int, error) {
	for i := range s.spans {
		if from := at - s.spans[i].at; from >= 0 && from+int64(len(p)) <= int64(len(s.spans[i].data)) {
			return copy(p, s.spans[i].data[from:]), nil
		}
	}
	if s.left--; s.left < 0 {
		return 0, errTooManyReads
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
	c.at, c.data = at, resized(c.data, min(spanSize, s.size-at))
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

// resized returns b with length n, reusing its memory if that suffices.
func resized(b []byte, n int64) []byte {
	if int64(cap(b)) >= n {
		return b[:n]
	}
	return make([]byte, n)
}

// readUpTo reads up to n bytes at the offset. It returns fewer only at the end.
func (s *source) readUpTo(at, n int64) ([]byte, error) {
	b := make([]byte, max(0, min(n, s.size-at)))
	got, err := s.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:got], err
}

// readError maps an error of a library that read from s: to the error of the
// read, if that failed, and otherwise to ErrDamaged.
func (s *source) readError(err error) error {
	if s.err != nil {
		return s.err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}
