package search

import (
	"slices"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// MaxTags is the maximum number of tags of one recording that the totals count, in the
	// order of the alphabet.
	MaxTags = 10
	// maxTag is the maximum length of a tag in the totals, in bytes.
	maxTag = 120
	// maxBytes is the most bytes that a recording counts: those of the largest object of S3. A
	// store cannot add up more than an int64, and one recording must not use that up.
	maxBytes = 5 << 40
)

// The first parts of the keys of totals: "d/2026-11-28", "o/2026-11-28/OWNER",
// "t/2026-11-28/TAG" and "s/OWNER/2026-11-28/TAG". Those of owners and tags, of which an
// account may have many, also exist for months: "p/2026-11/OWNER" and "u/2026-11/TAG".
const (
	ofAccount    = "d/"
	ofOwner      = "o/"
	ofTag        = "t/"
	ofOwnerTag   = "s/"
	ofOwnerMonth = "p/"
	ofTagMonth   = "u/"
)

// dayLayout is the day of a total, and monthLayout its month.
const (
	dayLayout   = time.DateOnly
	monthLayout = "2006-01"
)

// DayOf returns the day that a recording counts for, in UTC.
func DayOf(created recording.Seconds) string { return created.Time().Format(dayLayout) }

// counted has the values of a recording that the totals add up.
type counted struct {
	Direction string   `json:"direction,omitempty"`
	Seconds   int64    `json:"seconds,omitempty"`
	Bytes     int64    `json:"bytes,omitempty"`
	Tags      []string `json:"tags,omitempty"`
}

// The directions of totals. Documents of a Kazoo may have others.
const (
	inbound   = "in"
	outbound  = "out"
	elsewhere = "other"
)

// The suffixes of the names of numbers that do not count recordings.
const (
	inSeconds = "seconds"
	inBytes   = "bytes"
)

// countedOf returns the counted values of r, bounded, so that no sum overflows. Its marker keeps
// them, and a run that takes r out of the totals subtracts the kept values.
func countedOf(r *recording.Recording) counted {
	c := counted{Direction: elsewhere, Bytes: min(max(r.Audio.Size, 0), maxBytes)}
	switch direction, _ := r.Document.Text("direction"); direction {
	case "inbound":
		c.Direction = inbound
	case "outbound":
		c.Direction = outbound
	}
	if n, ok := r.Document.Int("duration"); ok && n > 0 {
		c.Seconds = min(n, recording.MaxDuration)
	}
	if raw, ok := r.Document.Raw("user_metadata", "tags"); ok {
		for _, tag := range tagsOf(raw) {
			if len(c.Tags) < MaxTags && len(tag) <= maxTag && !strings.Contains(tag, "/") {
				c.Tags = append(c.Tags, tag)
			}
		}
	}
	return c
}

// deltas are changes of counters, by their keys and the names of their numbers.
type deltas map[string]map[string]int64

// keysOf returns the keys of the counters of a recording. The first layout has none for
// months.
func keysOf(c *counted, created recording.Seconds, owner string, version int) []string {
	day := DayOf(created)
	month := day[:len(monthLayout)]
	keys := []string{ofAccount + day}
	if owner != "" {
		keys = append(keys, ofOwner+day+"/"+owner, ofOwnerMonth+month+"/"+owner)
	}
	for _, tag := range c.Tags {
		keys = append(keys, ofTag+day+"/"+tag, ofTagMonth+month+"/"+tag)
		if owner != "" {
			keys = append(keys, ofOwnerTag+owner+"/"+day+"/"+tag)
		}
	}
	if version >= versionOfMonths {
		return keys
	}
	return slices.DeleteFunc(keys, func(key string) bool { return key[:2] == ofOwnerMonth || key[:2] == ofTagMonth })
}

// add counts a recording sign times, once or minus once, as the layout of a version does.
func (d deltas) add(c counted, created recording.Seconds, owner string, sign int64, version int) {
	for _, key := range keysOf(&c, created, owner, version) {
		numbers := d.of(key)
		numbers[c.Direction] += sign
		numbers[c.Direction+inSeconds] += sign * c.Seconds
		numbers[c.Direction+inBytes] += sign * c.Bytes
	}
}

// of returns the changes of the counter with a key.
func (d deltas) of(key string) map[string]int64 {
	if d[key] == nil {
		d[key] = map[string]int64{}
	}
	return d[key]
}

// writes returns the writes that apply d to the counters of an account at a time.
func (d deltas) writes(account string, at recording.Seconds) []store.EntryWrite {
	var all []store.EntryWrite
	for key, numbers := range d {
		for name, n := range numbers {
			if n == 0 {
				delete(numbers, name)
			}
		}
		if len(numbers) > 0 {
			all = append(all, store.EntryWrite{
				Entry: store.Entry{EntryKey: store.EntryKey{Partition: totalsPartition + account, Key: key}},
				Add:   numbers, Set: map[string]int64{changedAt: int64(at)},
			})
		}
	}
	return all
}
