package bulk

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Updater changes recordings. It is a part of store.Writer.
type Updater interface {
	// Update is the method of store.Writer.
	Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error)
}

// TagStore is the part of a driver that tags need.
type TagStore interface {
	store.Finder
	Updater
}

// tagger is the action that merges user_metadata into documents as a PATCH does.
type tagger struct {
	store  TagStore
	record job.Record
}

// batch changes the recordings of a batch.
func (g *tagger) batch(ctx context.Context, b *batch) error {
	patch, err := b.patch()
	if err != nil {
		return err
	}
	return job.Each(b.items, func(item *job.Item) error { return g.tag(ctx, b, item, patch) })
}

// patch returns the patch that the job applies.
func (b *batch) patch() (recording.Patch, error) {
	p, err := recording.ParsePatch(append(append([]byte(`{"user_metadata":`), b.params.Metadata...), '}'))
	if err != nil {
		return p, fmt.Errorf("read the user_metadata of a job: %w", err)
	}
	return p, nil
}

// settle implements runner.settle.
func (g *tagger) settle(ctx context.Context, b *batch) ([]job.Item, error) {
	patch, err := b.patch()
	if err != nil {
		return nil, err
	}
	found, err := job.Find(ctx, g.store, b.job.Account, b.items)
	return b.those(func(item *job.Item) bool {
		r := found[item.ID].Recording
		if r == nil || r.Modified < b.since-skew {
			return false
		}
		d, err := patch.Apply(r.Document)
		return err == nil && d == r.Document
	}), err
}

// errSame ends a change that would change nothing.
var errSame = errors.New("the recording has these values already")

// tag changes one recording and sets its outcome. A recording that has the values already is
// done, whether it matches or not: this job may have changed it so that it no longer does.
func (g *tagger) tag(ctx context.Context, b *batch, item *job.Item, patch recording.Patch) error {
	entry := audit.Entry{Action: access.Tag, Recording: item.ID}
	err := audited(ctx, b, g.record, entry, func(ready func() error) error {
		_, err := g.store.Update(ctx, b.job.Account, item.ID, func(r *recording.Recording) error {
			d, err := patch.Apply(r.Document)
			switch {
			case err == nil && d == r.Document:
				return errSame
			case !still(item, r, b.selection):
				return errChanged
			case err != nil:
				return err
			}
			r.Document, r.Modified = d, b.now
			return ready()
		})
		return err
	})
	if errors.Is(err, errSame) {
		err = nil
	}
	return b.judge(item, err)
}
