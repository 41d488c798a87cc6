package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/turns"
)

// examineAll removes those of some recordings that have expired. If there is an audit trail,
// an entry names them first: without it, none is removed. One that fails is set aside. next is
// the number of recordings that were examined; it is less than all if the turn is over.
func (a *accountSweep) examineAll(ctx context.Context, all []recording.Recording) (next int, err error) {
	if a.over(ctx) {
		return 0, nil // an entry about removals that do not follow would mislead
	}
	if err := a.announce(ctx, all); err != nil {
		return 0, err
	}
	for ; next < len(all) && err == nil && !a.over(ctx); next++ {
		if err = a.examine(ctx, &all[next]); err != nil {
			err = a.setAside(ctx, &all[next], err)
		}
	}
	if err != nil {
		next--
	}
	return next, errors.Join(err, a.disclaim(ctx))
}

// setAside leaves a note about a recording that failed, so that it does not hold up those behind
// it. The next run follows the note. Errors: failed, if the recording cannot be passed.
func (a *accountSweep) setAside(ctx context.Context, r *recording.Recording, failed error) error {
	if err := a.pass(ctx, r.ID, failed); err != nil {
		return err
	}
	write, err := retention.Again(a.account, r.ID, r.Created, a.now)
	if err == nil {
		err = a.Entries.WriteEntries(ctx, write)
	}
	if err != nil {
		return errors.Join(failed, fmt.Errorf("set a recording aside: %w", err))
	}
	return nil
}

// pass keeps the failure of one recording or note for the end of the run. Errors: failed, if it
// looks like an outage, or ctx has ended.
func (a *accountSweep) pass(ctx context.Context, name string, failed error) error {
	if a.failures++; a.failures > turns.MaxAlone || ctx.Err() != nil {
		return failed
	}
	a.failed[a.account+"/"+name] = failed
	return nil
}

// announce adds the recordings that are about to be removed to the audit trail.
func (a *accountSweep) announce(ctx context.Context, all []recording.Recording) error {
	a.announced = nil
	if a.Record == nil {
		return nil
	}
	for i := range all {
		if r := &all[i]; a.applied.Expired(r, a.now) && len(a.applied.Holds.Covering(r)) == 0 {
			a.announced = append(a.announced, r.ID)
		}
	}
	return a.record(ctx, audit.Done)
}

// removedOne notes the result of a removal that was announced.
func (a *accountSweep) removedOne(id string, err error) {
	if err == nil || errors.Is(err, store.ErrUnavailable) { // then it may have taken effect
		a.announced = slices.DeleteFunc(a.announced, func(one string) bool { return one == id })
	}
}

// disclaim adds the recordings that were announced, but not removed, to the audit trail.
func (a *accountSweep) disclaim(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	return a.record(ctx, audit.Failed)
}

// record adds an entry about the announced recordings to the audit trail, if there are any.
func (a *accountSweep) record(ctx context.Context, result audit.Result) error {
	if len(a.announced) == 0 {
		return nil
	}
	err := a.Record(ctx, audit.Entry{
		Account: a.account, Actor: audit.Actor{Issuer: audit.Retention}, Action: access.Delete,
		Object: fmt.Sprintf("expired/%d", len(a.announced)), Recordings: slices.Clone(a.announced), Result: result,
	})
	if err != nil {
		return fmt.Errorf("record the removal of expired recordings: %w", err)
	}
	return nil
}
