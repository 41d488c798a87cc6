package store

import (
	"context"

	"callrecordings/shared/recording"
)

// MaxFind is the most ids of one Find. It is the most items that DynamoDB reads
// at once (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html).
const MaxFind = 100

// Found is what lies under an id: one of the two.
type Found struct {
	// Recording that lives there.
	Recording *recording.Recording
	// Tombstone of a deleted one.
	Tombstone *Tombstone
}

// Finder looks up many recordings at once.
type Finder interface {
	// Find returns what lies under ids of an account, each strongly consistent;
	// ids under which nothing lies are left out. At most MaxFind ids, none of
	// them twice. Errors: ErrUnavailable.
	Find(ctx context.Context, account string, ids []string) (map[string]Found, error)
}

// Reviver brings deleted recordings back.
type Reviver interface {
	// Revive is Writer's Put that takes the place of a tombstone, too, once the
	// audio behind it is confirmed gone. Until then it is ErrDeleted: whoever
	// finishes the purge could take the new audio for the old. Errors: ErrExists,
	// ErrDeleted, ErrTooLarge, ErrUnavailable.
	Revive(ctx context.Context, r *recording.Recording) error
}
