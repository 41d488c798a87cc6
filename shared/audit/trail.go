package audit

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// ErrUnrecorded means that the entry of a request could not be stored, so that the
// request must be refused. It wraps the store's error.
var ErrUnrecorded = errors.New("the audit trail could not be written")

// Options configure a trail.
type Options struct {
	// Level selects what to record.
	Level Level
	// Days is how long entries are kept; 0 means [DefaultDays].
	Days int
	// Addresses is how much of a client's address is kept.
	Addresses Addresses
	// Now is the clock.
	Now func() time.Time
	// Random is the source of writers' IDs.
	Random io.Reader
}

// DefaultDays is how long entries are kept by default: seven years.
const DefaultDays = 2557

// The limits of the chains and listenings that a process remembers. Forgetting one only costs
// another chain or another entry.
const (
	maxChains    = 4096
	maxListeners = 4096
)

// Trail records entries. It is safe for concurrent use.
type Trail struct {
	entries store.Entries
	options Options

	mu sync.Mutex
	// idle are the chains without a write in progress, by partition.
	idle map[string][]chain
	// idleChains is their number.
	idleChains int
	listened   map[listening]*listened
}

// chain is where the next entry of a writer goes.
type chain struct {
	writer   string
	sequence int
	previous string
}

// NewTrail returns a trail in entries.
func NewTrail(entries store.Entries, o Options) *Trail {
	if o.Days == 0 {
		o.Days = DefaultDays
	}
	return &Trail{entries: entries, options: o, idle: map[string][]chain{}, listened: map[listening]*listened{}}
}

// Record stores e, unless the trail's level leaves it out or e continues a
// listening. It sets the time and truncates the address. Errors: ErrUnrecorded.
func (t *Trail) Record(ctx context.Context, e Entry) error {
	e.Time = t.options.Now().UTC().Truncate(time.Millisecond)
	e.Address = t.options.Addresses.truncate(e.Address)
	if !t.options.Level.covers(e) {
		return nil
	}
	err := t.recordOnce(ctx, e)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnrecorded, err)
	}
	return nil
}

// recordOnce stores e, unless it continues a listening.
func (t *Trail) recordOnce(ctx context.Context, e Entry) error {
	l, ok := listeningOf(e)
	if !ok {
		return t.store(ctx, e)
	}
	one, err := t.begin(ctx, l, e)
	if err != nil || one == nil {
		return err
	}
	err = t.store(ctx, e)
	t.end(l, one, err == nil)
	return err
}

// store appends e to a chain.
func (t *Trail) store(ctx context.Context, e Entry) error {
	day := e.Time.Format(dayFormat)
	in := partition(e.Account, day)
	c, err := t.take(in)
	if err != nil {
		return err
	}
	value, err := json.Marshal(stored{Entry: e, Previous: c.previous})
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	key := place{time: e.Time, writer: c.writer, sequence: c.sequence}.key()
	expires := recording.SecondsOf(e.Time.AddDate(0, 0, t.options.Days))
	writes := []store.EntryWrite{{
		Entry: store.Entry{EntryKey: store.EntryKey{Partition: in, Key: key}, Value: value, Expires: expires}, If: store.IfAbsent,
	}}
	if c.sequence == 0 { // readers look up the days that have entries
		writes = append(writes, store.EntryWrite{Entry: store.Entry{
			EntryKey: store.EntryKey{Partition: daysPartition + e.Account, Key: day}, Value: []byte("{}"), Expires: expires,
		}})
	}
	if err := t.entries.WriteEntries(ctx, writes...); err != nil {
		return err // the outcome may be unknown, so the chain ends here
	}
	t.give(in, chain{writer: c.writer, sequence: c.sequence + 1, previous: hash(key, value)})
	return nil
}

// take returns an idle chain of a partition, or a new one.
func (t *Trail) take(in string) (chain, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if idle := t.idle[in]; len(idle) > 0 {
		c := idle[len(idle)-1]
		t.idle[in] = idle[:len(idle)-1]
		t.idleChains--
		return c, nil
	}
	var id [8]byte
	if _, err := io.ReadFull(t.options.Random, id[:]); err != nil {
		return chain{}, fmt.Errorf("make an ID: %w", err)
	}
	return chain{writer: hex.EncodeToString(id[:])}, nil
}

// give makes a chain idle. Past maxChains, all idle chains are forgotten: most are those
// of earlier days.
func (t *Trail) give(in string, c chain) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.idleChains >= maxChains {
		clear(t.idle)
		t.idleChains = 0
	}
	t.idle[in] = append(t.idle[in], c)
	t.idleChains++
}
