package job

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// The partitions of entries; see the package's documentation.
const (
	jobsPartition  = "jobs/"
	openPartition  = "jobsopen"
	planPartition  = "jobplan/"
	donePartition  = "jobdone/"
	leasePartition = "joblease"
)

// Queue wakes workers.
type Queue interface {
	// Wake makes a worker call [Engine.Slice] for an account after a delay, at least once.
	Wake(ctx context.Context, account string, delay time.Duration) error
}

// Book makes, reads, confirms and cancels jobs. It does no work itself.
type Book struct {
	// Entries are the entries of the store.
	Entries store.Entries
	// Queue wakes the workers.
	Queue Queue
	// Now is the clock.
	Now func() time.Time
	// Random is the source of job IDs; nil means [rand.Reader].
	Random io.Reader
}

// stalled is the time without progress after which reading a job wakes its worker again,
// in case the queue lost a message.
const stalled = time.Hour

// changeTries is how often a change of a job is tried against a busy worker.
const changeTries = 20

// Draft returns a new job with an ID, which Start stores.
func (b *Book) Draft(account, action string, params json.RawMessage, by audit.Actor, reason string) (*Job, error) {
	var suffix [6]byte
	random := b.Random
	if random == nil {
		random = rand.Reader
	}
	if _, err := io.ReadFull(random, suffix[:]); err != nil {
		return nil, fmt.Errorf("make a job ID: %w", err)
	}
	now := b.Now()
	return &Job{
		Account: account, ID: now.UTC().Format("20060102T150405-") + hex.EncodeToString(suffix[:]),
		Action: action, Params: params, By: by, Reason: reason, State: Planning, Created: recording.SecondsOf(now),
	}, nil
}

// Start stores a new job and wakes a worker, which makes its plan. If only the worker
// could not be woken, the job exists and a retry makes another one; WakeWaiting wakes a worker
// for the first one.
// Errors: ErrTooMany, store.ErrUnavailable, store.ErrTooLarge.
func (b *Book) Start(ctx context.Context, j *Job) error {
	open, err := b.open(ctx, j.Account+"/")
	if err != nil {
		return err
	}
	if len(open) >= MaxOpen {
		return fmt.Errorf("%w: %d have not ended", ErrTooMany, len(open))
	}
	writes, err := b.writes(j, store.Entry{})
	if err != nil {
		return err
	}
	if err := b.Entries.WriteEntries(ctx, writes...); err != nil {
		return fmt.Errorf("store a job: %w", err)
	}
	return b.wake(ctx, j.Account, 0)
}

func (b *Book) wake(ctx context.Context, account string, delay time.Duration) error {
	if err := b.Queue.Wake(ctx, account, delay); err != nil {
		return fmt.Errorf("%w: wake a worker: %w", store.ErrUnavailable, err)
	}
	return nil
}

// indexed is the value of an entry of openPartition.
type indexed struct {
	Active bool `json:"active"`
	// Retry is that of the job.
	Retry recording.Seconds `json:"retry,omitempty"`
}

// writes returns the writes that store j. old is the entry that it replaces, if any. The index of
// open jobs is written only if it changes, and once a day: it expires with the job, and every
// checkpoint postpones the expiry of the job.
func (b *Book) writes(j *Job, old store.Entry) ([]store.EntryWrite, error) {
	j.Updated = recording.SecondsOf(b.Now())
	j.Saves++
	value, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("encode a job: %w", err)
	}
	job := store.Replace(store.Entry{EntryKey: keyOf(j.Account, j.ID), Value: value, Revision: old.Revision, Expires: j.Expires()})
	var before struct {
		State   State             `json:"state"`
		Retry   recording.Seconds `json:"retry"`
		Updated recording.Seconds `json:"updated"`
	}
	if old.Value != nil {
		if err := json.Unmarshal(old.Value, &before); err != nil {
			return nil, fmt.Errorf("decode a job: %w", err)
		}
	}
	if before.State == j.State && before.Retry == j.Retry && before.Updated/recording.Day == j.Updated/recording.Day {
		return []store.EntryWrite{job}, nil
	}
	openValue, err := json.Marshal(indexed{j.State.Active(), j.Retry})
	if err != nil {
		return nil, fmt.Errorf("encode the entry of an open job: %w", err)
	}
	index := store.EntryWrite{Entry: store.Entry{
		EntryKey: store.EntryKey{Partition: openPartition, Key: j.Account + "/" + j.ID}, Value: openValue, Expires: j.Expires(),
	}}
	if index.Delete = j.State.Ended(); index.Delete {
		index.Value, index.Expires = nil, 0
	}
	return []store.EntryWrite{job, index}, nil
}

