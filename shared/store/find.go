package store

import (
	"context"

	"github.com/callrecordings/api/shared/recording"
)

// MaxFind is the maximum number of IDs in one Find. It is DynamoDB's limit for
// BatchGetItem (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html).
const MaxFind = 100

// Found is the result of a lookup by ID. Exactly one field is set.
type Found struct {
	// Recording is the recording with this ID.
	Recording *recording.Recording
	// Tombstone is the tombstone of a deleted recording.
	Tombstone *Tombstone
}

// Finder looks up many recordings at once.
type Finder interface {
	// Find returns the recordings and tombstones with the given IDs in an
	// account, by ID. Each is read with strong consistency, but not all of them
	// at one instant. IDs that are not in use are left out of the result. There
	// may be at most MaxFind IDs, without duplicates. Errors: ErrUnavailable.
	Find(ctx context.Context, account string, ids []string) (map[string]Found, error)
}

// Reviver restores deleted recordings.
type Reviver interface {
	// Revive stores a new recording like Writer.Put, and also replaces the
	// tombstone with the given revision once its audio is confirmed gone. ""
	// stands for any tombstone. Until then it fails with ErrDeleted, because the
	// unfinished purge could remove the new audio. So it does for another
	// tombstone: the recording was revived and deleted again meanwhile, and that
	// purge may have removed audio that the caller has stored.
	// Errors: ErrExists, ErrDeleted, ErrTooLarge, ErrUnavailable.
	Revive(ctx context.Context, r *recording.Recording, tombstone string) error
}
