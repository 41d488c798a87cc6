package dynamo

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// entryPrefix starts the partition key of an entry. No account ID starts with it.
const entryPrefix = separator

func entryKey(k store.EntryKey) item { return tableKey(entryPrefix+k.Partition, k.Key) }

// Entries returns entries by their keys; see [store.EntryReader]. One GetItem reads a
// single key, and one BatchGetItem reads several. If DynamoDB skips some of them,
// Entries requests those again, with a longer wait each time.
func (s *Store) Entries(ctx context.Context, keys ...store.EntryKey) ([]store.Entry, error) {
	const doing = "reading entries of"
	if len(keys) == 0 {
		return nil, nil
	}
	found, err := s.entries(ctx, doing, keys)
	if err != nil {
		return nil, err
	}
	ordered := make([]store.Entry, 0, len(keys))
	for _, k := range keys {
		if e, ok := found[k]; ok {
			ordered = append(ordered, e)
		}
	}
	return ordered, nil
}

// entries reads the entries with these keys.
func (s *Store) entries(ctx context.Context, doing string, keys []store.EntryKey) (map[store.EntryKey]store.Entry, error) {
	found := make(map[store.EntryKey]store.Entry, len(keys))
	if len(keys) == 1 {
		m, err := s.readMaybe(ctx, doing, entryPrefix+keys[0].Partition, keys[0].Key)
		if err != nil || m == nil {
			return nil, err
		}
		return found, s.addEntries(found, doing, m)
	}
	wanted := make([]item, 0, len(keys))
	asked := make(map[store.EntryKey]bool, len(keys)) // DynamoDB rejects duplicates
	for _, k := range keys {
		if !asked[k] {
			asked[k] = true
			wanted = append(wanted, entryKey(k))
		}
	}
	for try := 1; len(wanted) > 0; try++ {
		items, rest, err := s.batch(ctx, wanted)
		if err != nil {
			return nil, fail(doing, keys[0].Partition, "", err)
		}
		if err := s.addEntries(found, doing, items...); err != nil {
			return nil, err
		}
		if wanted = rest; len(wanted) == 0 {
			break
		}
		if err := s.pause(ctx, try, s.network.wait(try)); err != nil {
			return nil, wrap(store.ErrUnavailable, doing, keys[0].Partition, "", err)
		}
	}
	return found, nil
}

// addEntries decodes items and adds those that have not expired to found.
func (s *Store) addEntries(found map[store.EntryKey]store.Entry, doing string, items ...item) error {
	for _, m := range items {
		e, err := decodeEntry(m)
		if err != nil {
			return fail(doing, e.Partition, e.Key, err)
		}
		if s.lasts(e) {
			found[e.EntryKey] = e
		}
	}
	return nil
}

// lasts reports whether e has not expired.
func (s *Store) lasts(e store.Entry) bool {
	return e.Expires == 0 || e.Expires > recording.SecondsOf(s.now())
}

// decodeEntry decodes the item of an entry.
func decodeEntry(m item) (store.Entry, error) {
	e := store.Entry{
		EntryKey: store.EntryKey{Partition: strings.TrimPrefix(text(m, attrAccount), entryPrefix), Key: text(m, attrID)},
		Value:    []byte(text(m, attrEntry)), Revision: text(m, attrRevision),
	}
	expires, err := number(m, attrExpires)
	if expires != 0 {
		e.Expires = fromUnix(expires)
	}
	if err == nil && len(e.Value) == 0 {
		e.Value, err = decodeCounter(m)
	}
	return e, err
}

// decodeCounter returns the numbers of a counter as a JSON object, nil if the item is
// not a counter.
func decodeCounter(m item) ([]byte, error) {
	var numbers map[string]int64
	for name := range m {
		member, ok := strings.CutPrefix(name, counterPrefix)
		if !ok {
			continue
		}
		n, err := number(m, name)
		if err != nil {
			return nil, err
		}
		if numbers == nil {
			numbers = map[string]int64{}
		}
		numbers[member] = n
	}
	if numbers == nil {
		return nil, nil
	}
	return json.Marshal(numbers)
}

// PageEntries returns one page of a partition; see [store.EntryReader]. It is one
// Query.
func (s *Store) PageEntries(ctx context.Context, q store.EntryQuery) (store.EntryPage, error) {
	const doing = "listing the entries of"
	in, ok := s.entryQuery(q)
	if !ok {
		return store.EntryPage{}, nil
	}
	out, err := s.client.Query(ctx, in)
	if err != nil {
		return store.EntryPage{}, fail(doing, q.Partition, "", err)
	}
	requestlog.From(ctx).ReadUnits += units(out.ConsumedCapacity)
	items := out.Items
	more := len(out.LastEvaluatedKey) > 0
	if len(items) > q.Limit {
		items, more = items[:q.Limit], true
	}
	var p store.EntryPage
	for _, m := range items {
		e, err := decodeEntry(m)
		if err != nil {
			return store.EntryPage{}, fail(doing, q.Partition, e.Key, err)
		}
		if s.lasts(e) {
			p.Entries = append(p.Entries, e)
		}
		if more {
			p.Next = e.Key
		}
	}
	return p, nil
}

// entryQuery returns the Query for a page of entries. It asks for one row more, which
// shows whether there is a next page. DynamoDB rejects a start outside the range of the
// keys, so entryQuery leaves it out if it lies before the range, and returns false if
// it lies after it.
func (s *Store) entryQuery(q store.EntryQuery) (*dynamodb.QueryInput, bool) {
	in := &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: aws.Bool(true),
		Limit: aws.Int32(int32(q.Limit) + 1), ScanIndexForward: aws.Bool(!q.Descending),
		KeyConditionExpression:    aws.String(attrAccount + " = :partition"),
		ExpressionAttributeValues: item{":partition": str(entryPrefix + q.Partition)},
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	}
	if q.Prefix != "" {
		*in.KeyConditionExpression += " AND begins_with(" + attrID + ", :prefix)"
		in.ExpressionAttributeValues[":prefix"] = str(q.Prefix)
	}
	switch {
	case q.After == "":
	case strings.HasPrefix(q.After, q.Prefix):
		in.ExclusiveStartKey = entryKey(store.EntryKey{Partition: q.Partition, Key: q.After})
	case (q.After > q.Prefix) != q.Descending:
		return nil, false
	}
	return in, true
}
