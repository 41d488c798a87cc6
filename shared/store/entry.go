package store

import (
	"context"
	"fmt"

	"github.com/callrecordings/api/shared/recording"
)

// Limits of entries. Drivers may rely on them; WriteEntries returns ErrTooLarge for more.
const (
	// MaxEntry is the maximum size of the value of an entry, in bytes.
	MaxEntry = 300 << 10
	// MaxEntries is the maximum number of entries that one call reads by their keys or
	// writes.
	MaxEntries = 100
	// MaxEntryKey is the maximum size of a partition and of a key, in bytes.
	MaxEntryKey = 1000
	// MaxWrite is the maximum total size of the values that one call writes, in bytes.
	// A transaction of DynamoDB carries 4 MB.
	MaxWrite = 3 << 20
)

// Entry is a small JSON document that the service keeps beside the recordings, such as
// a token issuer, an account, or a line of the audit trail. Package access and its
// relatives define their values.
type Entry struct {
	EntryKey
	// Value is the JSON document, at most MaxEntry bytes.
	Value []byte
	// Revision changes with every write. The store sets it.
	Revision string
	// Expires is when the entry stops existing for reads and conditions; 0 means
	// never. Its removal from the disk may take days.
	Expires recording.Seconds
}

// EntryKey identifies an entry.
type EntryKey struct {
	// Partition groups entries that are read together. Partitions of entries are
	// separate from the accounts of recordings, even if they have the same names.
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
	// The page begins after the key After, in the page's order; "" is the beginning. The
	// key need not exist.
	After string
	// Descending returns the greatest key first.
	Descending bool
	// Limit is the maximum number of entries on the page, 1 or more. A page may also end
	// earlier: after 1 MB, or because entries have expired. It may even be empty.
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

// Condition must be true of an entry before it is written.
type Condition int

// The conditions.
const (
	// Always writes in any case.
	Always Condition = iota
	// IfAbsent writes only if the entry does not exist.
	IfAbsent
	// IfUnchanged writes only if the entry exists and has the given Revision.
	IfUnchanged
)

// EntryWrite is one write of WriteEntries.
type EntryWrite struct {
	// Entry is the entry to store. IfUnchanged compares with its Revision.
	Entry
	// If is the condition.
	If Condition
	// Delete removes the entry instead of storing it.
	Delete bool
	// CheckOnly only checks the condition, and writes nothing.
	CheckOnly bool
	// Add and Set, if either has members, make the entry a counter: Value is ignored, and
	// the entry becomes a JSON object of whole numbers. Add is added to its members, and Set
	// replaces them. A member that does not exist counts from 0. The store
	// does both without reading the entry first, so that writers do not wait for each
	// other. Every change gives the counter a new Revision, so a counter that was read can be
	// removed with IfUnchanged. Sums must fit into an int64: the caller bounds what it adds.
	// Names consist of lowercase letters, and a name is in only one of the two.
	Add, Set map[string]int64
}

// Replace returns the write that stores e in place of the entry that was read with e.Revision. If
// e.Revision is "", there was no entry, and the write creates it. In both cases the condition is
// not met if another write came between. The caller may still set Delete or CheckOnly.
func Replace(e Entry) EntryWrite {
	if e.Revision == "" {
		return EntryWrite{Entry: e, If: IfAbsent}
	}
	return EntryWrite{Entry: e, If: IfUnchanged}
}

// Counts reports whether w changes a counter.
func (w *EntryWrite) Counts() bool { return len(w.Add)+len(w.Set) > 0 }

// Entries reads and writes entries.
type Entries interface {
	EntryReader
	// WriteEntries applies all writes, at most MaxEntries to different entries, or none.
	// Errors: ErrConflict if a condition is not met, ErrTooLarge, ErrUnavailable.
	WriteEntries(ctx context.Context, writes ...EntryWrite) error
}

// BulkWriter writes many entries at the price of each alone, without a transaction.
type BulkWriter interface {
	// WriteEach stores or removes each of at most MaxEntries different entries. Conditions
	// and counters are not possible. After an error, any of the writes may have taken
	// effect. Errors: ErrTooLarge, ErrUnavailable.
	WriteEach(ctx context.Context, writes ...EntryWrite) error
}

// CheckEntries returns ErrTooLarge if writes exceed the limits of entries. Drivers call
// it first.
func CheckEntries(writes []EntryWrite) error {
	if len(writes) > MaxEntries {
		return fmt.Errorf("%w: %d entries in one write, at most %d", ErrTooLarge, len(writes), MaxEntries)
	}
	total := 0
	for i := range writes {
		w := &writes[i]
		total += len(w.Value)
		if len(w.Value) > MaxEntry || len(w.Partition) > MaxEntryKey || len(w.Key) > MaxEntryKey {
			return fmt.Errorf("%w: an entry of %d bytes, with a key of %d and a partition of %d",
				ErrTooLarge, len(w.Value), len(w.Key), len(w.Partition))
		}
	}
	if total > MaxWrite {
		return fmt.Errorf("%w: entries of %d bytes in one write, at most %d", ErrTooLarge, total, MaxWrite)
	}
	return nil
}
