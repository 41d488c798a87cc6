package store

import (
	"time"

	"callrecordings/shared/recording"
)

// Change is one write to the store, as its stream tells of it afterwards: at
// least once, and in order for one recording.
type Change struct {
	// Before and After are what the write found and left; nil for nothing.
	Before, After *Image
	// At is when it was made, to the second or better; zero where the stream
	// does not say. It is the same whenever the change is told of.
	At time.Time
}

// Image is what lay in the store at one time.
type Image struct {
	// Recording as it was. That of a tombstone has its Account, ID, Revision,
	// Created and Audio, and nothing else.
	Recording recording.Recording
	// Deleted is true for a tombstone.
	Deleted bool
}
