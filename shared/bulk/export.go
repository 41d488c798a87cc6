package bulk

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Result is the result of a job. The keys are those of objects in the bucket, which expire
// archive.FileAge after the end of the job.
type Result struct {
	// Zip is the key of the file of an export, and ZipBytes its size.
	Zip      string `json:"zip,omitempty"`
	ZipBytes int64  `json:"zip_bytes,omitempty"`
	// List is the key of the list of the recordings. Other jobs than exports have one if
	// more than job.MaxNotDone of them were not done.
	List string `json:"list,omitempty"`
}

// exporter is the action that copies documents and audio into a file in the bucket.
type exporter struct {
	planner

	bucket archive.Bucket
	record job.Record
}

// Plan implements [job.Action].
func (x *exporter) Plan(ctx context.Context, t *job.Task) (bool, error) {
	done, err := x.planner.Plan(ctx, t)
	if err == nil {
		err = archive.Check(t.Job)
	}
	return done, err
}

// Run implements [job.Action].
func (x *exporter) Run(ctx context.Context, t *job.Task) (bool, error) {
	p, err := load(t.Job)
	if err != nil {
		return false, err
	}
	params, err := paramsOf(t.Job)
	if err != nil {
		return false, err
	}
	s, err := x.choose(ctx, t.Job.Account, params, t.Job.Created)
	if err != nil {
		return false, fmt.Errorf("read the filter of a job: %w", err)
	}
	done, err := x.writer(t.Job, s).Write(ctx, t, &p.Place, func(ctx context.Context) error { return save(ctx, t, p) })
	if err != nil || !done {
		return false, err
	}
	t.Job.Result, err = json.Marshal(Result{Zip: archive.Key(t.Job, ".zip"), ZipBytes: p.Zip.Offset})
	return true, err
}

// End implements [job.Action]. It removes the parts of the file.
func (x *exporter) End(ctx context.Context, t *job.Task) error {
	p, err := load(t.Job)
	if err != nil {
		return nil //nolint:nilerr // nothing was uploaded
	}
	return x.writer(t.Job, nil).Abandon(ctx, t, &p.Place)
}

// writer returns what writes the file of a job.
func (x *exporter) writer(j *job.Job, s Selection) *archive.Writer {
	w := &archive.Writer{Store: x.store, Bucket: x.bucket, Manifest: true, Live: true, Judge: func(item job.Item, r *recording.Recording) string {
		if !still(&item, r, s) {
			return "changed"
		}
		return ""
	}}
	if record := x.record.Of(access.Listen); record != nil {
		w.Record = func(ctx context.Context, id string) error {
			if err := record(ctx, j, id); err != nil {
				return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
			}
			return nil
		}
	}
	return w
}
