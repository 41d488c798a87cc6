package dynamo

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// maxTries bounds the tries of one call if its context has no deadline.
const maxTries = 100

// noItem is the condition of a write that must not replace an item.
const noItem = "attribute_not_exists(" + attrID + ")"

// Put stores a new recording; see [store.Writer].
func (s *Store) Put(ctx context.Context, r *recording.Recording) error {
	return s.put(ctx, "storing", r, condition{text: noItem})
}

// put stores r as a new item if the condition holds. Otherwise it returns
// ErrDeleted for an existing tombstone and ErrExists for an existing recording.
func (s *Store) put(ctx context.Context, doing string, r *recording.Recording, when condition) error {
	revision, err := s.revision()
	if err != nil {
		return err
	}
	stored := *r
	stored.Revision = revision
	m, err := encode(nil, &stored)
	if err != nil {
		return err
	}
	found, err := s.write(ctx, m, when)
	switch {
	case errors.Is(err, errUnmet) && isTombstone(found):
		return wrap(store.ErrDeleted, doing, r.Account, r.ID, nil)
	case errors.Is(err, errUnmet):
		return wrap(store.ErrExists, doing, r.Account, r.ID, nil)
	case err != nil:
		return fail(doing, r.Account, r.ID, err)
	}
	r.Revision = revision
	return nil
}

// Update changes a recording; see [store.Writer].
func (s *Store) Update(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	return s.update(ctx, account, id, store.KeepCreated(change), nil)
}

// Correct changes a recording and perhaps its creation time; see [store.Corrector].
// A changed sort key makes DynamoDB move the item within its indexes.
func (s *Store) Correct(ctx context.Context, account, id string, change func(*recording.Recording) error) (*recording.Recording, error) {
	return s.update(ctx, account, id, change, nil)
}

// CorrectGuarded is Correct under guards; see [store.GuardedCorrector].
func (s *Store) CorrectGuarded(ctx context.Context, account, id string, change func(*recording.Recording) error, guards ...store.Guard) (*recording.Recording, error) {
	return s.update(ctx, account, id, change, guards)
}

func (s *Store) update(ctx context.Context, account, id string, change func(*recording.Recording) error, guards []store.Guard) (*recording.Recording, error) {
	var stored recording.Recording
	err := s.rewrite(ctx, "changing", account, id, guards, func(old item, was recording.Recording, revision string) (item, error) {
		stored = was
		if err := change(&stored); err != nil {
			return nil, err
		}
		stored.Account, stored.ID = was.Account, was.ID
		stored.Revision = revision
		return encode(old, &stored)
	})
	if err != nil {
		return nil, err
	}
	return &stored, nil
}

// rewrite replaces the item of a recording with the item that next returns for the
// existing item and a new revision, if the guards hold.
func (s *Store) rewrite(ctx context.Context, doing, account, id string, guards []store.Guard,
	next func(old item, was recording.Recording, revision string) (item, error),
) error {
	return s.replace(ctx, doing, account, id, guards, func(old item, revision string) (item, error) {
		was, err := living(old, doing, account, id)
		if err != nil {
			return nil, err
		}
		return next(old, was, revision)
	})
}

// errNothing is returned by the next of replace if nothing has to be written.
var errNothing = errors.New("nothing to write")

// replace replaces an item with the item that next returns for the existing item and a
// new revision, if the guards hold. next gets an empty item if none exists. If another
// client has changed the item in the meantime, replace retries with the item that the
// failed write returned. If that item is outdated as well, replace waits and reads the
// item again.
func (s *Store) replace(ctx context.Context, doing, account, id string, guards []store.Guard,
	next func(old item, revision string) (item, error),
) error {
	old, err := s.read(ctx, doing, account, id)
	for try := 1; err == nil; try++ {
		var revision string
		if revision, err = s.revision(); err != nil {
			return err
		}
		m, err := next(old, revision)
		switch {
		case errors.Is(err, errNothing):
			return nil
		case err != nil:
			return err
		}
		unchanged := condition{attrRevision + " = :revision", item{":revision": str(text(old, attrRevision))}}
		old, err = s.writeGuarded(ctx, m, unchanged, guards)
		switch {
		case errors.Is(err, errGuard):
			return wrap(store.ErrGuard, doing, account, id, nil)
		case !errors.Is(err, errUnmet):
			return fail(doing, account, id, err)
		}
		if old, err = s.retryWith(ctx, try, old, doing, account, id); err != nil {
			return err
		}
	}
	return err
}

