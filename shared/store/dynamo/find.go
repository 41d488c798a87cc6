package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// Find looks up many recordings; see [store.Finder]. One BatchGetItem reads them
// all, unless they exceed 16 MB or DynamoDB throttles the call. DynamoDB then
// skips some keys, and Find requests those keys again, with a longer wait each
// time.
func (s *Store) Find(ctx context.Context, account string, ids []string) (map[string]store.Found, error) {
	const doing = "finding recordings of"
	found := make(map[string]store.Found, len(ids))
	keys := make([]item, len(ids))
	for i, id := range ids {
		keys[i] = tableKey(account, id)
	}
	for try := 1; len(keys) > 0; try++ {
		items, rest, err := s.batch(ctx, keys)
		if err != nil {
			return nil, fail(doing, account, "", err)
		}
		for _, m := range items {
			if found[text(m, attrID)], err = foundIn(m); err != nil {
				return nil, fmt.Errorf("%s %s/%s: %w", doing, account, text(m, attrID), err)
			}
		}
		if keys = rest; len(keys) == 0 {
			break
		}
		if err := s.pause(ctx, try, s.network.wait(try)); err != nil {
			return nil, wrap(store.ErrUnavailable, doing, account, "", err)
		}
	}
	return found, nil
}

// batch reads the items at keys, strongly consistent. rest holds the keys that
// DynamoDB did not process.
func (s *Store) batch(ctx context.Context, keys []item) (items, rest []item, err error) {
	out, err := s.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
		RequestItems:           map[string]types.KeysAndAttributes{s.table: {Keys: keys, ConsistentRead: aws.Bool(true)}},
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return nil, nil, err
	}
	for _, c := range out.ConsumedCapacity {
		requestlog.From(ctx).ReadUnits += units(&c)
	}
	return out.Responses[s.table], out.UnprocessedKeys[s.table].Keys, nil
}

// foundIn decodes the item of a recording or of a tombstone.
func foundIn(m item) (store.Found, error) {
	if isTombstone(m) {
		t, err := decodeTombstone(m)
		return store.Found{Tombstone: &t}, err
	}
	r := new(recording.Recording)
	return store.Found{Recording: r}, decode(m, r)
}

// purgedTombstone is the condition that the item is a tombstone and its audio is
// confirmed gone.
const purgedTombstone = "attribute_exists(" + attrDeleted + ") AND attribute_not_exists(" + attrPurgePending +
	") AND attribute_not_exists(" + attrUntil + ")"

// Revive stores a recording, even in place of a tombstone; see [store.Reviver].
// It writes a new item and keeps no attribute of the tombstone. An inherited
// expires would make the table's TTL remove the recording.
func (s *Store) Revive(ctx context.Context, r *recording.Recording, tombstone string) error {
	when := condition{text: noItem + " OR (" + purgedTombstone + ")"}
	if tombstone != "" {
		when = condition{noItem + " OR (" + purgedTombstone + " AND " + attrRevision + " = :revision)", item{":revision": str(tombstone)}}
	}
	return s.put(ctx, "reviving", r, when)
}
