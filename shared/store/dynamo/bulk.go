package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// maxBulk is DynamoDB's limit for the writes of one BatchWriteItem
// (docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html).
const maxBulk = 25

// WriteEach writes entries; see [store.BulkWriter]. One BatchWriteItem carries up to 25
// of them, and each costs as much as a PutItem. If DynamoDB skips some, WriteEach sends
// those again, with a longer wait each time.
func (s *Store) WriteEach(ctx context.Context, writes ...store.EntryWrite) error {
	const doing = "writing entries of"
	if err := store.CheckEntries(writes); err != nil || len(writes) == 0 {
		return err
	}
	partition := writes[0].Partition
	revision, err := s.revision()
	if err != nil {
		return err
	}
	wanted := make([]types.WriteRequest, 0, len(writes))
	for i := range writes {
		if w := &writes[i]; w.Delete {
			wanted = append(wanted, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: entryKey(w.EntryKey)}})
		} else {
			wanted = append(wanted, types.WriteRequest{PutRequest: &types.PutRequest{Item: entryItem(w, revision)}})
		}
	}
	for try := 1; len(wanted) > 0; {
		n := min(len(wanted), maxBulk)
		out, err := s.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
			RequestItems:           map[string][]types.WriteRequest{s.table: wanted[:n]},
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		})
		if err != nil {
			return fail(doing, partition, "", err)
		}
		for _, c := range out.ConsumedCapacity {
			requestlog.From(ctx).WriteUnits += units(&c)
		}
		skipped := out.UnprocessedItems[s.table]
		if wanted = append(wanted[n:], skipped...); len(skipped) == 0 {
			continue
		}
		if err := s.pause(ctx, try, s.network.wait(try)); err != nil {
			return wrap(store.ErrUnavailable, doing, partition, "", err)
		}
		try++
	}
	return nil
}
