package importer

import (
	"context"
	"fmt"

	"callrecordings/shared/incoming"
	"callrecordings/shared/recording"
)

// Sizer is a source that can tell the size of audio for less than the audio.
type Sizer interface {
	// Size of an item's audio in bytes. Errors as those of Source's Open.
	Size(ctx context.Context, it *Item) (int64, error)
}

// DryRun lists what s has and writes nothing: o.Tally counts as Copied what Run
// would copy, and estimates its audio by asking a Sizer for some of it: the
// first sixteen, and then fewer and fewer.
func DryRun(ctx context.Context, s Source, t Target, o Options) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	r := newRun(s, t, o, end)
	r.spread(ctx, func(t task) Result { return r.weigh(ctx, t) })
	return context.Cause(ctx)
}

// weigh says what take would do.
func (r *run) weigh(ctx context.Context, t task) Result {
	it, found := t.item, t.found
	res := Result{Account: it.Account, ID: it.ID, Name: it.Name}
	if err := it.refusal(); err != nil {
		return res.ends(Refused, err)
	}
	if it.ID == "" {
		// Nothing is claimed: this is the id that it would get.
		res.ID = recording.StemID(it.Account, it.Stem, it.Started)
		var err error
		if found, err = r.foundOne(ctx, it.Account, res.ID); err != nil {
			return r.failed(ctx, res, err)
		}
	}
	sound := it.Audio.Place == recording.Managed && !r.NoAudio
	switch {
	case found.Tombstone != nil && !r.Revive:
		return res.ends(Deleted, nil)
	case found.Recording != nil:
		has := found.Recording.Audio
		res.Lack = lackOf(has)
		if !sound || !incoming.NeedsAudio(has) {
			return res.ends(Known, nil)
		}
	}
	if res.Lack = lackOf(it.Audio); r.NoAudio && it.Audio.Place == recording.Managed {
		res.Lack = ""
	}
	if sound {
		if err := r.estimate(ctx, it); err != nil {
			return r.failed(ctx, res, err)
		}
	}
	return res.ends(Copied, nil)
}

// sampled says of which unsized sounds the source is asked.
func sampled(n int64) bool { return n <= 16 || n&(n-1) == 0 }

// estimate adds audio to what is to be copied.
func (r *run) estimate(ctx context.Context, it *Item) error {
	lasting := incoming.Duration(it.Document)
	var unsized int64
	r.Tally.with(func(c *Count) {
		c.ToCopy.Sounds++
		if it.Audio.Size > 0 {
			c.ToCopy.Bytes += it.Audio.Size
			return
		}
		c.ToCopy.Unsized++
		c.ToCopy.Lasting += lasting
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
	r.Tally.with(func(c *Count) {
		c.ToCopy.Samples++
		c.ToCopy.SampleBytes += size
		c.ToCopy.SampleLasting += lasting
	})
	return nil
}
