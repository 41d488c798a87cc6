package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// The names of the partitions, before the account ID.
const (
	termsPartition   = "terms/"
	markersPartition = "indexed/"
	totalsPartition  = "totals/"
)

// errEntry means that this package cannot have written an entry.
var errEntry = errors.New("an entry that does not follow the layout of the index")

// place is a position of the index: the creation time and the ID of a recording.
type place struct {
	created recording.Seconds
	id      string
}

const (
	// digitsOfTime digits of Gregorian seconds last until the year 3168.
	digitsOfTime = 11
	maxTime      = recording.Seconds(99999999999)
	// gap separates the parts of a key. It sorts before every character of a term, a time
	// and an ID.
	gap = " "
	// past follows gap, and precedes every other character of a key.
	past = "!"
)

// padded returns a time with digitsOfTime digits, within the times that have so many.
func padded(at recording.Seconds) string {
	return fmt.Sprintf("%0*d", digitsOfTime, min(max(at, 0), maxTime))
}

// key returns the key of an entry of a term.
func (p place) key(term string) string { return term + gap + padded(p.created) + gap + p.id }

// placeOf returns the place in the key of an entry of a term.
func placeOf(term, key string) (place, error) {
	rest, ok := strings.CutPrefix(key, term+gap)
	at, id, found := strings.Cut(rest, gap)
	n, err := strconv.ParseInt(at, 10, 64)
	if !ok || !found || err != nil || id == "" {
		return place{}, errEntry
	}
	return place{recording.Seconds(n), id}, nil
}

// candidate is an entry of a term.
type candidate struct {
	place
	owner, detail string
	terms         signature
	// size is the number of bytes that were read for the entry.
	size int
}

// candidateOf decodes an entry of a term.
func candidateOf(term string, e *store.Entry) (candidate, error) {
	p, err := placeOf(term, e.Key)
	var value [3]string // entries of the first layout have two
	if err == nil && json.Unmarshal(e.Value, &value) != nil {
		err = errEntry
	}
	if err != nil {
		return candidate{}, fmt.Errorf("read the index of %s: %w", strings.TrimPrefix(e.Partition, termsPartition), err)
	}
	size := len(e.Partition) + len(e.Key) + len(e.Value)
	return candidate{place: p, owner: value[0], detail: value[1], terms: signature(value[2]), size: size}, nil
}

// value returns the value of the entry.
func (c *candidate) value() ([]byte, error) {
	return json.Marshal([3]string{c.owner, c.detail, string(c.terms)})
}

// rangeOf returns the query for the entries of a term from q's start on, and the key at
// which q's range ends.
func rangeOf(term string, q store.Query) (first store.EntryQuery, end string) {
	first = store.EntryQuery{Partition: termsPartition + q.Account, Prefix: term + gap, Descending: !q.Ascending}
	low, high := term+gap, term+past
	if q.From > 0 {
		low += padded(q.From)
	}
	if q.To > 0 && q.To < maxTime {
		high = term + gap + padded(q.To) + past
	}
	start := ""
	if p := q.Start; !p.IsZero() {
		start = place{p.Created, p.ID}.key(term)
		switch {
		case p.Created > maxTime:
			start = term + past
		case p.After:
		case q.Ascending:
			start = before(start)
		default:
			start += past
		}
	}
	if q.Ascending {
		if first.After = max(low, start); first.After == term+gap {
			first.After = "" // from the beginning
		}
		return first, high
	}
	first.After = high
	if start != "" {
		first.After = min(high, start)
	}
	if first.After == term+past {
		first.After = "" // from the end
	}
	return first, low
}

// before returns a text that sorts before key and after every other key that does. IDs
// have no "~".
func before(key string) string {
	last := len(key) - 1
	return key[:last] + string(key[last]-1) + "~"
}
