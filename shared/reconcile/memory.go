package reconcile

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/callrecordings/api/shared/store"
)

// Memory returns entries in memory, for the progress of a run that need not survive the
// process. Entries do not expire in it.
func Memory() store.Entries { return &memory{all: map[store.EntryKey]store.Entry{}} }

type memory struct {
	mu     sync.Mutex
	all    map[store.EntryKey]store.Entry
	writes int
}

// Entries implements [store.EntryReader].
func (m *memory) Entries(_ context.Context, keys ...store.EntryKey) (found []store.Entry, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		if e, ok := m.all[k]; ok {
			found = append(found, e)
		}
	}
	return found, nil
}

// PageEntries implements [store.EntryReader].
func (m *memory) PageEntries(_ context.Context, q store.EntryQuery) (p store.EntryPage, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	direction := 1
	if q.Descending {
		direction = -1
	}
	for k, e := range m.all {
		if k.Partition == q.Partition && strings.HasPrefix(k.Key, q.Prefix) && (q.After == "" || direction*cmp.Compare(k.Key, q.After) > 0) {
			p.Entries = append(p.Entries, e)
		}
	}
	slices.SortFunc(p.Entries, func(a, b store.Entry) int { return direction * cmp.Compare(a.Key, b.Key) })
	if len(p.Entries) > q.Limit {
		p.Entries = p.Entries[:q.Limit]
		p.Next = p.Entries[q.Limit-1].Key
	}
	return p, nil
}

// WriteEntries implements [store.Entries].
func (m *memory) WriteEntries(_ context.Context, writes ...store.EntryWrite) error {
	if err := store.CheckEntries(writes); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range writes {
		e, ok := m.all[writes[i].EntryKey]
		if writes[i].If == store.IfAbsent && ok || writes[i].If == store.IfUnchanged && (!ok || e.Revision != writes[i].Revision) {
			return store.ErrConflict
		}
	}
	for i := range writes {
		switch w := &writes[i]; {
		case w.CheckOnly:
		case w.Delete:
			delete(m.all, w.EntryKey)
		default:
			m.writes++
			e := w.Entry
			e.Value, e.Revision = slices.Clone(w.Value), strconv.Itoa(m.writes)
			m.all[w.EntryKey] = e
		}
	}
	return nil
}
