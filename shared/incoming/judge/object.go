package judge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/callrecordings/api/shared/audiofile"
	"github.com/callrecordings/api/shared/media"
)

const (
	// maxAhead is the most bytes that one request asks for while an object is read
	// from one end to the other. They are streamed, not held in memory.
	maxAhead = 16 << 20
	// growth is the factor by which each further request of such a read grows.
	growth = 4
	// spare is the time before the deadline at which such a read is given up, so
	// that the result so far can still be stored.
	spare = 10 * time.Second
)

// object is an [io.ReaderAt] of one object in the store. Reads fail when the
// object is replaced. A read at a new place is one request for the bytes it
// wants; reads that continue where the last one ended share requests that grow.
type object struct {
	ctx       context.Context //nolint:containedctx // io.ReaderAt takes no context
	media     media.Reader
	key, etag string
	size      int64

	body    io.ReadCloser
	at, end int64 // the body's position, and where the body ends
	ahead   int64 // the length of the last request
}

// ReadAt reads at an offset. Errors: io.EOF, those of media.Reader's Open, and
// audiofile.ErrNoTime when a long read would leave no time for the rest.
func (o *object) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= o.size {
		return 0, io.EOF
	}
	want := min(int64(len(p)), o.size-off)
	if o.ahead > 0 && off == o.at && o.late() {
		return 0, audiofile.ErrNoTime
	}
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

// late reports whether no time is left for reading the object through.
func (o *object) late() bool {
	deadline, ok := o.ctx.Deadline()
	return ok && time.Until(deadline) < spare
}

// open requests the part that begins at off.
func (o *object) open(off, want int64) error {
	length := want
	if o.ahead > 0 && off == o.at { // continues where the last read ended
		length = min(max(want, growth*o.ahead), max(want, maxAhead))
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
		_ = o.body.Close() // read-only
		o.body = nil
	}
}
