package bulk

import (
	"context"
	"errors"
	"fmt"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/store"
)

// holdBatch is the number of holds that are placed with one write. The write has an entry for
// each hold, and one for all of them, and store.MaxEntries is the limit.
const holdBatch = 50

// holder is the action that places a legal hold on each recording.
type holder struct {
	find   store.Finder
	book   *hold.Book
	record job.Record
}

// errHolds ends a job that would place too many holds.
var errHolds = &job.ProblemError{
	Text: "an account has at most 1,000 active holds, and 300 KB of them: place one hold on a number, an owner or a time instead",
}

// check checks that the holds of a plan fit.
func (h *holder) check(ctx context.Context, j *job.Job) error {
	if j.Plan.Count > hold.MaxActive {
		return errHolds
	}
	active, err := h.book.Active(ctx, j.Account)
	if err != nil {
		return err
	}
	if len(active.Holds())+j.Plan.Count > hold.MaxActive {
		return errHolds
	}
	return nil
}

// batch places the holds of a batch with one write.
func (h *holder) batch(ctx context.Context, b *batch) error {
	found, err := job.Find(ctx, h.find, b.job.Account, b.items)
	if err != nil {
		return err
	}
	active, err := h.book.Active(ctx, b.job.Account)
	if err != nil {
		return err
	}
	var drafts []hold.Hold
	for i := range b.items {
		item := &b.items[i]
		switch r := found[item.ID].Recording; {
		case r == nil:
			item.Outcome, item.Cause = job.Skipped, "deleted"
			continue
		case !still(item, r, b.selection):
			item.Outcome, item.Cause = job.Skipped, "changed"
			continue
		default:
			item.Outcome, item.Cause, item.Bytes = job.Completed, "", r.Audio.ManagedBytes()
		}
		draft, err := h.book.Draft(b.hold(item))
		if err != nil {
			return err
		}
		if _, placed := active.Twin(draft); placed { // by this job, before its worker was killed, or by hand
			continue
		}
		if err := h.note(ctx, b, draft, ""); err != nil {
			return err
		}
		drafts = append(drafts, draft)
	}
	return h.place(ctx, b, drafts)
}

// place places the holds that the audit trail has. Another worker with the same batch may have
// placed some of them meanwhile.
func (h *holder) place(ctx context.Context, b *batch, drafts []hold.Hold) error {
	stored, err := h.book.PlaceAll(ctx, b.job.Account, drafts)
	switch {
	case errors.Is(err, hold.ErrTooMany):
		return errHolds
	case err != nil:
		return err
	}
	for i := range drafts {
		if stored[i].ID == drafts[i].ID {
			continue
		}
		if err := h.note(ctx, b, drafts[i], audit.Failed); err != nil {
			return err
		}
	}
	return nil
}

// hold returns the hold on a recording, without an ID.
func (b *batch) hold(item *job.Item) hold.Hold {
	return hold.Hold{Case: b.params.Case, Reason: b.params.Reason, By: b.job.Confirmer.Owner, Scope: hold.Scope{Recording: item.ID}}
}

// settle implements runner.settle.
func (h *holder) settle(ctx context.Context, b *batch) ([]job.Item, error) {
	active, err := h.book.Active(ctx, b.job.Account)
	return b.those(func(item *job.Item) bool {
		_, placed := active.Twin(b.hold(item))
		return placed
	}), err
}

// note adds a hold to the audit trail, before it is placed; or with the result audit.Failed,
// after it was not.
func (h *holder) note(ctx context.Context, b *batch, draft hold.Hold, result audit.Result) error {
	if h.record == nil {
		return nil
	}
	err := h.record(ctx, b.job, audit.Entry{
		Action: access.Hold, Recording: draft.Scope.Recording, Object: "hold/" + draft.ID, Reason: draft.Reason, Result: result,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return nil
}