func keyOf(account, id string) store.EntryKey {
	return store.EntryKey{Partition: jobsPartition + account, Key: id}
}

// read reads a job with its entry. Errors: ErrNotFound, store.ErrUnavailable.
func (b *Book) read(ctx context.Context, account, id string) (*Job, store.Entry, error) {
	found, err := b.Entries.Entries(ctx, keyOf(account, id))
	if err != nil {
		return nil, store.Entry{}, fmt.Errorf("read a job: %w", err)
	}
	if len(found) == 0 {
		return nil, store.Entry{}, ErrNotFound
	}
	j, err := decode(account, &found[0])
	return j, found[0], err
}

func decode(account string, e *store.Entry) (*Job, error) {
	j := &Job{Account: account, ID: e.Key}
	if err := json.Unmarshal(e.Value, j); err != nil {
		return nil, fmt.Errorf("decode the job %s of %s: %w", e.Key, account, err)
	}
	return j, nil
}

// Get returns a job. If the job has made no progress for an hour although a worker is
// needed, Get wakes one. Errors: ErrNotFound, store.ErrUnavailable.
func (b *Book) Get(ctx context.Context, account, id string) (*Job, error) {
	j, _, err := b.read(ctx, account, id)
	if err != nil {
		return nil, err
	}
	if j.State.Active() && recording.SecondsOf(b.Now())-j.Updated > recording.SecondsIn(stalled) {
		return j, b.wake(ctx, account, 0)
	}
	return j, nil
}

// maxListed is the maximum number of jobs on a page. A job with many IDs and many
// recordings that were not done has some 200 KB, and all accounts share the memory of a server.
const maxListed = 50

// List returns one page of the jobs of an account, the newest first. The page begins after the job
// with the ID after, or at the newest if that is "". The next page begins after the job with the ID
// next; "" means that this is the last page. A page has at most maxListed jobs.
// Errors: store.ErrUnavailable.
func (b *Book) List(ctx context.Context, account, after string, limit int) (jobs []*Job, next string, err error) {
	page, err := b.Entries.PageEntries(ctx, store.EntryQuery{
		Partition: jobsPartition + account, After: after, Descending: true, Limit: min(limit, maxListed),
	})
	if err != nil {
		return nil, "", fmt.Errorf("list jobs: %w", err)
	}
	for i := range page.Entries {
		j, err := decode(account, &page.Entries[i])
		if err != nil {
			return nil, "", err
		}
		jobs = append(jobs, j)
	}
	return jobs, page.Next, nil
}

// change changes a job by a call of edit, and wakes a worker. A conflict with another process
// starts it over. edit returns false if there is nothing to store. record is called before the job
// is stored.
//
// change also wakes a worker if nothing was stored, because an earlier call may have stored the
// change and died. It does not if the job waits for its next try: a message for that time is on its
// way.
func (b *Book) change(ctx context.Context, account, id string, edit func(*Job) (bool, error), record func() error) (*Job, error) {
	var j *Job
	var changed bool
	err := store.Retry(ctx, changeTries, func() error {
		read, entry, err := b.read(ctx, account, id)
		if err != nil {
			return err
		}
		j = read
		if changed, err = edit(j); err != nil || !changed {
			return err
		}
		if err := record(); err != nil {
			return err
		}
		writes, err := b.writes(j, entry)
		if err != nil {
			return err
		}
		return b.Entries.WriteEntries(ctx, writes...)
	})
	if err != nil {
		return j, err
	}
	if j.State.Active() && (changed || waitUntil(j.Retry, recording.SecondsOf(b.Now())) == 0) {
		return j, b.wake(ctx, account, 0)
	}
	return j, nil
}

