package search

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// layoutVersion is the version of the layout that markers, entries and totals have. A
	// recording that was indexed with an earlier version is indexed again when its next event
	// comes, or by [Reindexer]. Version 2 has signatures, numbers that begin with zeros, and
	// the totals of months. Version 3 counts what was added (added.go).
	layoutVersion = 3
	// versionOfMonths is the first layoutVersion with totals of months.
	versionOfMonths = 2
)

// marker describes the state of a recording in the index.
type marker struct {
	// Version is the layoutVersion of the stored entries and totals, 0 for the first.
	Version int `json:"v,omitempty"`
	// Revision is the recording's revision that is indexed; "" if none is.
	Revision string `json:"rev,omitempty"`
	// Created and Owner are those of the entries.
	Created recording.Seconds `json:"created,omitempty"`
	Owner   string            `json:"owner,omitempty"`
	// Terms are the keys of the entries before their time, with their details.
	Terms map[string]string `json:"terms,omitempty"`
	// Signature is that of the entries.
	Signature signature `json:"sig,omitempty"`
	// Counted has the counted values; nil if the totals do not include the recording.
	Counted *counted `json:"counted,omitempty"`
	// Added has the numbers that the totals have added for the recording, even if it no longer
	// exists; nil if the totals have added nothing, or if an earlier layout has indexed it.
	Added *added `json:"added,omitempty"`
	// Loose are the keys, without the ID, of entries that a run may have written or not
	// removed.
	Loose []string `json:"loose,omitempty"`
	// Lowered are the keys of counters of owners and tags that a run has lowered, and may not
	// have removed although they count nothing.
	Lowered []string `json:"lowered,omitempty"`
	// A run may change the entries and remove counters until Until (Unix milliseconds). Run is its name.
	Until int64  `json:"until,omitempty"`
	Run   string `json:"run,omitempty"`
}

// markerKey returns the key of a recording's marker.
func markerKey(account, id string) store.EntryKey {
	return store.EntryKey{Partition: markersPartition + account, Key: id}
}

// markerOf decodes a marker. The zero marker is that of a recording that is not indexed.
func markerOf(e *store.Entry) (marker, error) {
	var m marker
	if err := json.Unmarshal(e.Value, &m); err != nil {
		return m, fmt.Errorf("read the marker %s: %w: %w", e.Key, errEntry, err)
	}
	return m, nil
}

// encode returns the value of the marker. JSON for HTML would need six bytes for some
// characters, and the marker of the longest words would not fit into an entry.
func (m *marker) encode() ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("encode a marker: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// markerFor returns the marker of a fully indexed recording, and the zero marker for nil.
func markerFor(r *recording.Recording) marker {
	if r == nil {
		return marker{}
	}
	c, terms := countedOf(r), contentOf(r).terms()
	return marker{
		Version: layoutVersion, Revision: r.Revision, Created: r.Created, Owner: r.Owner,
		Terms: terms, Signature: signatureOf(terms), Counted: &c,
	}
}

// current reports whether the index has everything of a revision, in the layout of this
// version.
func (m *marker) current(revision string) bool {
	return m.Revision == revision && m.Version == layoutVersion && !m.pending()
}

// pending reports whether a run has left something to do.
func (m *marker) pending() bool { return len(m.Loose)+len(m.Lowered) > 0 }

// entries returns the entries of the terms by their keys without the ID.
func (m *marker) entries() map[string]candidate {
	all := make(map[string]candidate, len(m.Terms))
	for term, detail := range m.Terms {
		all[term+gap+padded(m.Created)] = candidate{owner: m.Owner, detail: detail, terms: m.Signature}
	}
	return all
}

// change is the difference between two states of the index.
type change struct {
	account, id string
	// put are entries to write, and remove the keys, without the ID, of those to remove.
	put    map[string]candidate
	remove []string
	totals deltas
}

// changeTo returns the change from m to next.
func (m *marker) changeTo(next *marker, account, id string) change {
	c := change{account: account, id: id, put: map[string]candidate{}, totals: deltas{}}
	old, entries := m.entries(), next.entries()
	loose := map[string]bool{}
	for _, key := range m.Loose {
		loose[key] = true
	}
	for key, e := range entries {
		if was, ok := old[key]; !ok || was != e || loose[key] {
			c.put[key] = e
		}
	}
	for key := range old {
		if _, ok := entries[key]; !ok {
			c.remove = append(c.remove, key)
		}
	}
	for key := range loose {
		if _, ok := entries[key]; !ok && !slices.Contains(c.remove, key) {
			c.remove = append(c.remove, key)
		}
	}
	slices.Sort(c.remove)
	if m.Counted != nil {
		c.totals.add(*m.Counted, m.Created, m.Owner, -1, m.Version)
	}
	if next.Counted != nil {
		c.totals.add(*next.Counted, next.Created, next.Owner, 1, next.Version)
	}
	return c
}

// writes returns the writes of the entries of terms: those to put, or those to remove.
func (c *change) writes(put, remove bool) ([]store.EntryWrite, error) {
	var all []store.EntryWrite
	if put {
		for key, e := range c.put {
			value, err := e.value()
			if err != nil {
				return nil, err
			}
			all = append(all, store.EntryWrite{Entry: store.Entry{EntryKey: c.key(key), Value: value}})
		}
	}
	if remove {
		for _, key := range c.remove {
			all = append(all, store.EntryWrite{Entry: store.Entry{EntryKey: c.key(key)}, Delete: true})
		}
	}
	slices.SortFunc(all, func(a, b store.EntryWrite) int { return strings.Compare(a.Key, b.Key) })
	return all, nil
}

// key returns the key of an entry.
func (c *change) key(withoutID string) store.EntryKey {
	return store.EntryKey{Partition: termsPartition + c.account, Key: withoutID + gap + c.id}
}
