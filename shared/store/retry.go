package store

import (
	"context"
	"errors"
	"fmt"
)

// Retry repeats do after a conflict with another client, until it has been tried that
// many times. Errors: ErrConflict after the last try, ErrUnavailable if ctx ends, and those of
// do.
func Retry(ctx context.Context, tries int, do func() error) error {
	var err error
	for range tries {
		if err = do(); !errors.Is(err, ErrConflict) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
		}
	}
	return err
}
