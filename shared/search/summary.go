package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// maxCounters is the maximum number of counters that one summary reads.
	maxCounters = 20_000
	// countersAtOnce is how many counters one read asks for.
	countersAtOnce = 1000
)

// ErrTooWide means that a summary would have to read too many counters. The client asks
// for fewer days.
var ErrTooWide = errors.New("the summary has too many days, owners or tags")

// By selects the groups of a summary.
type By string

// The groups.
const (
	ByNothing   By = ""
	ByDay       By = "day"
	ByOwner     By = "owner"
	ByDirection By = "direction"
	ByTag       By = "tag"
)

// Range selects the recordings of a summary.
type Range struct {
	// Account is the account.
	Account string
	// From and To bound the days of the recordings, both inclusive; 0 leaves that end
	// open. A time means its whole day in UTC.
	From, To recording.Seconds
	// Owners limits the summary to owners, unless All is true.
	Owners []string
	All    bool
}

// Sum is a number of recordings, their length in seconds and their size in bytes.
type Sum struct {
	Count   int64 `json:"count"`
	Seconds int64 `json:"seconds"`
	Bytes   int64 `json:"bytes"`
}

// Group is the sum of a group, such as a day.
type Group struct {
	Name string `json:"name"`
	Sum
}

// Summary is the sum of a range, and the sums of its groups.
type Summary struct {
	// Sum counts the recordings that exist.
	Sum
	// Added counts the recordings that were first indexed on the days of the range, with the
	// seconds and bytes by which recordings grew on them. It never falls: deleting a recording
	// takes nothing away, and indexing or restoring it again adds nothing. Stored is by how
	// many bytes all recordings together grew on these days. Recordings that an earlier
	// layout has indexed count for their day of Created in both. Both are 0 unless Range.All.
	Added  Sum
	Stored int64
	// Updated is when the index last changed one of the counters that were read; 0 if there
	// are none.
	Updated recording.Seconds
	// Groups are sorted by name. Recordings without an owner, or without a tag, are in no
	// group; one with several tags is in several.
	Groups []Group
}

