package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/callrecordings/api/shared/media"
)

// readTail reads the tail of the latest checkpoint into the buffer.
func (k *packer) readTail(ctx context.Context) error {
	s := k.state
	body, o, err := k.bucket.Open(ctx, tailKey(k.key, s.Tail), "", nil)
	if err != nil {
		return err
	}
	if o.Size != int64(s.TailSize) {
		_ = body.Close() // it is not read
		return errTail
	}
	k.buf = k.buf[:s.TailSize]
	_, err = io.ReadFull(body, k.buf)
	if err = errors.Join(err, body.Close()); err != nil {
		return fmt.Errorf("%w: read the tail of a file: %w", media.ErrUnavailable, err)
	}
	if crc32.ChecksumIEEE(k.buf) != s.TailSum {
		return errTail
	}
	return nil
}

// errTail means that another worker has replaced a tail.
var errTail = fmt.Errorf("%w: the tail of a file is another one", media.ErrChanged)

// tailKey returns the key of a tail of the file with a key.
func tailKey(key string, number int) string { return fmt.Sprintf("%s.tail%d", key, number) }

// storeTail stores the bytes in the buffer, which are too few for a part, so that another
// worker can continue. The tail of the latest checkpoint stays until the next one is saved.
func (k *packer) storeTail(ctx context.Context) error {
	next := 1
	if k.state.Tail == 1 {
		next = 2
	}
	err := k.bucket.Put(ctx, tailKey(k.key, next), "application/octet-stream", bytes.NewReader(k.buf), int64(len(k.buf)))
	if err != nil {
		return err
	}
	k.state.Tail, k.state.TailSize, k.state.TailSum = next, len(k.buf), crc32.ChecksumIEEE(k.buf)
	return nil
}
