package person

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/archive"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Deleter decides about removals. The Deleter of package deletion implements it.
type Deleter interface {
	// Erase deletes a recording of a person for good and removes its audio. A recording
	// that is deleted and could be restored is erased, too; a purge that is pending is
	// finished. check may veto the erasure, and may run several times. by is the ID of the
	// user. Errors: store.ErrNotFound if there is neither a recording nor a tombstone with a
	// pending purge, *hold.HeldError, store.ErrConflict,
	// store.ErrUnavailable, media.ErrUnavailable, and those of check.
	Erase(ctx context.Context, account, id, by string, check func(*recording.Recording) error) error
}

// Eraser is the action that erases everything about a person.
type Eraser struct {
	// Store is the store of recordings.
	Store Store
	// Deleter deletes them.
	Deleter Deleter
	// Files are where the list of recordings goes.
	Files archive.Files
	// Signer signs the certificate.
	Signer *Signer
	// Record, if not nil, adds the erasure of a recording to the audit trail. It is called
	// before the recording is deleted, but not if a hold keeps that. If it fails, the
	// recording stays.
	Record func(ctx context.Context, j *job.Job, id string) error
}

// eraseBatch is how many recordings are erased between two checkpoints.
const eraseBatch = 200

// Plan implements [job.Action].
func (e *Eraser) Plan(ctx context.Context, t *job.Task) (bool, error) {
	f := finder{store: e.Store, holds: true}
	return f.plan(ctx, t)
}

// Run implements [job.Action]. It erases the recordings of the plan, searches again, and
// makes the certificate.
func (e *Eraser) Run(ctx context.Context, t *job.Task) (bool, error) {
	subject, p, err := load(t.Job)
	if err != nil {
		return false, err
	}
	if p.Phase == work {
		done, err := e.erasePlan(ctx, t, p, subject)
		if err != nil || !done {
			return false, err
		}
		*p = place{Phase: again}
	}
	if p.Phase == again {
		f := finder{store: e.Store}
		done, err := f.searchAgain(ctx, t, p, subject)
		if err != nil || !done {
			return false, err
		}
	}
	return true, finish(ctx, t, p, e.Files, e.Signer, erasure, true)
}

// End implements [job.Action]. The certificate lists the recordings that were erased before.
func (e *Eraser) End(ctx context.Context, t *job.Task) error {
	if t.Job.Confirmed == 0 {
		return nil
	}
	if err := e.settle(ctx, t); err != nil {
		return err
	}
	return finish(ctx, t, &place{}, e.Files, e.Signer, erasure, false)
}

// settle adds the recordings of the current batch that were erased to the report: the worker
// of a job that was cancelled, or that failed, cannot save that batch.
func (e *Eraser) settle(ctx context.Context, t *job.Task) error {
	s, p, err := load(t.Job)
	if err != nil {
		return err
	}
	if p.Phase != work {
		return nil
	}
	items, err := t.PlannedFrom(ctx, p.Chunk, p.Item, eraseBatch)
	if err != nil {
		return err
	}
	found, err := job.Find(ctx, e.Store, t.Job.Account, items)
	if err != nil {
		return err
	}
	done := slices.DeleteFunc(items, func(item job.Item) bool {
		tombstone := found[item.ID].Tombstone
		return tombstone == nil || tombstone.Cause != store.CauseErased
	})
	if len(done) == 0 {
		return nil
	}
	// Their audio may still be there, and done means that it is not.
	if err := job.Each(done, func(item *job.Item) error { return e.erase(ctx, t.Job, item, s) }); err != nil {
		return err
	}
	return t.AddReport(done, nil)
}

// erasePlan erases the recordings of the plan, for one slice.
func (e *Eraser) erasePlan(ctx context.Context, t *job.Task, p *place, s Subject) (done bool, err error) {
	for ; p.Chunk < t.Job.Chunks; p.Chunk, p.Item = p.Chunk+1, 0 {
		items, err := t.Planned(ctx, p.Chunk)
		if err != nil {
			return false, err
		}
		for p.Item < len(items) {
			batch := items[p.Item:min(p.Item+eraseBatch, len(items))]
			err := job.Each(batch, func(item *job.Item) error { return e.erase(ctx, t.Job, item, s) })
			if err != nil {
				return false, err
			}
			if err := t.AddReport(batch, nil); err != nil {
				return false, err
			}
			p.Item += len(batch)
			if err := t.SaveAt(ctx, p); err != nil || t.Spent() {
				return false, err
			}
		}
	}
	return true, nil
}

var (
	errNoMatch     = errors.New("the recording is no longer about the person")
	errRecordFirst = errors.New("the audit trail comes first")
)

// erase erases one recording and sets the outcome of its item. It returns only errors that
// a retry may overcome.
func (e *Eraser) erase(ctx context.Context, j *job.Job, item *job.Item, s Subject) error {
	matches, recorded, bytes, external := s.Matcher(), e.Record == nil, item.Bytes, false
	check := func(r *recording.Recording) error {
		if !matches(r) {
			return errNoMatch
		}
		if !recorded {
			return errRecordFirst
		}
		bytes, external = r.Audio.ManagedBytes(), r.Audio.Place == recording.External
		return nil
	}
	erase := func() error { return e.Deleter.Erase(ctx, j.Account, item.ID, j.Confirmer.Owner, check) }
	err := erase()
	if errors.Is(err, errRecordFirst) {
		if err := e.Record(ctx, j, item.ID); err != nil {
			return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
		}
		recorded = true
		err = erase()
	}
	var held *hold.HeldError
	switch {
	case err == nil:
		item.Outcome, item.Cause, item.Bytes = job.Completed, "", bytes
		if external {
			item.Cause = "external_audio_stays"
		}
	case errors.As(err, &held):
		item.Outcome, item.Cause, item.Holds = job.Held, "legal_hold", hold.IDs(held.Holds)
	case errors.Is(err, errNoMatch):
		item.Outcome, item.Cause = job.Skipped, "no_longer_matches"
	case errors.Is(err, store.ErrNotFound):
		return e.gone(ctx, j, item)
	case job.Transient(err):
		return err
	default:
		item.Outcome, item.Cause = job.Failure, "unspecified_fault"
	}
	return nil
}

// gone sets the outcome of a recording that no longer exists: this job erased it before it
// was killed, or another request did. It returns store.ErrConflict if the recording exists, or
// can be restored: a client has restored it, or deleted it again, while it was to be erased.
func (e *Eraser) gone(ctx context.Context, j *job.Job, item *job.Item) error {
	found, err := e.Store.Find(ctx, j.Account, []string{item.ID})
	if err != nil {
		return fmt.Errorf("find a tombstone: %w", err)
	}
	f := found[item.ID]
	if f.Recording != nil || f.Tombstone != nil && f.Tombstone.Recording != nil {
		return fmt.Errorf("erase a recording: %w: it was restored or deleted meanwhile", store.ErrConflict)
	}
	item.Outcome, item.Cause = job.Skipped, "deleted_by_another_request"
	if t := f.Tombstone; t != nil && (t.Cause == store.CauseErased || item.Deleted) {
		item.Outcome, item.Cause = job.Completed, ""
	}
	return nil
}
