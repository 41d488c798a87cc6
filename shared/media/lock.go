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
	// Revert makes the version before the examined object the current one again, by
	// removing the examined one, even if it is locked. Errors: ErrNotFound if there is no
	// earlier version, ErrChanged if the examined object is not the current one, ErrUnavailable.
	Revert(ctx context.Context, key string, examined Object) error
}