// retryWith returns the item for the next try after a write failed because of
// found. Under contention found is soon outdated, so only every other try uses
// it. For the other tries, retryWith waits and reads the item again.
func (s *Store) retryWith(ctx context.Context, try int, found item, doing, account, id string) (item, error) {
	var wait time.Duration
	if try%2 == 0 {
		wait = s.network.wait(try / 2)
	}
	switch err := s.pause(ctx, try, wait); {
	case err != nil:
		return nil, wrap(store.ErrConflict, doing, account, id, err)
	case try%2 != 0:
		return found, nil
	}
	return s.read(ctx, doing, account, id)
}

// pause waits before the next try. It returns an error if time or tries have run
// out, or if the context was canceled.
func (s *Store) pause(ctx context.Context, try int, wait time.Duration) error {
	switch {
	case !s.network.Carries(ctx, wait):
		return attempt.ErrNoTime
	case try >= maxTries:
		return errors.New("too many tries")
	case wait == 0:
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// condition is a condition expression of a write and its values.
type condition struct {
	text   string
	values item
}

// errUnmet means that the condition of a write did not hold.
var errUnmet = errors.New("condition not met")

// errLost means that the condition of a write did not hold, but the answer to an
// earlier attempt was lost. That attempt may have taken effect before another client
// wrote, so the outcome is unknown.
var errLost = errors.New("condition not met, after an attempt whose answer was lost")

// write stores m if the condition holds. Otherwise it returns errUnmet and the
// existing item, if any, or errLost. It succeeds if the existing item has m's
// revision, because then an earlier attempt of the same write has taken effect.
func (s *Store) write(ctx context.Context, m item, c condition) (found item, err error) {
	ctx, watched := attempt.Watch(ctx)
	return s.patiently(ctx, func() (item, error) { return s.writeWatched(ctx, watched, m, c) })
}

// patiently repeats a write that DynamoDB did not execute because of a transaction.
func (s *Store) patiently(ctx context.Context, write func() (item, error)) (found item, err error) {
	for try := 1; ; try++ {
		if found, err = write(); !errors.Is(err, errContended) {
			return found, err
		}
		if e := s.pause(ctx, try, s.network.wait(try)); e != nil {
			return nil, errors.Join(e, err)
		}
	}
}

// writeWatched is write for a context that watched belongs to, so that watched also
// knows of earlier calls. It returns errContended instead of retrying.
func (s *Store) writeWatched(ctx context.Context, watched *attempt.Watched, m item, c condition) (found item, err error) {
	out, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: m,
		ConditionExpression: aws.String(c.text), ExpressionAttributeValues: c.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		ReturnConsumedCapacity:              types.ReturnConsumedCapacityTotal,
	})
	if err == nil {
		requestlog.From(ctx).WriteUnits += units(out.ConsumedCapacity)
		return nil, nil
	}
	if _, contended := errors.AsType[*types.TransactionConflictException](err); contended {
		return nil, errContended
	}
	found, ok := unmet(err)
	switch {
	case !ok:
		return nil, err
	case found != nil && text(found, attrRevision) == text(m, attrRevision):
		return nil, nil
	case watched.Lost():
		return nil, errLost
	}
	return found, errUnmet
}

// Renew extends a tombstone; see [store.Renewer]. It keeps the tombstone's
// revision. If another client has changed the item since, Renew stores nothing.
func (s *Store) Renew(ctx context.Context, account, id string) error {
	const doing = "renewing the tombstone of"
	m, err := s.read(ctx, doing, account, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	until := s.now().AddDate(0, 0, store.TombstoneDays)
	expires, err := number(m, attrExpires)
	switch {
	case err != nil:
		return fail(doing, account, id, err)
	case !isTombstone(m), isRestorable(m), m[attrPurgePending] != nil, expires > until.Add(-store.RenewAfter).Unix():
		return nil
	}
	m = maps.Clone(m)
	m[attrExpires] = num(until.Unix())
	_, err = s.write(ctx, m, condition{
		"attribute_exists(" + attrDeleted + ") AND " + attrRevision + " = :revision", item{":revision": m[attrRevision]},
	})
	if err != nil && !errors.Is(err, errUnmet) {
		return fail(doing, account, id, err)
	}
	return nil
}

// units returns the capacity units that DynamoDB reports.
func units(c *types.ConsumedCapacity) float64 {
	if c == nil {
		return 0
	}
	return aws.ToFloat64(c.CapacityUnits)
}
