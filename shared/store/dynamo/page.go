package dynamo

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"callrecordings/shared/recording"
	"callrecordings/shared/requestlog"
	"callrecordings/shared/store"
)

// Page reads a page of a list; see [store.Reader].
func (s *Store) Page(ctx context.Context, q store.Query) (store.Page, error) {
	k, ok := rangeOf(q)
	if !ok {
		return store.Page{}, nil
	}
	var p store.Page
	for in := s.query(q, k); ; {
		in.Limit = aws.Int32(int32(min(q.Limit+1-len(p.Recordings), 1<<20)))
		rows, err := s.rows(ctx, in)
		if err != nil {
			return store.Page{}, err
		}
		p.Recordings = append(p.Recordings, rows...)
		if len(p.Recordings) > q.Limit || len(in.ExclusiveStartKey) == 0 {
			break
		}
	}
	return p, nil
}

// query makes the first Query of a page.
func (s *Store) query(q store.Query, k keyRange) *dynamodb.QueryInput {
	index, partition, value := indexByCreated, attrAccount, q.Account
	if q.Owner != "" {
		index, partition, value = indexByUser, attrAccountOwner, accountOwner(q.Account, q.Owner)
	}
	in := &dynamodb.QueryInput{
		TableName: &s.table, IndexName: &index, ScanIndexForward: &q.Ascending,
		KeyConditionExpression:    aws.String(partition + " = :partition AND " + attrCreatedID + " BETWEEN :low AND :high"),
		ExpressionAttributeValues: item{":partition": str(value), ":low": str(k.low), ":high": str(k.high)},
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	}
	if k.after.ID != "" {
		in.ExclusiveStartKey = tableKey(q.Account, k.after.ID)
		in.ExclusiveStartKey[attrCreatedID] = str(createdID(k.after.Created, k.after.ID))
		in.ExclusiveStartKey[partition] = str(value)
	}
	return in
}

// rows runs in, leaves in it the start of the Query that goes on from there,
// none at the end, and returns what it read.
func (s *Store) rows(ctx context.Context, in *dynamodb.QueryInput) ([]recording.Recording, error) {
	account, index := text(in.ExpressionAttributeValues, ":partition"), aws.ToString(in.IndexName)
	out, err := s.client.Query(ctx, in)
	if err != nil {
		return nil, fail("listing", account, index, err)
	}
	requestlog.From(ctx).ReadUnits += units(out.ConsumedCapacity)
	rows := make([]recording.Recording, len(out.Items))
	for i, m := range out.Items {
		if err := decode(m, &rows[i]); err != nil {
			return nil, fmt.Errorf("listing %s/%s: %w", account, index, err)
		}
	}
	in.ExclusiveStartKey = out.LastEvaluatedKey
	return rows, nil
}
