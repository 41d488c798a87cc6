package job

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/callrecordings/api/shared/store"
)

// Find reads the recordings of items, and the tombstones of those that were deleted, by their
// IDs. Errors: store.ErrUnavailable.
func Find(ctx context.Context, s store.Finder, account string, items []Item) (map[string]store.Found, error) {
	all := make(map[string]store.Found, len(items))
	for some := range slices.Chunk(items, store.MaxFind) {
		ids := make([]string, len(some))
		for i := range some {
			ids[i] = some[i].ID
		}
		found, err := s.Find(ctx, account, ids)
		if err != nil {
			return nil, fmt.Errorf("read the recordings of a job: %w", err)
		}
		maps.Copy(all, found)
	}
	return all, nil
}
