package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

const (
	// batchSize is how many recordings are worked on between two checkpoints.
	batchSize = 200
	// busyTries is how many slices in a row may fail because other clients keep changing a
	// recording. Then that recording fails.
	busyTries = 5
	// skew is how far the clocks of two workers may be apart.
	skew = 5
)

// batch is the work between two checkpoints.
type batch struct {
	job       *job.Job
	params    Params
	selection Selection
	// items are the recordings. The work sets their outcomes.
	items []job.Item
	// since is when the batch may first have been begun. A worker that was killed may have
	// done some of it.
	since recording.Seconds
	// now is the time.
	now recording.Seconds
}

// runner is an action that works on recordings in batches.
type runner struct {
	planner

	size int
	// do works on a batch. It returns only errors that a retry may overcome, or that end the
	// job. It must be able to repeat the work of a worker that was killed.
	do func(ctx context.Context, b *batch) error
	// settle returns the items of a batch that were done since b.since. It is called for a
	// job that was cancelled, or that failed, in the middle of the batch.
	settle func(ctx context.Context, b *batch) ([]job.Item, error)
	// check, if not nil, checks a plan. Its error ends the job.
	check func(ctx context.Context, j *job.Job) error
	// files gets the list of recordings.
	files archive.Files
}

// Plan implements [job.Action].
func (r *runner) Plan(ctx context.Context, t *job.Task) (bool, error) {
	done, err := r.planner.Plan(ctx, t)
	if err == nil && r.check != nil {
		err = r.check(ctx, t.Job)
	}
	return done, err
}

// Run implements [job.Action].
func (r *runner) Run(ctx context.Context, t *job.Task) (done bool, err error) {
	b, p, err := begin(t.Job)
	if err != nil {
		return false, err
	}
	if b.selection, err = r.choose(ctx, t.Job.Account, b.params, t.Job.Created); err != nil {
		return false, fmt.Errorf("read the filter of a job: %w", err)
	}
	for ; p.Chunk < t.Job.Chunks; p.Chunk, p.Item = p.Chunk+1, 0 {
		items, err := t.Planned(ctx, p.Chunk)
		if err != nil {
			return false, err
		}
		for p.Item < len(items) {
			b.items = items[p.Item:min(p.Item+r.size, len(items))]
			b.since, b.now = max(p.Since, t.Job.Confirmed), t.Now()
			if err := r.do(ctx, b); err != nil {
				return false, err
			}
			if err := t.AddReport(b.items, nil); err != nil {
				return false, err
			}
			p.Item += len(b.items)
			if err := save(ctx, t, p); err != nil || t.Spent() {
				return false, err
			}
		}
	}
	return true, r.list(ctx, t)
}

// list stores the list of the recordings if the job itself does not have all that were not done.
func (r *runner) list(ctx context.Context, t *job.Task) error {
	if !t.Job.MoreNotDone() {
		return nil
	}
	list, err := archive.StoreList(ctx, t, r.files)
	if err != nil {
		return err
	}
	if t.Job.Result, err = json.Marshal(Result{List: list.Key}); err != nil {
		return fmt.Errorf("encode the result: %w", err)
	}
	return nil
}

// begin returns a batch of a job without items, and the place where it continues.
func begin(j *job.Job) (b *batch, p *place, err error) {
	b = &batch{job: j}
	if b.params, err = paramsOf(j); err != nil {
		return nil, nil, err
	}
	p, err = load(j)
	return b, p, err
}

// End implements [job.Action]. The worker of a cancelled job cannot save its last batch, so
// End adds the completed part of that batch to the report.
func (r *runner) End(ctx context.Context, t *job.Task) error {
	b, p, err := begin(t.Job)
	if err != nil || t.Job.Confirmed == 0 {
		return err
	}
	if b.items, err = t.PlannedFrom(ctx, p.Chunk, p.Item, r.size); err != nil {
		return err
	}
	if len(b.items) > 0 {
		b.since, b.now = max(p.Since, t.Job.Confirmed), t.Now()
		done, err := r.settle(ctx, b)
		if err == nil && len(done) > 0 {
			err = t.AddReport(done, nil)
		}
		if err != nil {
			return err
		}
	}
	return r.list(ctx, t)
}

// those returns the items of a batch for which done is true, as done.
func (b *batch) those(done func(item *job.Item) bool) []job.Item {
	var all []job.Item
	for _, item := range b.items {
		if done(&item) {
			item.Outcome, item.Cause = job.Completed, ""
			all = append(all, item)
		}
	}
	return all
}

var (
	// errChanged means that a recording no longer matches.
	errChanged = errors.New("the recording no longer matches")
	// errRecordFirst ends an attempt at a change until its entry in the audit trail is stored.
	errRecordFirst = errors.New("the audit trail comes first")
)

// audited makes a change, after its entry in the audit trail is stored. do calls ready right
// before it changes anything, and returns its error: a store may hold a lock while do runs.
// If the change fails after all, a second entry records that.
func audited(ctx context.Context, b *batch, record job.Record, e audit.Entry, do func(ready func() error) error) error {
	recorded := record == nil
	ready := func() error {
		if recorded {
			return nil
		}
		return errRecordFirst
	}
	err := do(ready)
	if !errors.Is(err, errRecordFirst) {
		return err
	}
	if err := record(ctx, b.job, e); err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	recorded = true
	if err = do(ready); err == nil || errors.Is(err, store.ErrUnavailable) {
		return err // the change may have been made
	}
	e.Result = audit.Failed
	if failed := record(ctx, b.job, e); failed != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, failed)
	}
	return err
}

// judge sets the outcome of an item after an error of a change. It returns the errors that a
// retry may overcome.
func (b *batch) judge(item *job.Item, err error) error {
	var held *hold.HeldError
	var invalid recording.FieldErrors
	set := func(o job.Outcome, cause string) error {
		item.Outcome, item.Cause = o, cause
		return nil
	}
	switch {
	case err == nil:
		return set(job.Completed, "")
	case errors.As(err, &held):
		item.Holds = hold.IDs(held.Holds)
		return set(job.Held, "on_hold")
	case errors.Is(err, retention.ErrWouldExpire):
		return set(job.Failure, "would_expire")
	case errors.Is(err, errChanged):
		return set(job.Skipped, "changed")
	case errors.Is(err, store.ErrNotFound):
		return set(job.Skipped, "deleted")
	case errors.As(err, &invalid):
		return set(job.Failure, "user_metadata_too_large")
	case errors.Is(err, store.ErrTooLarge):
		return set(job.Failure, "document_too_large")
	case errors.Is(err, store.ErrConflict) && b.job.Tries >= busyTries:
		return set(job.Failure, "busy")
	case job.Transient(err):
		return err
	}
	return set(job.Failure, "unspecified_fault")
}
