package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// Get returns the recording; see [store.Reader].
func (s *Store) Get(ctx context.Context, account, id string) (*recording.Recording, error) {
	const doing = "reading"
	m, err := s.read(ctx, doing, account, id)
	if err != nil {
		return nil, err
	}
	r, err := living(m, doing, account, id)
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// Tombstone returns the tombstone of a deleted recording, strongly consistent.
// Errors: ErrNotFound without a tombstone, ErrUnavailable.
func (s *Store) Tombstone(ctx context.Context, account, id string) (store.Tombstone, error) {
	const doing = "reading the tombstone of"
	m, err := s.read(ctx, doing, account, id)
	if err != nil {
		return store.Tombstone{}, err
	}
	if !isTombstone(m) {
		return store.Tombstone{}, wrap(store.ErrNotFound, doing, account, id, nil)
	}
	t, err := decodeTombstone(m)
	if err != nil {
		return t, fmt.Errorf("%s %s/%s: %w", doing, account, id, err)
	}
	return t, nil
}

// read returns the item, strongly consistent, or ErrNotFound.
func (s *Store) read(ctx context.Context, doing, account, id string) (item, error) {
	m, err := s.readMaybe(ctx, doing, account, id)
	if err == nil && m == nil {
		err = wrap(store.ErrNotFound, doing, account, id, nil)
	}
	return m, err
}

// readMaybe returns the item, strongly consistent, or nil if it does not exist.
func (s *Store) readMaybe(ctx context.Context, doing, account, id string) (item, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.table, Key: tableKey(account, id), ConsistentRead: aws.Bool(true),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return nil, fail(doing, account, id, err)
	}
	requestlog.From(ctx).ReadUnits += units(out.ConsumedCapacity)
	if len(out.Item) == 0 {
		return nil, nil //nolint:nilnil // nil stands for no item
	}
	return out.Item, nil
}

// living decodes the item of a recording. It returns ErrNotFound if m is empty or
// a tombstone.
func living(m item, doing, account, id string) (recording.Recording, error) {
	var r recording.Recording
	if len(m) == 0 || isTombstone(m) {
		return r, wrap(store.ErrNotFound, doing, account, id, nil)
	}
	if err := decode(m, &r); err != nil {
		return r, fmt.Errorf("%s %s/%s: %w", doing, account, id, err)
	}
	return r, nil
}

// fromUnix converts Unix seconds to Gregorian seconds.
func fromUnix(seconds int64) recording.Seconds {
	return recording.SecondsOf(time.Unix(seconds, 0))
}
