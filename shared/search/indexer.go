package search

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

const (
	// Lease is how long a run may work on the entries of a recording before another takes
	// over. A run ends after half of that time, so no write of an old run follows those of a new one.
	Lease = time.Minute
	// maxConflicts bounds how often a run starts again because others change the same
	// recording. The event is then delivered again.
	maxConflicts = 5
)

// ErrBusy means that another run works on the recording, or died while it did. The caller
// tries again when Lease has passed.
var ErrBusy = errors.New("another run indexes the recording")

// Store has the recordings and the entries of the index.
type Store interface {
	store.Reader
	store.Finder
	store.Entries
	store.BulkWriter
}

// Indexer keeps the index and the totals of recordings. It is safe for concurrent use, also
// by several processes.
type Indexer struct {
	// Store has the recordings and the index.
	Store Store
	// Now is the clock, and Random the source of the IDs of runs.
	Now    func() time.Time
	Random io.Reader
	// Atomic writes an ordinary recording's entries in one transaction. It is faster where
	// a transaction costs one sync of a disk, and costs twice as much on DynamoDB.
	Atomic bool
}

// Index brings the index and the totals up to date with one recording as it is now,
// whether it exists or not. It does nothing if they are. After an error they may be partly
// changed, and the next run completes them. Errors: ErrBusy, store.ErrUnavailable,
// store.ErrConflict if too many others change the recording.
func (x *Indexer) Index(ctx context.Context, account, id string) error {
	ctx, cancel := context.WithTimeout(ctx, Lease/2)
	defer cancel()
	for try := 1; ; try++ {
		err := x.index(ctx, account, id)
		if !errors.Is(err, store.ErrConflict) || try == maxConflicts {
			return err
		}
	}
}

// run is one attempt to index a recording.
type run struct {
	*Indexer
	account, id string
	name        string
	// revision is the revision of the stored marker; "" means that there is no marker.
	revision string
	// until is until when a deleted recording can be restored; 0 if it cannot.
	until recording.Seconds
}

func (x *Indexer) index(ctx context.Context, account, id string) error {
	name := make([]byte, 8)
	if _, err := io.ReadFull(x.Random, name); err != nil {
		return fmt.Errorf("name a run of the index: %w", err)
	}
	r := &run{Indexer: x, account: account, id: id, name: hex.EncodeToString(name)}
	was, err := r.read(ctx) // before the recording, so that a later run's marker is not overwritten
	if err != nil {
		return err
	}
	if was.Until > x.Now().UnixMilli() {
		return fmt.Errorf("%w: %s/%s", ErrBusy, account, id)
	}
	found, err := x.Store.Find(ctx, account, []string{id})
	if err != nil {
		return err
	}
	now := found[id]
	if now.Tombstone != nil {
		r.until = now.Tombstone.Until
	}
	return r.bring(ctx, &was, now.Recording)
}

// bring brings the index from the state of a marker to that of a recording.
func (r *run) bring(ctx context.Context, was *marker, rec *recording.Recording) error {
	if rec == nil && (r.revision == "" || was.gone()) || rec != nil && was.current(rec.Revision) {
		return nil
	}
	next := markerFor(rec)
	c := was.changeTo(&next, r.account, r.id)
	c.totals.bill(was, &next, r.now())
	next.Lowered = c.totals.lowered(was.Lowered)
	if err := r.apply(ctx, was, &next, &c); err != nil || !next.pending() {
		return err
	}
	return r.finish(ctx, &next, &c)
}

// apply stores the new state. The entries and counters that are left to remove are then in next and
// its marker.
func (r *run) apply(ctx context.Context, was, next *marker, c *change) error {
	if r.Atomic {
		if done, err := r.atOnce(ctx, next, c); done || err != nil {
			return err
		}
	}
	if err := r.put(ctx, was, c); err != nil {
		return err
	}
	next.Loose = c.remove
	return r.save(ctx, next, c.totals.writes(r.account, r.now())...)
}

