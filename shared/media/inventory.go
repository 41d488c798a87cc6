package media

import (
	"context"
	"time"
)

// Listed is an object in a list.
type Listed struct {
	// Key of the object.
	Key string
	// Size in bytes.
	Size int64
	// Modified is the time of the last change, in UTC, to the second.
	Modified time.Time
}

// Inventory lists everything that a bucket holds, for the reconciliation with the table
// (docs/adr/026-reconcile.md).
type Inventory interface {
	// Objects is like Lister's List, with the size and the time of each object.
	// Error: ErrUnavailable.
	Objects(ctx context.Context, prefix, after string) ([]Listed, error)
	// Folders returns the next parts of the keys under prefix, each up to and including
	// the next slash: Folders("recordings/") returns "recordings/A/" and so on. They
	// sort after the folder after ("" for all), in byte order. more is false on the last
	// page. Error: ErrUnavailable.
	Folders(ctx context.Context, prefix, after string) (folders []string, more bool, err error)
}
