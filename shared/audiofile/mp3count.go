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
	// maxRubbish is how many bytes of something else end the sound.
	maxRubbish = 1 << 20
	// throughSize is the least that is read at once of an mp3 that is read
	// through, and the buffer has room for a frame that lies across two reads.
	throughSize = 256 << 10
	throughRoom = throughSize + 8<<10
)

// tally is what was counted of an mp3.
type tally struct {
	samples, rate int64
	stream        uint32 // of the frames so far, see frame
	begun         bool
}

// countFrames counts the samples of all frames between two places, and passes
// over tags, rubbish between frames, and the frame that only describes the
// others. Errors: errLength if r had no time, ErrDamaged, those of r.
func countFrames(r io.ReaderAt, begin, end int64) (time.Duration, error) {
	src := &remembering{r: io.NewSectionReader(r, begin, end-begin)}
	in := bufio.NewReaderSize(src, throughRoom)
	var t tally
	for rubbish := 0; rubbish < maxRubbish && src.err == nil; rubbish++ {
		n, sound, err := t.step(in)
		if err != nil {
			break // the end; src.err tells if it was another
		}
		if sound {
			rubbish = 0
		}
		for n > 0 && err == nil { // a tag is longer than an int on small machines
			var m int
			m, err = in.Discard(int(min(n, throughSize)))
			n -= int64(m)
		}
	}
	switch {
	case errors.Is(src.err, ErrNoTime) && t.rate > 0:
		return 0, errLength
	case src.err != nil:
		return 0, src.err
	case t.rate == 0:
		return 0, fmt.Errorf("%w: no mp3 frame", ErrDamaged)
	}
	return seconds(t.samples, t.rate), nil
}

// step looks at what comes next: a tag, a frame or a byte of rubbish. It
// returns its length, and whether it was sound; and io.EOF at the end, which a
// frame that is cut off is, too.
func (t *tally) step(in *bufio.Reader) (n int64, sound bool, err error) {
	b, _ := in.Peek(id3Header)
	if len(b) < frameHeader {
		return 0, false, io.EOF
	}
	if n := id3Length(b); n > 0 {
		return n, false, nil
	}
	f, ok := parseFrame(b)
	if !ok || f.stream != t.stream && (t.stream != 0 || !continues(in, f)) {
		return 1, false, nil
	}
	whole, _ := in.Peek(f.length)
	if len(whole) < f.length {
		return 0, false, io.EOF
	}
	if _, described := f.told(whole); t.begun || !described {
		t.samples, t.rate = t.samples+f.samples, f.rate
	}
	t.begun, t.stream = true, f.stream
	return int64(f.length), true, nil
}

// continues reports whether another frame of the stream, or the end, follows
// f. It keeps text that looks like one header from being taken for sound.
func continues(in *bufio.Reader, f frame) bool {
	b, _ := in.Peek(f.length + frameHeader)
	if len(b) <= f.length {
		return len(b) == f.length
	}
	next, ok := parseFrame(b[f.length:])
	return ok && next.stream == f.stream || bytes.HasPrefix(b[f.length:], []byte("TAG"))
}

// remembering keeps the error of r that is none of the end. bufio gives it
// once and then tries again.
type remembering struct {
	r   io.Reader
	err error
}

func (r *remembering) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
