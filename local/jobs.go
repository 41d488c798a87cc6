package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/bulk"
	"github.com/callrecordings/api/shared/deletion"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/person"
)

// Jobs within this process. Two workers keep the machine responsive, and a slice is short
// so that tenants do not wait long for each other.
const (
	jobWorkers   = 2
	jobSlice     = 5 * time.Second
	jobLease     = 10 * time.Minute
	retryJobTime = 10 * time.Second
	// wakeJobsTime is how often workers are woken for jobs that wait for one, as in the cloud
	// (template.yaml).
	wakeJobsTime = 5 * time.Minute
)

// workOnJobs works on jobs until ctx ends. It begins with those that the previous run left. At
// intervals of pause it wakes the workers of jobs that wait: a request can store a job, still get
// an error from the database, and wake no worker.
func (b *box) workOnJobs(ctx context.Context, pause time.Duration) {
	engine, err := b.jobEngine()
	if err != nil {
		b.log.ErrorContext(ctx, "jobs cannot run", slog.String("cause", err.Error()))
		return
	}
	// The leases are those of a process that no longer exists, because only one uses the data
	// folder.
	if err := engine.Break(ctx); err != nil && ctx.Err() == nil {
		b.log.WarnContext(ctx, "the leases of jobs could not be ended; these jobs continue once they end by themselves", slog.String("cause", err.Error()))
	}
	var waking sync.WaitGroup
	defer waking.Wait()
	waking.Go(func() { every(ctx, pause, b.wakeJobs) })
	b.jobs.Work(ctx, jobWorkers, retryJobTime, func(ctx context.Context, m job.Message) error {
		_, err := engine.Slice(ctx, m)
		if err != nil && ctx.Err() == nil {
			b.log.WarnContext(ctx, "a job could not continue and will be retried", slog.String("cause", err.Error()))
		}
		return err
	})
}

// jobEngine returns the engine with the actions.
func (b *box) jobEngine() (*job.Engine, error) {
	eraser := deletion.Eraser{Deleter: deletion.New(b.store, 0, b.now), Store: b.store, Audio: b.bucket}
	record, view := api.JobTrail(b.trail()), b.locking()
	actions, err := person.Actions(b.dir.Keys.Cursor, view, b.store, b.bucket, eraser, record.Of(access.Delete))
	if err != nil {
		return nil, err
	}
	maps.Copy(actions, bulk.Actions(bulk.Options{
		Store: view, Select: api.Select(view), Bucket: b.bucket, Deleter: deletion.New(view, b.settings.RestoreDays, b.now),
		Holds: hold.NewBook(b.store, b.now, rand.Reader, true), Record: record,
	}))
	rules := access.NewResolver(b.store, access.Options{Default: access.Default(b.settings.UserAccess), Now: b.now})
	return job.NewEngine(&job.Book{Entries: b.store, Queue: b.jobs, Now: b.now}, job.Options{
		Actions: actions, Permit: api.JobPermit(rules, b.issuers, api.JobKinds(person.Params, true)),
		SliceTime: jobSlice, Lease: jobLease, Holder: "local", Now: b.now, Failed: b.jobFailed,
	}), nil
}

// jobFailed logs why a step of a job failed, unless the server stops.
func (b *box) jobFailed(ctx context.Context, j *job.Job, cause error) {
	if errors.Is(cause, context.Canceled) {
		return
	}
	b.log.WarnContext(ctx, "a step of a job failed", slog.String("account_id", j.Account), slog.String("job", j.ID),
		slog.String("action", j.Action), slog.Int("tries", j.Tries), slog.String("cause", cause.Error()))
}

// wakeJobs wakes the workers of all accounts with unfinished jobs. If it fails, the next call is
// the retry.
func (b *box) wakeJobs(ctx context.Context) {
	book := &job.Book{Entries: b.store, Queue: b.jobs, Now: b.now}
	if _, err := book.WakeWaiting(ctx); err != nil && ctx.Err() == nil {
		b.log.WarnContext(ctx, "unfinished jobs could not be found; this is retried", slog.String("cause", err.Error()))
	}
}
