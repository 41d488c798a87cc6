package media

import (
	"context"
	"time"
)

// Locker protects objects from everyone, even from administrators of the bucket who make a
// mistake (S3 Object Lock in governance mode). The bucket must have Object Lock.
type Locker interface {
	// Lock protects the object, until a time in the future, from being removed. It extends
	// an earlier lock, and never shortens one. Errors: ErrNotFound, ErrUnavailable.
	Lock(ctx context.Context, key string, until time.Time) error
	// Unlock ends the locks of all versions of the object. It returns nil if there is no
	// object. Error: ErrUnavailable.
	Unlock(ctx context.Context, key string) error
}

// Reverter undoes writes in a bucket that keeps earlier versions.
type Reverter interface {
	// Revert makes the newest version before the examined object that has size bytes the
	// current one again; 0 stands for any size. It removes the versions above it, the newest
	// first, even if they are locked. Before it removes one, it calls aside with its ETag and
	// size; that version is the current one then. Errors: ErrNotFound if there is no such
	// earlier version, and ErrChanged if the examined object is not the current one, both
	// before anything is done; ErrUnavailable, and those of aside, which end Revert.
	Revert(ctx context.Context, key string, examined Object, size int64, aside func(context.Context, Object) error) error
}
