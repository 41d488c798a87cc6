package dynamo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// errContended means that DynamoDB did not execute a write, because another
// transaction was using one of its items, or because it was throttled.
var errContended = errors.New("another transaction uses the item, or DynamoDB is throttled")

// WriteEntries writes entries; see [store.Entries]. One entry that is stored on a
// condition costs one PutItem. Anything else is one transaction, which costs twice as
// much, but has a token: if its answer is lost, DynamoDB recognizes the retry.
func (s *Store) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	if err := store.CheckEntries(writes); err != nil || len(writes) == 0 {
		return err
	}
	const doing = "writing entries of"
	partition := writes[0].Partition
	revision, err := s.revision()
	if err != nil {
		return err
	}
	ctx, watched := attempt.Watch(ctx)
	do := func() error { return s.transact(ctx, writes, revision) }
	if w := &writes[0]; len(writes) == 1 && w.If != store.Always && !w.Delete && !w.CheckOnly && !w.Counts() {
		do = func() error { return s.writeEntry(ctx, watched, w, revision) }
	}
	for try := 1; ; try++ {
		err := do()
		switch {
		case errors.Is(err, errUnmet) && watched.Lost(), errors.Is(err, errLost):
			return wrap(store.ErrUnavailable, doing, partition, "", errLost)
		case errors.Is(err, errUnmet):
			return wrap(store.ErrConflict, doing, partition, "", nil)
		case !errors.Is(err, errContended):
			return fail(doing, partition, "", err)
		}
		if e := s.pause(ctx, try, s.network.wait(try)); e != nil {
			return wrap(store.ErrUnavailable, doing, partition, "", errors.Join(e, err))
		}
	}
}

// writeEntry stores one entry on its condition.
func (s *Store) writeEntry(ctx context.Context, watched *attempt.Watched, w *store.EntryWrite, revision string) error {
	_, err := s.writeWatched(ctx, watched, entryItem(w, revision), s.entryCondition(w))
	return err
}

// transact applies all writes or none. The revision is also the transaction's token.
func (s *Store) transact(ctx context.Context, writes []store.EntryWrite, revision string) error {
	in := &dynamodb.TransactWriteItemsInput{
		ClientRequestToken: &revision, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}
	for i := range writes {
		if w := &writes[i]; !w.CheckOnly || w.If != store.Always {
			in.TransactItems = append(in.TransactItems, s.transactItem(w, revision))
		}
	}
	if len(in.TransactItems) == 0 {
		return nil
	}
	out, err := s.client.TransactWriteItems(ctx, in)
	if err != nil {
		return canceled(err, revision)
	}
	for _, c := range out.ConsumedCapacity {
		requestlog.From(ctx).WriteUnits += units(&c)
	}
	return nil
}

// transactItem returns the part of a transaction that does w.
func (s *Store) transactItem(w *store.EntryWrite, revision string) types.TransactWriteItem {
	var when *string
	c := s.entryCondition(w)
	if c.text != "" {
		when = &c.text
	}
	const onFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	switch {
	case w.CheckOnly:
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: &s.table, Key: entryKey(w.EntryKey), ConditionExpression: when,
			ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: onFailure,
		}}
	case w.Counts():
		return types.TransactWriteItem{Update: s.countingUpdate(w, revision, when, c.values)}
	case w.Delete:
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: &s.table, Key: entryKey(w.EntryKey), ConditionExpression: when,
			ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: onFailure,
		}}
	}
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &s.table, Item: entryItem(w, revision), ConditionExpression: when,
		ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: onFailure,
	}}
}

// countingUpdate returns the update of a counter, on the condition when with its values.
func (s *Store) countingUpdate(w *store.EntryWrite, revision string, when *string, values item) *types.Update {
	names, all := map[string]string{}, item{":rev": str(revision), ":empty": str("")}
	maps.Copy(all, values)
	mention := func(numbers map[string]int64, format string) (parts []string) {
		for _, name := range slices.Sorted(maps.Keys(numbers)) {
			names["#"+name], all[":"+name] = counterPrefix+name, num(numbers[name])
			parts = append(parts, fmt.Sprintf(format, name, name))
		}
		return parts
	}
	set := append([]string{attrRevision + " = :rev", attrEntry + " = :empty"}, mention(w.Set, "#%s = :%s")...)
	if w.Expires != 0 {
		all[":expires"] = num(w.Expires.Time().Unix())
		set = append(set, attrExpires+" = :expires")
	}
	text := "SET " + strings.Join(set, ", ")
	if add := mention(w.Add, "#%s :%s"); len(add) > 0 {
		text += " ADD " + strings.Join(add, ", ")
	}
	return &types.Update{
		TableName: &s.table, Key: entryKey(w.EntryKey), UpdateExpression: &text, ConditionExpression: when,
		ExpressionAttributeNames: names, ExpressionAttributeValues: all,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// entryItem returns the item of an entry.
func entryItem(w *store.EntryWrite, revision string) item {
	m := entryKey(w.EntryKey)
	m[attrEntry], m[attrRevision] = str(string(w.Value)), str(revision)
	if w.Expires != 0 {
		m[attrExpires] = num(w.Expires.Time().Unix())
	}
	return m
}

// entryCondition returns the condition of w. An expired entry counts as absent.
func (s *Store) entryCondition(w *store.EntryWrite) condition {
	now := num(s.now().Unix())
	switch w.If {
	case store.IfAbsent:
		return condition{noItem + " OR " + attrExpires + " <= :now", item{":now": now}}
	case store.IfUnchanged:
		return condition{
			attrRevision + " = :revision AND (attribute_not_exists(" + attrExpires + ") OR " + attrExpires + " > :now)",
			item{":revision": str(w.Revision), ":now": now},
		}
	}
	return condition{}
}

// canceled translates the error of a transaction. It returns nil if an item has the
// transaction's own revision, because then an earlier attempt has taken effect.
func canceled(err error, revision string) error {
	e, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok {
		return err
	}
	unmet, contended := false, false
	for _, reason := range e.CancellationReasons {
		switch code := aws.ToString(reason.Code); code {
		case "", "None":
		case "ConditionalCheckFailed":
			if text(reason.Item, attrRevision) == revision {
				return nil
			}
			unmet = true
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			contended = true
		default: // ItemCollectionSizeLimitExceeded, ValidationError
			return fmt.Errorf("the transaction was canceled: %s: %s", code, aws.ToString(reason.Message))
		}
	}
	switch {
	case unmet:
		return errUnmet
	case contended:
		return errContended
	}
	return err
}
