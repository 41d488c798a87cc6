package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/store"
)

// maxTries bounds how often a change starts over after a conflict.
const maxTries = 50

// Retry repeats do after a conflict with another client, until it has been tried that
// many times. Errors: store.ErrConflict after the last try, store.ErrUnavailable if ctx
// ends, and those of do.
func Retry(ctx context.Context, tries int, do func() error) error {
	var err error
	for range tries {
		if err = do(); !errors.Is(err, store.ErrConflict) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", store.ErrUnavailable, context.Cause(ctx))
		}
	}
	return err
}
