package job

import "context"

// reportBatch is the number of chunks of the report that are read with one call. A chunk has at
// most store.MaxEntry bytes.
const reportBatch = 25

// Reports reads the report of a job, chunk by chunk, from its beginning.
type Reports struct {
	t *Task
	// number is that of the next chunk that is not in read.
	number int
	read   []Chunk
}

// Reports returns a reader of the report. It also reads the items that the next Save stores.
func (t *Task) Reports() *Reports { return &Reports{t: t} }

// Next returns the next chunk. ok is false at the end. Errors: store.ErrUnavailable.
func (r *Reports) Next(ctx context.Context) (c Chunk, ok bool, err error) {
	if len(r.read) == 0 {
		if r.number >= r.t.Job.Reports {
			return c, false, nil
		}
		last := min(r.number+reportBatch, r.t.Job.Reports)
		if r.read, err = r.t.chunks(ctx, donePartition, r.number, last); err != nil {
			return c, false, err
		}
		r.number = last
	}
	c = r.read[0]
	r.read[0] = Chunk{} // for the collector
	r.read = r.read[1:]
	return c, true, nil
}
