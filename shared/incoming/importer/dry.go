package importer

import (
	"context"
	"fmt"

	"github.com/callrecordings/api/shared/incoming"
	"github.com/callrecordings/api/shared/recording"
)

// Sizer is a source that can report the size of audio without fetching it.
type Sizer interface {
	// Size returns the size of an item's audio in bytes. Its errors are those of
	// Source.Open.
	Size(ctx context.Context, it *Item) (int64, error)
}

// DryRun lists the recordings of s without writing anything. o.Tally counts as Copied the items
// that Run would copy, and reports their notes. If s is a Sizer, DryRun estimates the total size
// from samples of the recordings without a known size: the first 16, and then
// every one whose number is a power of two.
func DryRun(ctx context.Context, s Source, t Target, o Options) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r := newRun(s, t, o, end)
	r.forEach(ctx, func(t task) Result { return r.preview(ctx, t) })
	return context.Cause(ctx)
}

// preview returns the result that a real run would have for the item.
func (r *run) preview(ctx context.Context, t task) Result {
	it, found := t.item, t.found
	res := Result{Account: it.Account, ID: it.ID, Name: it.Name}
	if err := it.refusal(); err != nil {
		return res.ends(Refused, err)
	}
	if it.ID == "" {
		// A dry run claims nothing. This is the ID that the item would get.
		res.ID = recording.StemID(it.Account, it.Stem, it.Started)
		var err error
		if found, err = r.foundOne(ctx, it.Account, res.ID); err != nil {
			return r.failed(ctx, res, err)
		}
	}
	wantsAudio := r.wantsAudio(it)
	switch {
	case found.Tombstone != nil && !r.Revive:
		return res.ends(Deleted, nil)
	case found.Recording != nil:
		has := found.Recording.Audio
		res.Lack = lackOf(has)
		if !wantsAudio || !incoming.NeedsAudio(has) {
			return res.ends(Known, nil)
		}
	}
	if res.Lack = lackOf(it.Audio); r.lost(it) && it.Audio.Place == recording.Managed {
		res.Lack = Lost
	}
	if wantsAudio {
		if err := r.estimate(ctx, it); err != nil {
			return r.failed(ctx, res, err)
		}
	}
	res = res.ends(Copied, nil)
	res.Reason = it.Note
	return res
}

// sampled reports whether to ask for the size of the n-th unsized recording.
func sampled(n int64) bool { return n <= 16 || n&(n-1) == 0 }

// estimate adds an item's audio to the estimate.
func (r *run) estimate(ctx context.Context, it *Item) error {
	duration := incoming.Duration(it.Document)
	var unsized int64
	r.Tally.update(func(c *Count) {
		c.ToCopy.Recordings++
		if it.Audio.Size > 0 {
			c.ToCopy.Bytes += it.Audio.Size
			return
		}
		c.ToCopy.Unsized++
		c.ToCopy.Duration += duration
		unsized = c.ToCopy.Unsized
	})
	s, ok := r.source.(Sizer)
	if !ok || unsized == 0 || !sampled(unsized) {
		return nil
	}
	size, err := s.Size(ctx, it)
	if err != nil {
		return fmt.Errorf("its audio: %w", err)
	}
	r.Tally.update(func(c *Count) {
		c.ToCopy.Samples++
		c.ToCopy.SampleBytes += size
		c.ToCopy.SampleDuration += duration
	})
	return nil
}
