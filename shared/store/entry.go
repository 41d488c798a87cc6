package store

import (
	"context"

	"github.com/callrecordings/api/shared/recording"
)

// Limits of entries. Drivers may rely on them; WriteEntries returns ErrTooLarge for more.
const (
	// MaxEntry is the maximum size of the value of an entry, in bytes.
	MaxEntry = 300 << 10
	// MaxEntries is the maximum number of entries that one call reads by their keys or
	// writes.
	MaxEntries = 100
)

// Entry is a small JSON document that the service keeps beside the recordings, such as
// a token issuer, an account, or a line of the audit trail. Package access and its
// relatives define what is in them.
type Entry struct {
	EntryKey
	// Value is the JSON document, at most MaxEntry bytes.
	Value []byte
	// Revision changes with every write. The store sets it.
	Revision string
	// Expires is when the entry may be removed; 0 means never. The removal may take
	// days, so readers ignore an expired entry themselves.
	Expires recording.Seconds
}

// EntryKey identifies an entry.
type EntryKey struct {
	// Partition groups entries that are read together. Partitions of entries are
	// separate from the accounts of recordings, whatever their names are.
	Partition string
	// Key is unique within the partition, and orders its entries by bytes.
	Key string
}

// EntryQuery selects one page of the entries of a partition, in the order of their keys.
type EntryQuery struct {
	// Partition is the partition to read.
	Partition string
	// Prefix limits the page to keys that start with it.
	Prefix string
	// After is the key after which the page begins, in the page's order; "" is the
	// beginning. It need not exist.
	After string
	// Descending returns the greatest key first.
	Descending bool
	// Limit is the maximum number of entries on the page, 1 or more. A page may also end
	// after 1 MB.
	Limit int
}

// EntryPage is one page of entries.
type EntryPage struct {
	Entries []Entry
	// Next is the After of the next page; "" if this is the last one.
	Next string
}

// EntryReader reads entries, strongly consistent.
type EntryReader interface {
	// Entries returns the entries with the given keys, at most MaxEntries, in the order
	// of the keys. It leaves out those that do not exist. Errors: ErrUnavailable.
	Entries(ctx context.Context, keys ...EntryKey) ([]Entry, error)
	// PageEntries returns one page of a partition. Errors: ErrUnavailable.
	PageEntries(ctx context.Context, q EntryQuery) (EntryPage, error)
}

// Condition is what must be true of an entry before it is written.
type Condition int

// The conditions.
const (
	// Always writes in any case.
	Always Condition = iota
	// IfAbsent writes only if there is no such entry.
	IfAbsent
	// IfUnchanged writes only if the entry exists and has the given Revision.
	IfUnchanged
)

// EntryWrite is one write of WriteEntries.
type EntryWrite struct {
	// Entry is the entry to store. Its Revision is what IfUnchanged compares with.
	Entry
	// If is the condition.
	If Condition
	// Delete removes the entry instead of storing it.
	Delete bool
	// CheckOnly only checks the condition, and writes nothing.
	CheckOnly bool
}

// Entries reads and writes entries.
type Entries interface {
	EntryReader
	// WriteEntries applies all writes, at most MaxEntries to different entries, or none.
	// Errors: ErrConflict if a condition is not met, ErrTooLarge, ErrUnavailable.
	WriteEntries(ctx context.Context, writes ...EntryWrite) error
}