// Confirmation confirms a plan.
type Confirmation struct {
	// Plan has the count and the bytes of the plan.
	Plan Totals
	// By is who confirms it, with the claims of the token.
	By     audit.Actor
	Claims Claims
	// Reason replaces the reason of the job, unless it is "".
	Reason string
}

// Confirm starts the work of a planned job, if c has the count and the bytes of its plan. A
// retry of a confirmation succeeds. record is called right before the job is
// changed, and its error ends the call. Errors: ErrNotFound, ErrNotPlanned and ErrOtherPlan
// with the job, store.ErrConflict, store.ErrUnavailable, and those of record.
func (b *Book) Confirm(ctx context.Context, account, id string, c Confirmation, record func() error) (*Job, error) {
	return b.change(ctx, account, id, func(j *Job) (bool, error) {
		switch {
		case j.State == Planning, j.State != Planned && j.Confirmed == 0:
			return false, ErrNotPlanned
		case j.Plan.Totals != c.Plan:
			return false, ErrOtherPlan
		case j.Confirmed != 0:
			return false, nil
		}
		j.State, j.Confirmed, j.Confirmer, j.Cause = Running, recording.SecondsOf(b.Now()), c.By, ""
		j.Claims = c.Claims
		if c.Reason != "" {
			j.Reason = c.Reason
		}
		return true, nil
	}, record)
}

// Cancel cancels a job. A worker then cleans up. Completed work is not undone. A retry
// succeeds. record is as in Confirm. Errors: ErrNotFound, ErrEnded with the job,
// store.ErrConflict, store.ErrUnavailable, and those of record.
func (b *Book) Cancel(ctx context.Context, account, id string, record func() error) (*Job, error) {
	return b.change(ctx, account, id, func(j *Job) (bool, error) {
		switch j.State {
		case Cancelling, Cancelled:
			return false, nil
		case Failing, Done, Failed:
			return false, ErrEnded
		case Planning, Planned, Running:
		}
		j.State, j.Tries, j.Retry = Cancelling, 0, 0 // the cleanup has tries of its own
		return true, nil
	}, record)
}

// openJob is a job that has not ended.
type openJob struct {
	indexed

	account, id string
}

// open returns the unfinished jobs with this prefix of "account/ID".
func (b *Book) open(ctx context.Context, prefix string) ([]openJob, error) {
	var all []openJob
	for e, err := range store.AllEntries(ctx, b.Entries, store.EntryQuery{Partition: openPartition, Prefix: prefix, Limit: 1000}) {
		if err != nil {
			return nil, fmt.Errorf("list open jobs: %w", err)
		}
		var one openJob
		var ok bool
		one.account, one.id, ok = strings.Cut(e.Key, "/")
		if err := json.Unmarshal(e.Value, &one.indexed); err != nil || !ok {
			return nil, errors.Join(fmt.Errorf("malformed entry of an open job of %s", one.account), err)
		}
		all = append(all, one)
	}
	return all, nil
}

// delay returns how long it takes until one of these jobs needs a worker. needed is false if
// none does.
func (b *Book) delay(open []openJob) (delay time.Duration, needed bool) {
	now := recording.SecondsOf(b.Now())
	for _, o := range open {
		if !o.Active {
			continue
		}
		wait := waitUntil(o.Retry, now)
		if !needed || wait < delay {
			delay, needed = wait, true
		}
	}
	return delay, needed
}

// WakeWaiting wakes a worker for each account with a job that needs one now, or wakes it later, at
// the time of the next try. It returns the number of these accounts. A message too many is
// harmless, so this may be called at any time. A process calls it at its start, to continue what
// another one left, and the cloud calls it every few minutes: a process can die after it has changed
// a job and before it has woken a worker, and a queue gives up a message that fails too often.
// Errors: store.ErrUnavailable; then the remaining accounts wait for the next call.
func (b *Book) WakeWaiting(ctx context.Context) (woken int, err error) {
	open, err := b.open(ctx, "")
	for len(open) > 0 && err == nil {
		account, end := open[0].account, 1
		for end < len(open) && open[end].account == account {
			end++
		}
		if delay, needed := b.delay(open[:end]); needed {
			if err = b.wake(ctx, account, delay); err == nil {
				woken++
			}
		}
		open = open[end:]
	}
	return woken, err
}
