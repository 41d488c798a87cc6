package audiofile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// maxJunk is the number of consecutive bytes that are not mp3 after which
	// counting stops.
	maxJunk = 1 << 20
	// bulkRead is the minimum size of a read while an mp3 is read in order. The
	// buffer has room for a frame that crosses two reads.
	bulkRead   = 256 << 10
	bulkBuffer = bulkRead + 8<<10
)

// frameCounter adds up the samples of an mp3.
type frameCounter struct {
	samples, rate int64
	stream        uint32 // of the frames so far; see frame
	started       bool
}

// countFrames counts the samples of all frames between two offsets. It skips
// tags, junk between frames, and the frame that holds a Xing or VBRI header.
// Errors: errNoDuration if r fails with ErrNoTime, ErrDamaged, and those of r.
func countFrames(r io.ReaderAt, begin, end int64) (time.Duration, error) {
	src := &errorKeeper{r: io.NewSectionReader(r, begin, end-begin)}
	in := bufio.NewReaderSize(src, bulkBuffer)
	var c frameCounter
	for junk := 0; junk < maxJunk && src.err == nil; junk++ {
		n, isAudio, err := c.step(in)
		if err != nil {
			break // the end, unless src.err is set
		}
		if isAudio {
			junk = 0
		}
		for n > 0 && err == nil { // a tag may exceed an int on 32-bit machines
			var m int
			m, err = in.Discard(int(min(n, bulkRead)))
			n -= int64(m)
		}
	}
	switch {
	case errors.Is(src.err, ErrNoTime) && c.rate > 0:
		return 0, errNoDuration
	case src.err != nil:
		return 0, src.err
	case c.rate == 0:
		return 0, fmt.Errorf("%w: no mp3 frame", ErrDamaged)
	}
	return seconds(c.samples, c.rate), nil
}

// step examines the next tag, frame or byte of junk. It returns the length, and
// whether it is a frame. It returns io.EOF at the end, and also for a frame
// that is truncated.
func (c *frameCounter) step(in *bufio.Reader) (n int64, isAudio bool, err error) {
	b, _ := in.Peek(id3Header)
	if len(b) < frameHeader {
		return 0, false, io.EOF
	}
	if n := id3Length(b); n > 0 {
		return n, false, nil
	}
	f, ok := parseFrame(b)
	if !ok || f.stream != c.stream && (c.stream != 0 || !continues(in, f)) {
		return 1, false, nil
	}
	whole, _ := in.Peek(f.length)
	if len(whole) < f.length {
		return 0, false, io.EOF
	}
	if _, isHeader := f.vbrHeader(whole); c.started || !isHeader {
		c.samples, c.rate = c.samples+f.samples, f.rate
	}
	c.started, c.stream = true, f.stream
	return int64(f.length), true, nil
}

// continues reports whether another frame of the stream, or the end, follows f.
// Without this check, text that resembles one header would count as audio.
func continues(in *bufio.Reader, f frame) bool {
	b, _ := in.Peek(f.length + frameHeader)
	if len(b) <= f.length {
		return len(b) == f.length
	}
	next, ok := parseFrame(b[f.length:])
	return ok && next.stream == f.stream || bytes.HasPrefix(b[f.length:], []byte("TAG"))
}

// errorKeeper keeps the first error of r other than io.EOF, because bufio
// returns an error once and then reads again.
type errorKeeper struct {
	r   io.Reader
	err error
}

func (r *errorKeeper) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
