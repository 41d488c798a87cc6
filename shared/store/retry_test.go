package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/callrecordings/api/shared/store"
)

// Only conflicts are tried again, a number of times, and not after the end of the context.
func TestRetry(t *testing.T) {
	t.Parallel()
	other := errors.New("other")
	conflict := fmt.Errorf("write: %w", store.ErrConflict)
	for _, c := range []struct {
		name   string
		cancel int // the try that ends the context
		errs   []error
		want   error
		tries  int
	}{
		{"at once", 0, []error{nil}, nil, 1},
		{"after conflicts", 0, []error{conflict, conflict, nil}, nil, 3},
		{"another error", 0, []error{conflict, other, nil}, other, 2},
		{"conflicts only", 0, []error{conflict, conflict, conflict, nil}, store.ErrConflict, 3},
		{"no time left", 2, []error{conflict, conflict, nil}, store.ErrUnavailable, 2},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		tries := 0
		err := store.Retry(ctx, 3, func() error {
			if tries++; tries == c.cancel {
				cancel()
			}
			return c.errs[tries-1]
		})
		cancel()
		if !errors.Is(err, c.want) || tries != c.tries {
			t.Errorf("%s: %v after %d tries, want %v after %d", c.name, err, tries, c.want, c.tries)
		}
	}
}
