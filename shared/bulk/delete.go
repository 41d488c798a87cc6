package bulk

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/purge"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// deleter is the action that deletes recordings as a DELETE does.
type deleter struct {
	store   DeleteStore
	decides *deletion.Deleter
	audio   media.Purger
	record  job.Record
}

// DeleteStore is the part of a driver that deletions need.
type DeleteStore interface {
	store.Finder
	deletion.Store
	purge.Store
}

// batch deletes the recordings of a batch.
func (d *deleter) batch(ctx context.Context, b *batch) error {
	return job.Each(b.items, func(item *job.Item) error { return d.delete(ctx, b, item) })
}

// delete deletes one recording and sets its outcome.
func (d *deleter) delete(ctx context.Context, b *batch, item *job.Item) error {
	seen := item.Bytes
	entry := audit.Entry{Action: access.Delete, Recording: item.ID}
	err := audited(ctx, b, d.record, entry, func(ready func() error) error {
		r, err := d.decides.Delete(ctx, b.job.Account, item.ID, deletion.Request{
			By: b.job.Confirmer.Owner, Last: ready,
			Check: func(r *recording.Recording) error {
				if !still(item, r, b.selection) {
					return errChanged
				}
				seen = r.Audio.ManagedBytes()
				return nil
			},
		})
		if err == nil && r.Removal == nil {
			// If this fails, the purge stays pending, and is finished as that of any other
			// deletion.
			_ = purge.Finish(ctx, d.store, d.audio, store.Tombstone{Account: r.Account, ID: r.ID, Audio: r.Audio})
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return d.gone(ctx, b, item)
	}
	item.Bytes = seen
	return b.judge(item, err)
}

// gone sets the outcome of a recording that does not exist: a worker of this job may have
// deleted it before it was killed.
func (d *deleter) gone(ctx context.Context, b *batch, item *job.Item) error {
	found, err := d.store.Find(ctx, b.job.Account, []string{item.ID})
	if err != nil {
		return fmt.Errorf("find a tombstone: %w", err)
	}
	item.Outcome, item.Cause = job.Skipped, "deleted"
	if b.deleted(found[item.ID].Tombstone) {
		item.Outcome, item.Cause = job.Completed, ""
	}
	return nil
}

// deleted reports whether a tombstone is the work of the batch. A deletion by the same user
// at the same time counts, too.
func (b *batch) deleted(t *store.Tombstone) bool {
	if t == nil || t.Cause != store.CauseDeleted || t.Deleted < b.since-skew {
		return false
	}
	purged := t.Until == 0 && !t.PurgePending // it no longer names the user
	return purged || t.By == b.job.Confirmer.Owner
}

// settle implements runner.settle.
func (d *deleter) settle(ctx context.Context, b *batch) ([]job.Item, error) {
	found, err := job.Find(ctx, d.store, b.job.Account, b.items)
	return b.those(func(item *job.Item) bool { return b.deleted(found[item.ID].Tombstone) }), err
}
