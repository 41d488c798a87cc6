package person

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Bucket is what an export needs of the bucket.
type Bucket interface {
	media.Reader
	media.Assembler
	Files
}

// Export is the action that copies everything about a person into a ZIP file in the
// bucket. Its memory does not grow with the number or the size of the recordings.
type Export struct {
	// Store is the store of recordings as clients see it.
	Store Store
	// Bucket has the audio, and gets the file.
	Bucket Bucket
	// Signer signs the certificate.
	Signer *Signer
}

// maxRestarts is how often the file of an export may be begun anew because its upload was
// lost.
const maxRestarts = 3

// exportGroup is the number of documents that are read at a time. A document has up to
// 400 KB.
const exportGroup = 25

// Plan implements [job.Action].
func (x *Export) Plan(ctx context.Context, t *job.Task) (bool, error) {
	f := finder{store: x.Store}
	done, err := f.plan(ctx, t)
	if err == nil && t.Job.Plan.Bytes > MaxExport {
		return false, &job.ProblemError{Text: "the audio has more than 256 GB, which is too much for one file"}
	}
	return done, err
}

// Run implements [job.Action]. It writes the file, searches again, and makes the
// certificate.
func (x *Export) Run(ctx context.Context, t *job.Task) (bool, error) {
	subject, p, err := load(t.Job)
	if err != nil {
		return false, err
	}
	if p.Phase == work || p.Phase == closing {
		done, err := x.file(ctx, t, p, subject)
		if err != nil || !done {
			return false, err
		}
		*p = place{Phase: again, Zip: p.Zip}
		if err := save(ctx, t, p); err != nil {
			return false, err
		}
	}
	if p.Phase == again {
		f := finder{store: x.Store}
		done, err := f.searchAgain(ctx, t, p, subject)
		if err != nil || !done {
			return false, err
		}
	}
	return true, finish(ctx, t, p, x.Bucket, x.Signer, copied, true)
}

// End implements [job.Action]. It removes the parts of the file.
func (x *Export) End(ctx context.Context, t *job.Task) error {
	_, p, err := load(t.Job)
	if err != nil || p.Zip == nil || p.Zip.Upload == "" {
		return nil //nolint:nilerr // nothing was uploaded
	}
	return x.Bucket.Abandon(ctx, fileKey(t.Job, ".zip"), p.Zip.Upload)
}

// file writes the file for one slice. If its upload was lost, it begins anew: the bucket's
// lifecycle removes uploads that take longer than two days.
func (x *Export) file(ctx context.Context, t *job.Task, p *place, s Subject) (done bool, err error) {
	if p.Phase == work {
		done, err = x.pack(ctx, t, p, s)
	}
	if err == nil && p.Phase == closing {
		done, err = true, x.complete(ctx, t, p)
	}
	if !errors.Is(err, media.ErrNotFound) && !errors.Is(err, media.ErrChanged) {
		return done, err
	}
	if p.Zip.Restarts++; p.Zip.Restarts > maxRestarts {
		return false, &job.ProblemError{Text: "the bucket lost the parts of the file several times"}
	}
	if err := x.Bucket.Abandon(ctx, fileKey(t.Job, ".zip"), p.Zip.Upload); err != nil {
		return false, err
	}
	*p = place{Zip: &zipState{Restarts: p.Zip.Restarts}}
	t.Discard()
	return false, save(ctx, t, p)
}

// begin begins the file, unless that was done. The upload is saved before any part is
// sent, so that a cancelled job can remove the parts.
func (x *Export) begin(ctx context.Context, t *job.Task, p *place) error {
	if p.Zip != nil && p.Zip.Upload != "" {
		return nil
	}
	if p.Zip == nil {
		p.Zip = &zipState{}
	}
	upload, err := x.Bucket.Begin(ctx, fileKey(t.Job, ".zip"), "application/zip")
	if err != nil {
		return err
	}
	p.Zip.Upload, p.Zip.PartSize = upload, partSize(t.Job.Plan.Bytes)
	return save(ctx, t, p)
}

// pack adds the recordings of the plan, and at the end the directory.
func (x *Export) pack(ctx context.Context, t *job.Task, p *place, s Subject) (done bool, err error) {
	if err := x.begin(ctx, t, p); err != nil {
		return false, err
	}
	k := newPacker(x.Bucket, fileKey(t.Job, ".zip"), p.Zip)
	for ; p.Chunk < t.Job.Chunks; p.Chunk, p.Item = p.Chunk+1, 0 {
		items, err := t.Planned(ctx, p.Chunk)
		if err != nil {
			return false, err
		}
		for p.Item < len(items) {
			group := items[p.Item:min(p.Item+exportGroup, len(items))]
			if spent, err := x.packGroup(ctx, t, p, k, group, s); err != nil || spent {
				return false, err
			}
		}
	}
	if err := k.directory(ctx, t); err != nil {
		return false, err
	}
	if err := k.checkpoint(ctx, t); err != nil {
		return false, err
	}
	p.Phase = closing
	return true, save(ctx, t, p)
}

// packGroup adds some recordings. spent is true if a checkpoint ended the slice.
func (x *Export) packGroup(ctx context.Context, t *job.Task, p *place, k *packer, group []job.Item, s Subject) (spent bool, err error) {
	ids := make([]string, len(group))
	for i := range group {
		ids[i] = group[i].ID
	}
	found, err := x.Store.Find(ctx, t.Job.Account, ids)
	if err != nil {
		return false, fmt.Errorf("read documents: %w", err)
	}
	matches := s.Matcher()
	for _, item := range group {
		r := recordingOf(found[item.ID])
		switch {
		case r == nil:
			k.leave(item, "deleted")
		case !matches(r):
			k.leave(item, "no_longer_matches")
		default:
			if err := k.add(ctx, item, r); err != nil {
				return false, err
			}
		}
		p.Item++
		if !k.due(t.Spent()) {
			continue
		}
		if err := k.checkpoint(ctx, t); err != nil {
			return false, err
		}
		if err := save(ctx, t, p); err != nil || t.Spent() {
			return true, err
		}
	}
	return false, nil
}

// recordingOf returns the recording, also if it is deleted and could be restored, or nil.
func recordingOf(f store.Found) *recording.Recording {
	if f.Tombstone != nil {
		return f.Tombstone.Recording
	}
	return f.Recording
}

// complete joins the parts of the file.
func (x *Export) complete(ctx context.Context, t *job.Task, p *place) error {
	all, err := tags(ctx, t)
	if err != nil {
		return err
	}
	return x.Bucket.Complete(ctx, fileKey(t.Job, ".zip"), p.Zip.Upload, all)
}
