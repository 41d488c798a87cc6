package archive

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Bucket has the audio, and gets the file.
type Bucket interface {
	media.Reader
	media.Assembler
	media.Purger
	// Put is the method of media.Writer.
	Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error
}

// Writer writes the file of a job.
type Writer struct {
	// Store finds the recordings.
	Store store.Finder
	// Bucket has the audio, and gets the file.
	Bucket Bucket
	// Judge returns "" for a recording that belongs into the file, or the reason why it
	// does not, a short code.
	Judge func(job.Item, *recording.Recording) string
	// Record, if not nil, is called before the audio of a recording is read. Its error is
	// one that a retry may overcome.
	Record func(ctx context.Context, id string) error
	// Manifest adds a file with one line for each recording of the plan.
	Manifest bool
	// Live leaves deleted recordings out, also those that could be restored.
	Live bool
}

// Place is where the work continues. It is a part of the job's cursor.
type Place struct {
	// Chunk and Item are the next item of the plan.
	Chunk int `json:"chunk,omitempty"`
	Item  int `json:"item,omitempty"`
	// Closing is true once all parts have been sent.
	Closing bool `json:"closing,omitempty"`
	// Zip is the state of the file; nil before its beginning.
	Zip *State `json:"zip,omitempty"`
}

const (
	// maxRestarts is how often a file may be begun anew because its upload was lost.
	maxRestarts = 3
	// group is the number of documents that are read at a time. A document has up to 400 KB.
	group = 25
)

// FileAge is how long the files of a job are kept after its end (template.yaml).
const FileAge = 7 * 24 * time.Hour

// Key returns the key of a file of a job, with a suffix such as ".zip".
func Key(j *job.Job, suffix string) string {
	return recording.ExportsPrefix + j.Account + "/" + j.ID + suffix
}

func zipKey(t *job.Task) string { return Key(t.Job, ".zip") }

// Check returns an error for clients if the plan of a job is too large for one file.
func Check(j *job.Job) error {
	if j.Plan.Bytes > MaxBytes {
		return &job.ProblemError{Text: "the audio has more than 256 GB, which is too much for one file"}
	}
	return nil
}

// Write writes the file for one slice, from p on. save stores p with a checkpoint of the
// task. done is true once the file is complete. If the upload was lost, the file begins
// anew: the bucket's lifecycle removes uploads that take longer than two days.
func (w *Writer) Write(ctx context.Context, t *job.Task, p *Place, save func(context.Context) error) (done bool, err error) {
	if !p.Closing {
		done, err = w.pack(ctx, t, p, save)
	}
	if err == nil && p.Closing {
		done, err = true, w.complete(ctx, t, p)
	}
	if !errors.Is(err, media.ErrNotFound) && !errors.Is(err, media.ErrChanged) {
		return done, err
	}
	if p.Zip.Restarts++; p.Zip.Restarts > maxRestarts {
		return false, &job.ProblemError{Text: "the bucket lost the parts of the file several times"}
	}
	if err := w.Bucket.Abandon(ctx, zipKey(t), p.Zip.Upload); err != nil {
		return false, err
	}
	*p = Place{Zip: &State{Restarts: p.Zip.Restarts, Tail: p.Zip.Tail}}
	t.Discard()
	return false, save(ctx)
}

// Abandon removes the file of a job that was not carried out, and all parts of it, no matter how
// far the work got. The file may be complete: a worker that was stopped may have completed it
// just before, and the job may have had other work to do after it.
func (w *Writer) Abandon(ctx context.Context, t *job.Task, p *Place) error {
	if p.Zip == nil {
		return nil
	}
	if p.Zip.Upload != "" {
		if err := w.Bucket.Abandon(ctx, zipKey(t), p.Zip.Upload); err != nil {
			return err
		}
	}
	if err := w.Bucket.Purge(ctx, []string{zipKey(t)}, nil); err != nil {
		return err
	}
	return w.cut(ctx, t, p.Zip)
}

// cut removes the tails of a file.
func (w *Writer) cut(ctx context.Context, t *job.Task, s *State) error {
	if s.Tail == 0 {
		return nil
	}
	return w.Bucket.Purge(ctx, []string{tailKey(zipKey(t), 1), tailKey(zipKey(t), 2)}, nil)
}

