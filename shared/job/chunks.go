package job

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// MaxChunk is the maximum number of items in a chunk. An item of a plan has at most some 290 bytes,
// so 1,000 fit into an entry (store.MaxEntry). Items of reports also have holds, so actions report
// fewer at once.
const MaxChunk = 1000

// ChunkAge is how long the chunks of a job are kept after they were written. It is longer
// than a job is.
const ChunkAge = 60 * 24 * time.Hour

// Chunk is the value of an entry with items.
type Chunk struct {
	Items []Item `json:"items"`
	// Extra holds additional data of the action.
	Extra json.RawMessage `json:"extra,omitempty"`
}

// chunkKey returns the key of a chunk. kind is planPartition or donePartition.
func chunkKey(kind string, j *Job, number int) store.EntryKey {
	return store.EntryKey{Partition: kind + j.Account + "/" + j.ID, Key: fmt.Sprintf("%08d", number)}
}

// chunkWrite returns the write of a chunk.
func (e *Engine) chunkWrite(kind string, j *Job, number int, c Chunk) (store.EntryWrite, error) {
	value, err := json.Marshal(c)
	if err != nil {
		return store.EntryWrite{}, fmt.Errorf("encode items: %w", err)
	}
	return store.EntryWrite{Entry: store.Entry{
		EntryKey: chunkKey(kind, j, number), Value: value,
		Expires: recording.SecondsOf(e.options.Now().Add(ChunkAge)),
	}}, nil
}

// chunks returns the chunks of a kind from number first to before last, with one call. They may
// be some that the next Save stores.
func (t *Task) chunks(ctx context.Context, kind string, first, last int) ([]Chunk, error) {
	values := map[store.EntryKey][]byte{}
	for i := range t.pending {
		values[t.pending[i].EntryKey] = t.pending[i].Value
	}
	var stored []store.EntryKey
	for n := first; n < last; n++ {
		if key := chunkKey(kind, t.Job, n); values[key] == nil {
			stored = append(stored, key)
		}
	}
	if len(stored) > 0 {
		found, err := t.engine.book.Entries.Entries(ctx, stored...)
		if err != nil {
			return nil, fmt.Errorf("read items: %w", err)
		}
		for i := range found {
			values[found[i].EntryKey] = found[i].Value
		}
	}
	chunks := make([]Chunk, last-first)
	for i := range chunks {
		value := values[chunkKey(kind, t.Job, first+i)]
		if value == nil {
			return nil, fmt.Errorf("chunk %d of the job %s does not exist", first+i, t.Job.ID)
		}
		if err := json.Unmarshal(value, &chunks[i]); err != nil {
			return nil, fmt.Errorf("decode items: %w", err)
		}
	}
	return chunks, nil
}

// AddPlan adds items to the plan. The next Save stores them. There may be any number of
// them up to MaxChunk, and none.
func (t *Task) AddPlan(items []Item) error {
	if len(items) == 0 {
		return nil
	}
	stored := slices.Clone(items)
	for i := range stored {
		if stored[i].Outcome == Held && len(t.Job.HeldItems) < MaxHeldItems {
			t.Job.HeldItems = append(t.Job.HeldItems, stored[i].listed())
		}
		stored[i].Holds = nil // they may be many
	}
	w, err := t.engine.chunkWrite(planPartition, t.Job, t.Job.Chunks, Chunk{Items: stored})
	if err != nil {
		return err
	}
	t.pending = append(t.pending, w)
	t.Job.Chunks++
	p := &t.Job.Plan
	for _, item := range items {
		p.Add(item.Bytes)
		if item.Outcome == Held {
			p.Held.Add(item.Bytes)
		}
		if p.Oldest == 0 || item.Created < p.Oldest {
			p.Oldest = item.Created
		}
		p.Newest = max(p.Newest, item.Created)
	}
	return nil
}

// AddReport adds worked items to the report and to the progress. The next Save stores
// them, each with MaxHolds holds at most. extra is additional data of the action, or nil.
func (t *Task) AddReport(items []Item, extra any) error {
	c := Chunk{Items: make([]Item, len(items))}
	for i, item := range items {
		c.Items[i] = item.cut()
	}
	if extra != nil {
		raw, err := json.Marshal(extra)
		if err != nil {
			return fmt.Errorf("encode a report: %w", err)
		}
		c.Extra = raw
	}
	w, err := t.engine.chunkWrite(donePartition, t.Job, t.Job.Reports, c)
	if err != nil {
		return err
	}
	t.pending = append(t.pending, w)
	t.Job.Reports++
	for _, item := range items {
		t.Job.count(item)
	}
	return nil
}

// Planned returns a chunk of the plan, counted from 0.
func (t *Task) Planned(ctx context.Context, number int) ([]Item, error) {
	read, err := t.chunks(ctx, planPartition, number, number+1)
	if err != nil {
		return nil, err
	}
	return read[0].Items, nil
}

// PlannedFrom returns up to size items of a chunk of the plan, both counted from 0, beginning with
// the item at from. Behind the end of the chunk they are those of the next one, and behind the
// last chunk there are none.
func (t *Task) PlannedFrom(ctx context.Context, number, from, size int) ([]Item, error) {
	for ; number < t.Job.Chunks; number, from = number+1, 0 {
		items, err := t.Planned(ctx, number)
		if err != nil {
			return nil, err
		}
		if from < len(items) {
			return items[from:min(from+size, len(items))], nil
		}
	}
	return nil, nil
}

// Discard begins the report and the progress anew. The next Save stores that.
func (t *Task) Discard() {
	t.pending = nil
	t.Job.Reports, t.Job.Progress, t.Job.NotDone = 0, Progress{}, nil
}
