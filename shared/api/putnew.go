package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"callrecordings/shared/media"
)

const (
	// putAttempt bounds one attempt to store audio that came in a request. The
	// audio has at most gatewayLimit bytes, which S3 stores within a second.
	putAttempt = 4500 * time.Millisecond
	// putAttempts keeps the answer to a request within 10 s when S3 hangs, well
	// before the gateway gives up after 29 s.
	putAttempts = 2
)

// newPutter stores new objects; see [media.Uploader].
type newPutter interface {
	PutNew(ctx context.Context, key, contentType string, body []byte) error
}

// putNew stores body under key unless the key already has an object. If the first
// attempt takes too long or fails, putNew makes a second. Errors: media.ErrUnavailable;
// media.ErrOccupied, also if the first attempt took effect but its answer was lost.
func putNew(ctx context.Context, to newPutter, key, contentType string, body []byte) error {
	var err error
	for range putAttempts {
		attempt, cancel := context.WithTimeout(ctx, putAttempt)
		err = to.PutNew(attempt, key, contentType, body)
		cancel()
		if err == nil || errors.Is(err, media.ErrOccupied) || ctx.Err() != nil {
			return err
		}
	}
	return fmt.Errorf("%w: after %d attempts: %w", media.ErrUnavailable, putAttempts, err)
}
