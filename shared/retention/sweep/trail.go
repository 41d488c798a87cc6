package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// examineAll removes those of some recordings that have expired. If there is an audit trail,
// an entry names them first: without it, none is removed. next is the number of recordings
// that were examined; it is less than all if the turn is over.
func (a *accountSweep) examineAll(ctx context.Context, all []recording.Recording) (next int, err error) {
	if a.over(ctx) {
		return 0, nil // an entry about removals that do not follow would mislead
	}
	if err := a.announce(ctx, all); err != nil {
		return 0, err
	}
	for ; next < len(all) && err == nil && !a.over(ctx); next++ {
		err = a.examine(ctx, &all[next])
	}
	if err != nil {
		next--
	}
	return next, errors.Join(err, a.disclaim(ctx))
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
