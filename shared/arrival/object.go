package arrival

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"callrecordings/shared/audiofile"
	"callrecordings/shared/media"
)

const (
	// mostAhead is the most that is asked for at once while an object is read
	// from one end to the other. It is not held in memory.
	mostAhead = 16 << 20
	// growth is how much more every further part of such a read asks for.
	growth = 4
	// spare is the time before the deadline at which such a read is given up,
	// so that what is known can still be written down.
	spare = 10 * time.Second
)

// object is an [io.ReaderAt] of one object in the store, as it was looked at:
// when it is replaced, reads fail. A read here and there is one request for
// what it wants; reads one behind the other share requests that grow.
type object struct {
	ctx       context.Context //nolint:containedctx // an io.ReaderAt is handed none
	media     media.Reader
	key, etag string
	size      int64

	body    io.ReadCloser
	at, end int64 // where the body stands, and where it ends
	ahead   int64 // what the last request asked for
}

// ReadAt reads at an offset. Errors: io.EOF, those of media.Reader's Open, and
// audiofile.ErrNoTime when a long read would not leave time for the rest.
func (o *object) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= o.size {
		return 0, io.EOF
	}
	want := min(int64(len(p)), o.size-off)
	if o.body == nil || off != o.at || off+want > o.end {
		if err := o.open(off, want); err != nil {
			return 0, err
		}
	}
	n, err := io.ReadFull(o.body, p[:want])
	o.at += int64(n)
	if err != nil {
		return n, fmt.Errorf("%w: the object ends too soon: %w", media.ErrUnavailable, err)
	}
	if want < int64(len(p)) {
		return n, io.EOF
	}
	return n, nil
}

// open asks for the part that begins at off.
func (o *object) open(off, want int64) error {
	length := want
	if o.ahead > 0 && off == o.at { // it goes on where it stopped
		if deadline, ok := o.ctx.Deadline(); ok && time.Until(deadline) < spare {
			return audiofile.ErrNoTime
		}
		length = min(max(want, growth*o.ahead), max(want, mostAhead))
	}
	length = min(length, o.size-off)
	o.close()
	body, _, err := o.media.Open(o.ctx, o.key, o.etag, &media.Part{Offset: off, Length: length})
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return audiofile.ErrNoTime
		}
		return err
	}
	o.body, o.at, o.end, o.ahead = body, off, off+length, length
	return nil
}

func (o *object) close() {
	if o.body != nil {
		_ = o.body.Close() // it was only read
		o.body = nil
	}
}