func (r *run) now() recording.Seconds { return recording.SecondsOf(r.Now()) }

// atOnce makes the whole change in one transaction, up to counters that are then empty: only a
// read after the change shows which ones are. done is false if it has too many
// writes.
func (r *run) atOnce(ctx context.Context, next *marker, c *change) (done bool, err error) {
	writes, err := c.writes(true, true)
	if err != nil {
		return false, err
	}
	writes = append(writes, c.totals.writes(r.account, r.now())...)
	if len(writes) >= store.MaxEntries {
		return false, nil
	}
	return true, r.save(ctx, next, writes...)
}

// put writes new entries. Before, the marker gets their keys, so that they are found if
// this run dies.
func (r *run) put(ctx context.Context, was *marker, c *change) error {
	if len(c.put) == 0 {
		return nil
	}
	intent := *was
	intent.Loose = slices.Clone(was.Loose)
	for key := range c.put {
		if !slices.Contains(intent.Loose, key) {
			intent.Loose = append(intent.Loose, key)
		}
	}
	slices.Sort(intent.Loose)
	if err := r.save(ctx, &intent); err != nil {
		return err
	}
	if err := r.reread(ctx); err != nil {
		return err
	}
	return r.each(ctx, c, true)
}

// finish removes the entries that the marker no longer has, and the counters that count
// nothing any more. Then the marker forgets about them.
func (r *run) finish(ctx context.Context, next *marker, c *change) error {
	if len(next.Loose) > 0 {
		if err := r.each(ctx, c, false); err != nil {
			return err
		}
	}
	if err := r.removeLowered(ctx, next.Lowered); err != nil {
		return err
	}
	if err := r.reread(ctx); err != nil {
		return err
	}
	next.Loose, next.Lowered = nil, nil
	return r.save(ctx, next)
}

// each writes or removes entries, each by itself.
func (r *run) each(ctx context.Context, c *change, put bool) error {
	writes, err := c.writes(put, !put)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(writes, store.MaxEntries) {
		if err := r.Store.WriteEach(ctx, part...); err != nil {
			return fmt.Errorf("index %s/%s: %w", r.account, r.id, err)
		}
	}
	return nil
}

// read reads the marker and its revision.
func (r *run) read(ctx context.Context) (marker, error) {
	found, err := r.Store.Entries(ctx, markerKey(r.account, r.id))
	if err != nil || len(found) == 0 {
		r.revision = ""
		return marker{}, err
	}
	r.revision = found[0].Revision
	return markerOf(&found[0])
}

// reread reads the revision of the marker that this run has just written. Error:
// store.ErrConflict if another run has written since.
func (r *run) reread(ctx context.Context) error {
	m, err := r.read(ctx)
	if err == nil && m.Run != r.name {
		err = fmt.Errorf("%w: index %s/%s", store.ErrConflict, r.account, r.id)
	}
	return err
}

// save stores the marker together with other writes, on condition that it has not changed
// since this run read it. A marker of nothing is removed, and one of a recording that
// is gone expires. A marker of which something is left to do keeps other runs away.
func (r *run) save(ctx context.Context, m *marker, others ...store.EntryWrite) error {
	m.Until, m.Run = 0, ""
	if m.pending() {
		m.Until, m.Run = r.Now().Add(Lease).UnixMilli(), r.name
	}
	w := store.Replace(store.Entry{EntryKey: markerKey(r.account, r.id), Revision: r.revision})
	switch nothing := m.Revision == "" && !m.pending() && m.Counted == nil && m.Added == nil; {
	case nothing && r.revision == "":
		w.CheckOnly = true
	case nothing:
		w.Delete = true
	}
	w.Expires = r.expiry(m)
	var err error
	if w.Value, err = m.encode(); err != nil {
		return err
	}
	if err := r.Store.WriteEntries(ctx, append([]store.EntryWrite{w}, others...)...); err != nil {
		return fmt.Errorf("index %s/%s: %w", r.account, r.id, err)
	}
	return nil
}
