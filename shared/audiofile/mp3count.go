package audiofile

import (
	"bufio"
	"errors"
	"io"
	"time"
)

const (
	// maxJunk is the number of bytes between the frames, tags excluded, after
	// which counting is given up.
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
	lost          bool // the last step was junk
}

// countFrames counts the samples of all frames between two offsets. The first
// frame begins at the first offset. It skips tags, junk between frames, and the
// frame that holds a Xing or VBRI header. Errors: errNoDuration if r fails with
// ErrNoTime or there is too much junk, ErrDamaged, and those of r.
func countFrames(r io.ReaderAt, begin, end int64) (time.Duration, error) {
	src := &errorKeeper{r: io.NewSectionReader(r, begin, end-begin)}
	in := bufio.NewReaderSize(src, bulkBuffer)
	var c frameCounter
	junk := 0
	for junk < maxJunk && src.err == nil {
		n, isJunk, err := c.step(in)
		if err != nil {
			break // the end, unless src.err is set
		}
		if isJunk {
			junk++
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
		return 0, errNoFrame
	case junk == maxJunk:
		return 0, errNoDuration
	}
	return seconds(c.samples, c.rate), nil
}

// step examines the next tag, frame or byte of junk. It returns the length, and
// whether it is junk. It returns io.EOF at the end, and also for a frame that is
// truncated. A frame after junk counts only if another one, a tag or the end
// follows, as the junk may resemble a header.
func (c *frameCounter) step(in *bufio.Reader) (n int64, isJunk bool, err error) {
	b, _ := in.Peek(2 * apeFooter)
	if len(b) < frameHeader {
		return 0, false, io.EOF
	}
	f, ok := parseFrame(b)
	if !ok || c.started && f.stream != c.stream || c.lost && !continues(in, f) {
		if n := tagLength(b); n > 0 {
			return n, false, nil
		}
		c.lost = true
		return 1, true, nil
	}
	c.lost = false
	whole, _ := in.Peek(f.length)
	if len(whole) < f.length {
		return 0, false, io.EOF
	}
	isHeader := false
	if !c.started {
		_, isHeader = f.vbrHeader(whole)
	}
	if !isHeader {
		c.samples, c.rate = c.samples+f.samples, f.rate
	}
	c.started, c.stream = true, f.stream
	return int64(f.length), false, nil
}

// continues reports whether another frame, a tag or the end follows f.
func continues(in *bufio.Reader, f frame) bool {
	want := f.length + 2*apeFooter
	b, _ := in.Peek(want)
	return isRun(b, true, len(b) < want)
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
