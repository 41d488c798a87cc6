package store

import (
	"time"

	"github.com/callrecordings/api/shared/recording"
)

// Change is one write to the store, as its stream delivers it: at least once,
// and in order for each recording.
type Change struct {
	// Before is the item that the write replaced, After the item that it
	// stored. Either is nil if the item did not exist, or is neither a recording
	// nor a tombstone.
	Before, After *Image
	// At is the time of the write, to the second or better; zero if the stream
	// does not have it. Every delivery of the change has the same time.
	At time.Time
}

// Image is a recording or a tombstone as it was before or after a write.
type Image struct {
	// Recording is the recording. For a tombstone it holds only Account, ID,
	// Revision, Created and Audio.
	Recording recording.Recording
	// Deleted is true for a tombstone.
	Deleted bool
	// Restorable is true for a tombstone that can be restored.
	Restorable bool
}
