package dynamo

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// Delete turns a recording into a tombstone; see [store.Writer].
func (s *Store) Delete(ctx context.Context, account, id string, d store.Deletion) (*recording.Recording, error) {
	const doing = "deleting"
	if d.Until < 0 || d.Until > store.MaxTime {
		return nil, wrap(errUntil, doing, account, id, nil)
	}
	var deleted recording.Recording
	err := s.replace(ctx, doing, account, id, d.Guards, func(old item, revision string) (item, error) {
		was, err := living(old, doing, account, id)
		if err != nil {
			return nil, err
		}
		deleted = was
		if err := d.Allows(&was); err != nil {
			return nil, err
		}
		m := markDeleted(old, &deleted, revision, recording.SecondsOf(s.now()), d)
		if d.Until == 0 {
			return beginPurge(m), nil
		}
		return m, nil
	})
	if err != nil {
		return nil, err
	}
	return &deleted, nil
}

// errUntil means that Deletion.Until is out of range.
var errUntil = errors.New("the end of the time for a restore is out of range")

// Restore makes a deleted recording live again; see [store.Restorer].
func (s *Store) Restore(ctx context.Context, account, id string, check func(*store.Tombstone) error) (*recording.Recording, error) {
	const doing = "restoring"
	var restored recording.Recording
	err := s.replace(ctx, doing, account, id, nil, func(old item, revision string) (item, error) {
		switch {
		case len(old) == 0:
			return nil, wrap(store.ErrNotFound, doing, account, id, nil)
		case !isTombstone(old):
			return nil, wrap(store.ErrExists, doing, account, id, nil)
		case !isRestorable(old):
			return nil, wrap(store.ErrPurging, doing, account, id, nil)
		}
		t, err := decodeTombstone(old)
		if err != nil {
			return nil, fail(doing, account, id, err)
		}
		m := unmarkDeleted(old, t.Created)
		m[attrRevision] = str(revision)
		if err := check(&t); err != nil {
			return nil, err
		}
		return m, decode(m, &restored)
	})
	if err != nil {
		return nil, err
	}
	return &restored, nil
}

// Condemn starts the purge of a restorable tombstone; see [store.Restorer].
func (s *Store) Condemn(ctx context.Context, account, id string, check func(*store.Tombstone) error, guards ...store.Guard) error {
	const doing = "starting the purge of"
	return s.replace(ctx, doing, account, id, guards, func(old item, revision string) (item, error) {
		switch {
		case !isTombstone(old):
			return nil, wrap(store.ErrNotFound, doing, account, id, nil)
		case !isRestorable(old):
			return nil, errNothing
		}
		t, err := decodeTombstone(old)
		if err != nil {
			return nil, fail(doing, account, id, err)
		}
		if err := check(&t); err != nil {
			return nil, err
		}
		m := beginPurge(old)
		m[attrRevision] = str(revision)
		return m, nil
	})
}

// errGuard means that a guard of a write did not hold.
var errGuard = errors.New("a guard has changed")

// writeGuarded is write, but only if the guards hold. It returns errGuard if one of them
// does not. With guards the write is a transaction, which costs twice as much, and one
// capacity unit or two more for each guard.
func (s *Store) writeGuarded(ctx context.Context, m item, c condition, guards []store.Guard) (found item, err error) {
	if len(guards) == 0 {
		return s.write(ctx, m, c)
	}
	revision := text(m, attrRevision)
	in := &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: &revision, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		TransactItems: []types.TransactWriteItem{{Put: &types.Put{
			TableName: &s.table, Item: m, ConditionExpression: &c.text, ExpressionAttributeValues: c.values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}}},
	}
	for _, g := range guards {
		w := store.Replace(store.Entry{EntryKey: g.EntryKey, Revision: g.Revision})
		w.CheckOnly = true
		in.TransactItems = append(in.TransactItems, s.transactItem(&w, revision))
	}
	ctx, watched := attempt.Watch(ctx)
	return s.patiently(ctx, func() (item, error) {
		out, err := s.client.TransactWriteItems(ctx, in)
		if err == nil {
			for _, c := range out.ConsumedCapacity {
				requestlog.From(ctx).WriteUnits += units(&c)
			}
			return nil, nil
		}
		found, err := unmetIn(err, revision)
		if watched.Lost() && (errors.Is(err, errUnmet) || errors.Is(err, errGuard)) {
			return nil, errLost
		}
		return found, err
	})
}

// unmetIn translates the error of a transaction of writeGuarded. Its first part is the
// write itself. If another client changed that item, it does not matter whether the
// guards hold: the caller decides again.
func unmetIn(err error, revision string) (found item, _ error) {
	canceledErr := canceled(err, revision)
	e, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok || !errors.Is(canceledErr, errUnmet) || len(e.CancellationReasons) == 0 {
		return nil, canceledErr
	}
	if first := e.CancellationReasons[0]; aws.ToString(first.Code) == "ConditionalCheckFailed" {
		return first.Item, errUnmet
	}
	return nil, errGuard
}

// Purged records that the audio of a deleted recording is gone; see
// [store.Writer]. The first call sets the tombstone's expiry; later calls keep it.
func (s *Store) Purged(ctx context.Context, account, id, revision string) error {
	const doing = "recording the purge of"
	expires := s.now().AddDate(0, 0, store.TombstoneDays).Unix()
	audio, names := forgetAudio()
	when, values := "attribute_exists("+attrDeleted+") AND attribute_not_exists("+attrUntil+")", item{":expires": num(expires)}
	if revision != "" {
		when += " AND " + attrRevision + " = :revision"
		values[":revision"] = str(revision)
	}
	ctx, watched := attempt.Watch(ctx)
	out, err := s.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: tableKey(account, id),
		UpdateExpression: aws.String("SET " + attrExpires + " = if_not_exists(" + attrExpires + ", :expires)" +
			" REMOVE " + attrPurgePending + ", " + attrBy + ", " + audio),
		ExpressionAttributeNames:  names,
		ConditionExpression:       &when,
		ExpressionAttributeValues: values,
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	})
	if _, ok := unmet(err); ok {
		if watched.Lost() { // a revival may have followed
			return wrap(store.ErrUnavailable, doing, account, id, errLost)
		}
		return wrap(store.ErrNotFound, doing, account, id, nil)
	}
	if err != nil {
		return fail(doing, account, id, err)
	}
	requestlog.From(ctx).WriteUnits += units(out.ConsumedCapacity)
	return nil
}