// Summarize adds up the totals of an account. It reads counters, and no recordings. A range
// that ends on a day before it begins has no recordings. Errors: ErrTooWide,
// store.ErrUnavailable.
func Summarize(ctx context.Context, s store.EntryReader, r Range, by By) (Summary, error) {
	if r.To != 0 && DayOf(r.From) > DayOf(r.To) {
		return Summary{}, nil
	}
	b := &summing{store: s, of: r, by: by, groups: map[string]Sum{}}
	var err error
	if r.All {
		err = b.ofAccount(ctx)
	} else {
		err = b.ofOwners(ctx)
	}
	if err != nil {
		return Summary{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(b.groups)) {
		if sum := b.groups[name]; sum != (Sum{}) {
			b.sum.Groups = append(b.sum.Groups, Group{name, sum})
		}
	}
	return b.sum, nil
}

// summing adds up counters.
type summing struct {
	store  store.EntryReader
	of     Range
	by     By
	read   int
	groups map[string]Sum
	sum    Summary
}

// counter is a decoded counter.
type counter struct {
	// day, owner and tag are those in the key, "" if it has none. day may be a month.
	day, owner, tag string
	numbers         map[string]int64
}

// sum returns the count, the seconds and the bytes of a name: a direction, or addedCount.
func (c *counter) sum(name string) Sum {
	return Sum{c.numbers[name], c.numbers[name+inSeconds], c.numbers[name+inBytes]}
}

// ofAccount reads the counters of the whole account: those of the days for the sum, and
// those of owners or tags for their groups.
func (b *summing) ofAccount(ctx context.Context) error {
	if err := b.scan(ctx, ofAccount, b.of.days(), b.add); err != nil {
		return err
	}
	switch b.by {
	case ByOwner:
		return b.split(ctx, ofOwner, ofOwnerMonth)
	case ByTag:
		return b.split(ctx, ofTag, ofTagMonth)
	}
	return nil
}

// split adds the counters of the whole months of the range to their groups, and those of
// the days before and after them.
func (b *summing) split(ctx context.Context, ofDay, ofMonth string) error {
	before, months, after := b.of.split()
	for _, part := range []struct {
		prefix string
		span   span
	}{{ofDay, before}, {ofMonth, months}, {ofDay, after}} {
		if part.span == nothing {
			continue
		}
		if err := b.scan(ctx, part.prefix, part.span, b.group); err != nil {
			return err
		}
	}
	return nil
}

// keysOfOwners returns the keys of the counters of some owners on days, or in the months
// that the range has as a whole.
func (b *summing) keysOfOwners(days []string) ([]store.EntryKey, error) {
	_, months, _ := b.of.split()
	var parts []string
	for _, day := range days {
		part := ofOwner + day
		if month := day[:len(monthLayout)]; b.by != ByDay && months.has(month) {
			part = ofOwnerMonth + month
		}
		if len(parts) == 0 || parts[len(parts)-1] != part {
			parts = append(parts, part)
		}
	}
	if b.read+len(parts)*len(b.of.Owners) > maxCounters {
		return nil, ErrTooWide
	}
	var keys []store.EntryKey
	for _, part := range parts {
		for _, owner := range b.of.Owners {
			keys = append(keys, store.EntryKey{Partition: totalsPartition + b.of.Account, Key: part + "/" + owner})
		}
	}
	return keys, nil
}

// ofOwners reads the counters of some owners, for the days that have recordings.
func (b *summing) ofOwners(ctx context.Context) error {
	var days []string
	if err := b.scan(ctx, ofAccount, b.of.days(), func(c counter) { days = append(days, c.day) }); err != nil {
		return err
	}
	keys, err := b.keysOfOwners(days)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(keys, store.MaxEntries) {
		found, err := b.store.Entries(ctx, part...)
		if err != nil {
			return err
		}
		for i := range found {
			if err := b.each(&found[i], b.add); err != nil {
				return err
			}
		}
	}
	if b.by != ByTag {
		return nil
	}
	for _, owner := range b.of.Owners {
		if err := b.scan(ctx, ofOwnerTag+owner+"/", b.of.days(), b.group); err != nil {
			return err
		}
	}
	return nil
}

// scan passes the counters with a prefix on the days of s, or in its months, to add.
func (b *summing) scan(ctx context.Context, prefix string, s span, add func(counter)) error {
	// What both ends have in common keeps the read from going far beyond the end.
	q := store.EntryQuery{Partition: totalsPartition + b.of.Account, Prefix: prefix + s.common(), Limit: countersAtOnce}
	if prefix == ofAccount && s.to != "" && s.from != "" {
		q.Limit = min(countersAtOnce, int((b.of.To-b.of.From)/recording.Day)+2)
	}
	if s.from != "" {
		q.After = prefix + before(s.from)
	}
	end := ""
	if s.to != "" {
		end = prefix + s.to + "~"
	}
	for e, err := range store.AllEntries(ctx, b.store, q) {
		if err != nil {
			return err
		}
		if end != "" && e.Key > end {
			return nil
		}
		if b.read++; b.read > maxCounters {
			return ErrTooWide
		}
		if err := b.each(e, add); err != nil {
			return err
		}
	}
	return nil
}

// each decodes a counter and passes it to add.
func (b *summing) each(e *store.Entry, add func(counter)) error {
	parts := strings.SplitN(e.Key, "/", 4)
	var c counter
	switch kind := parts[0] + "/"; {
	case kind == ofAccount && len(parts) == 2:
		c.day = parts[1]
	case (kind == ofOwner || kind == ofOwnerMonth) && len(parts) == 3:
		c.day, c.owner = parts[1], parts[2]
	case (kind == ofTag || kind == ofTagMonth) && len(parts) == 3:
		c.day, c.tag = parts[1], parts[2]
	case kind == ofOwnerTag && len(parts) == 4:
		c.owner, c.day, c.tag = parts[1], parts[2], parts[3]
	default:
		return fmt.Errorf("read the totals of %s: %w", b.of.Account, errEntry)
	}
	if err := json.Unmarshal(e.Value, &c.numbers); err != nil {
		return fmt.Errorf("read the totals of %s: %w: %w", b.of.Account, errEntry, err)
	}
	add(c)
	return nil
}

// add adds a counter of a day, or of a day and an owner, to the sum and its groups.
func (b *summing) add(c counter) {
	b.sum.Updated = max(b.sum.Updated, recording.Seconds(c.numbers[changedAt]))
	b.sum.Added = b.sum.Added.plus(c.sum(addedCount))
	b.sum.Stored += c.numbers[storedBytes]
	for direction, name := range map[string]string{inbound: "inbound", outbound: "outbound", elsewhere: "other"} {
		sum := c.sum(direction)
		b.sum.Sum = b.sum.plus(sum)
		switch b.by {
		case ByDay:
			b.groups[c.day] = b.groups[c.day].plus(sum)
		case ByDirection:
			b.groups[name] = b.groups[name].plus(sum)
		case ByOwner:
			if c.owner != "" {
				b.groups[c.owner] = b.groups[c.owner].plus(sum)
			}
		}
	}
}

// group adds a counter to the group of its owner or tag, and not to the sum.
func (b *summing) group(c counter) {
	name := c.tag
	if b.by == ByOwner {
		name = c.owner
	}
	for _, direction := range []string{inbound, outbound, elsewhere} {
		b.groups[name] = b.groups[name].plus(c.sum(direction))
	}
}

// plus adds two sums.
func (s Sum) plus(t Sum) Sum { return Sum{s.Count + t.Count, s.Seconds + t.Seconds, s.Bytes + t.Bytes} }