// begin begins the file, unless that was done. The upload is saved before any part is
// sent, so that a cancelled job can remove the parts.
func (w *Writer) begin(ctx context.Context, t *job.Task, p *Place, save func(context.Context) error) error {
	if p.Zip != nil && p.Zip.Upload != "" {
		return nil
	}
	if p.Zip == nil {
		p.Zip = &State{}
	}
	upload, err := w.Bucket.Begin(ctx, zipKey(t), "application/zip")
	if err != nil {
		return err
	}
	p.Zip.Upload, p.Zip.PartSize = upload, partSize(t.Job.Plan.Bytes)
	return save(ctx)
}

// pack adds the recordings of the plan, and at the end the manifest and the directory.
func (w *Writer) pack(ctx context.Context, t *job.Task, p *Place, save func(context.Context) error) (done bool, err error) {
	if err := w.begin(ctx, t, p, save); err != nil {
		return false, err
	}
	k, err := newPacker(ctx, w.Bucket, zipKey(t), p.Zip)
	if err != nil {
		return false, err
	}
	k.tries = t.Job.Tries
	for ; p.Chunk < t.Job.Chunks; p.Chunk, p.Item = p.Chunk+1, 0 {
		items, err := t.Planned(ctx, p.Chunk)
		if err != nil {
			return false, err
		}
		for p.Item < len(items) {
			some := items[p.Item:min(p.Item+group, len(items))]
			if spent, err := w.packGroup(ctx, t, p, k, some, save); err != nil || spent {
				return false, err
			}
		}
	}
	if w.Manifest {
		if err := k.manifest(ctx, t); err != nil {
			return false, err
		}
	}
	if err := k.directory(ctx, t); err != nil {
		return false, err
	}
	if err := k.checkpoint(ctx, t, true); err != nil {
		return false, err
	}
	p.Closing = true
	return true, save(ctx)
}

// packGroup adds some recordings. spent is true if a checkpoint ended the slice.
func (w *Writer) packGroup(ctx context.Context, t *job.Task, p *Place, k *packer, some []job.Item, save func(context.Context) error) (spent bool, err error) {
	found, err := job.Find(ctx, w.Store, t.Job.Account, some)
	if err != nil {
		return false, err
	}
	for _, item := range some {
		if k.careful() {
			if err := w.checkpoint(ctx, t, k, save); err != nil {
				return false, err
			}
		}
		if err := w.packOne(ctx, k, item, w.recordingOf(found[item.ID])); err != nil {
			return false, err
		}
		p.Item++
		if !k.due(t.Spent()) {
			continue
		}
		if err := w.checkpoint(ctx, t, k, save); err != nil || t.Spent() {
			return true, err
		}
	}
	return false, nil
}

// checkpoint saves the work so far.
func (w *Writer) checkpoint(ctx context.Context, t *job.Task, k *packer, save func(context.Context) error) error {
	if err := k.checkpoint(ctx, t, false); err != nil {
		return err
	}
	return save(ctx)
}

// packOne adds a recording, or notes why it is left out. r is nil if it no longer exists.
func (w *Writer) packOne(ctx context.Context, k *packer, item job.Item, r *recording.Recording) error {
	if r == nil {
		k.leave(item, "deleted")
		return nil
	}
	if cause := w.Judge(item, r); cause != "" {
		k.leave(item, cause)
		return nil
	}
	if w.Record != nil && r.Audio.Place == recording.Managed {
		if err := w.Record(ctx, r.ID); err != nil {
			return err
		}
	}
	first := k.tries >= unreadableTries && len(k.items) == 0
	k.tries = min(k.tries, 1) // the other recordings of this slice have all their tries
	if first && r.Audio.Place == recording.Managed {
		if err := k.readable(ctx, r.AudioKey()); err != nil {
			return k.addUnreadable(ctx, item, r, err)
		}
	}
	return k.add(ctx, item, r)
}

// recordingOf returns the recording, or nil. Unless the file has only live recordings, that
// is also one that is deleted and could be restored.
func (w *Writer) recordingOf(f store.Found) *recording.Recording {
	if f.Tombstone != nil && !w.Live {
		return f.Tombstone.Recording
	}
	return f.Recording
}

// complete joins the parts of the file.
func (w *Writer) complete(ctx context.Context, t *job.Task, p *Place) error {
	all, err := tags(ctx, t)
	if err != nil {
		return err
	}
	if err := w.Bucket.Complete(ctx, zipKey(t), p.Zip.Upload, all); err != nil {
		return err
	}
	return w.cut(ctx, t, p.Zip)
}
