package audiofile

import (
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// spanSize is the number of bytes that are fetched for a smaller read. The next
	// read is usually close by, and a request costs more than its bytes.
	spanSize = 64 << 10
	// maxReads limits the reads of one file, except those of an mp3 that is
	// read in order. Ordinary files take two to eight. An Ogg with many streams
	// or an mp4 with many fragments takes more.
	maxReads = 128
)

const (
	// maxInOrder is the size up to which an mp3 is read in order.
	maxInOrder = 256 << 20
	// maxTime is how long Probe reads one file. A recording of ordinary length
	// takes far less, and other recordings may be waiting for their turn.
	maxTime = 5 * time.Second
)

// errTooManyReads means that the offsets in a file lead to more places than
// Probe reads.
var errTooManyReads = fmt.Errorf("%w: too many reads", ErrDamaged)

// source reads the audio and caches the last few spans. Offsets are relative to
// the end of the tags that skipTags found.
type source struct {
	r    io.ReaderAt
	size int64
	tags int64 // the length of the tags in front
	left int   // reads that may follow
	err  error // error of the last read, unless io.EOF
	// found is set once the file certainly has audio of its type. If the time is
	// over then, only the duration is unknown.
	found bool
	// falsePages is the number of bytes of Ogg pages that turned out false.
	falsePages int64

	spans [4]span
	next  int // index of the span to replace
}

// span is a cached part of the audio.
type span struct {
	at   int64
	data []byte
}

func newSource(r io.ReaderAt, size int64) *source {
	size = max(size, 0)
	timed := &timedReader{r: r, deadline: time.Now().Add(maxTime)} //nolint:forbidigo // the limit is on real time
	return &source{r: io.NewSectionReader(timed, 0, size), size: size, left: maxReads}
}

// timedReader fails with ErrNoTime after the deadline.
type timedReader struct {
	r        io.ReaderAt
	deadline time.Time
}

func (r *timedReader) ReadAt(p []byte, at int64) (int, error) {
	if time.Now().After(r.deadline) { //nolint:forbidigo // the limit is on real time
		return 0, fmt.Errorf("%w: %s are over", ErrNoTime, maxTime)
	}
	return r.r.ReadAt(p, at)
}

// skipTags moves the beginning of the source behind the ID3v2 tags.
func (s *source) skipTags() error {
	n, err := skipTags(s, 0, s.size)
	if err != nil || n == 0 {
		return err
	}
	s.r, s.size, s.tags = io.NewSectionReader(s.r, n, s.size-n), s.size-n, n
	for i := range s.spans {
		s.spans[i].at -= n
	}
	return nil
}

// preload reads the whole file into the cache.
func (s *source) preload() error {
	return s.fetch(0, s.size)
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
	if err := s.fetch(at, min(spanSize, s.size-at)); err != nil {
		return 0, err
	}
	last := (s.next + len(s.spans) - 1) % len(s.spans)
	n := copy(p, s.spans[last].data)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// fetch reads n bytes at the offset into the oldest span. It caches fewer if
// the file ends before.
func (s *source) fetch(at, n int64) error {
	c := &s.spans[s.next]
	s.next = (s.next + 1) % len(s.spans)
	c.at, c.data = at, resized(c.data, n)
	got, err := s.r.ReadAt(c.data, at)
	if got == len(c.data) || err == nil || errors.Is(err, io.EOF) {
		c.data = c.data[:got]
		return nil
	}
	c.data = c.data[:0]
	return err
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
