package searchtest

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/search"
	"github.com/callrecordings/api/shared/store"
)

// batch is how many recordings Load passes on at once. A large one lets a store write its
// pages of sorted entries few times.
const batch = 100_000

// Load indexes the recordings of a library with the indexer of the product, and passes
// recordings and entries to write, sorted by their keys. The last call has the totals,
// which are counters. It is faster than a store with a transaction for each recording.
func Load(ctx context.Context, l Library, write func(recordings []recording.Recording, entries []store.EntryWrite) error) error {
	c := &collector{totals: map[store.EntryKey]*store.EntryWrite{}}
	x := &search.Indexer{Store: c, Now: func() time.Time { return c.current.Created.Time() }, Random: rand.Reader, Atomic: true}
	recordings := make([]recording.Recording, 0, batch)
	flush := func() error {
		slices.SortFunc(c.writes, compare)
		err := write(recordings, c.writes)
		recordings, c.writes = recordings[:0], c.writes[:0]
		return err
	}
	for i := range int(l) {
		recordings = append(recordings, l.Recording(i))
		c.current = &recordings[len(recordings)-1]
		if err := x.Index(ctx, Account, c.current.ID); err != nil {
			return err
		}
		if len(recordings) == batch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	for _, w := range c.totals {
		c.writes = append(c.writes, *w)
	}
	return flush()
}

func compare(a, b store.EntryWrite) int {
	if a.Partition != b.Partition {
		return strings.Compare(a.Partition, b.Partition)
	}
	return strings.Compare(a.Key, b.Key)
}

// collector is a store with one recording, and without an index. It keeps what an indexer
// writes.
type collector struct {
	search.Store // nil: an indexer with Atomic needs no other methods
	current      *recording.Recording
	writes       []store.EntryWrite
	totals       map[store.EntryKey]*store.EntryWrite
}

// Find returns the current recording.
func (c *collector) Find(context.Context, string, []string) (map[string]store.Found, error) {
	return map[string]store.Found{c.current.ID: {Recording: c.current}}, nil
}

// Entries finds no marker.
func (c *collector) Entries(context.Context, ...store.EntryKey) ([]store.Entry, error) {
	return nil, nil
}

// WriteEntries keeps the writes, and adds up counters.
func (c *collector) WriteEntries(_ context.Context, writes ...store.EntryWrite) error {
	for i := range writes {
		w := &writes[i]
		if !w.Counts() {
			w.If = store.Always
			c.writes = append(c.writes, *w)
			continue
		}
		total := c.totals[w.EntryKey]
		if total == nil {
			c.totals[w.EntryKey] = w
			continue
		}
		for name, n := range w.Add {
			total.Add[name] += n
		}
		maps.Copy(total.Set, w.Set)
	}
	return nil
}
