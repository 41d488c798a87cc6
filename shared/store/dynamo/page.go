package dynamo

import (
	"context"
	"fmt"
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo/onepass"
)

// Page reads a page of a list; see [store.Reader]. An ordinary page takes one
// Query, which reads as many recordings as fit on the page plus one. DynamoDB
// ends each Query at 1 MB, and another Query continues from there.
func (s *Store) Page(ctx context.Context, q store.Query) (store.Page, error) {
	k, ok := rangeOf(q)
	if !ok {
		return store.Page{}, nil
	}
	a := store.NewAssembler(q)
	for in := s.query(q, k); ; {
		in.Limit = aws.Int32(int32(min(a.Rows(), math.MaxInt32)))
		feed := s.feed
		if q.Deleted {
			feed = s.feedTombstones
		}
		if err := feed(ctx, in, a); err != nil {
			return store.Page{}, err
		}
		if !a.More(ctx, len(in.ExclusiveStartKey) > 0) {
			return a.Page(), nil
		}
	}
}

// query returns the first Query of a page.
func (s *Store) query(q store.Query, k keyRange) *dynamodb.QueryInput {
	index, partition, value := indexByCreated, attrAccount, q.Account
	if q.Owner != "" {
		index, partition, value = indexByUser, attrAccountOwner, accountOwner(q.Account, q.Owner)
	}
	prefix := ""
	if q.Deleted {
		prefix = deletedPrefix
	}
	in := &dynamodb.QueryInput{
		TableName: &s.table, IndexName: &index, ScanIndexForward: &q.Ascending,
		KeyConditionExpression:    aws.String(partition + " = :partition AND " + attrCreatedID + " BETWEEN :low AND :high"),
		ExpressionAttributeValues: item{":partition": str(value), ":low": str(prefix + k.low), ":high": str(prefix + k.high)},
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	}
	if k.after.ID != "" {
		in.ExclusiveStartKey = tableKey(q.Account, k.after.ID)
		in.ExclusiveStartKey[attrCreatedID] = str(prefix + createdID(k.after.Created, k.after.ID))
		in.ExclusiveStartKey[partition] = str(value)
	}
	return in
}

// feed runs the Query in and adds the recordings to a. It then changes in to the
// Query that continues from there. At the end of the range, in has no start key.
func (s *Store) feed(ctx context.Context, in *dynamodb.QueryInput, a *store.Assembler) error {
	const most = 128 // grows if there are more
	decoded := &rows{found: make([]listed, 0, min(*in.Limit, most))}
	out, err := s.client.Query(onepass.WithRows(ctx, decoded), in)
	if err != nil {
		return fail("listing", text(in.ExpressionAttributeValues, ":partition"), *in.IndexName, err)
	}
	requestlog.From(ctx).ReadUnits += units(out.ConsumedCapacity)
	in.ExclusiveStartKey = out.LastEvaluatedKey
	for i := range decoded.found {
		if r := &decoded.found[i]; !a.Add(&r.Recording, r.size) {
			return nil
		}
	}
	for _, m := range out.Items { // if the SDK decoded the answer
		var r recording.Recording
		if err := decode(m, &r); err != nil {
			return fmt.Errorf("listing by index %s: %w", *in.IndexName, err)
		}
		if !a.Add(&r, size(m)) {
			return nil
		}
	}
	return nil
}

// feedTombstones is feed for a list of restorable tombstones.
func (s *Store) feedTombstones(ctx context.Context, in *dynamodb.QueryInput, a *store.Assembler) error {
	out, err := s.client.Query(ctx, in)
	if err != nil {
		return fail("listing deleted recordings of", text(in.ExpressionAttributeValues, ":partition"), *in.IndexName, err)
	}
	requestlog.From(ctx).ReadUnits += units(out.ConsumedCapacity)
	in.ExclusiveStartKey = out.LastEvaluatedKey
	for _, m := range out.Items {
		t, err := decodeTombstone(m)
		if err != nil {
			return fmt.Errorf("listing deleted recordings by index %s: %w", *in.IndexName, err)
		}
		if !a.AddTombstone(&t, size(m)) {
			return nil
		}
	}
	return nil
}
