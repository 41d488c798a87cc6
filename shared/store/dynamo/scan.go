package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

var _ store.Scanner = (*Store)(nil)

const (
	// accountsAtOnce is the number of accounts on a page.
	accountsAtOnce = 25
	// pastIDs sorts after every ID of a recording and before claims and secrets: IDs
	// begin with a digit.
	pastIDs = ":"
	// pastAll sorts after every value of c, and after every ID and key.
	pastAll = "~"
)

// accountsCursor is where a page of Accounts begins.
type accountsCursor struct {
	// Account is the last account that was found in the index.
	Account string `json:"a,omitempty"`
	// Whole means that the whole table is being read, and ID is its last key.
	Whole bool   `json:"w,omitempty"`
	ID    string `json:"id,omitempty"`
}

// Accounts lists the accounts in the order of the table's partitions; see
// [store.Scanner]. It reads one item of each account in the index by_created, and jumps
// behind the account's last one. If deep is set, it then reads the whole table.
func (s *Store) Accounts(ctx context.Context, cursor string, deep bool) (accounts []string, next string, err error) {
	var at accountsCursor
	if cursor != "" {
		if err := json.Unmarshal([]byte(cursor), &at); err != nil {
			return nil, "", fmt.Errorf("the cursor of a list of accounts: %w", err)
		}
	}
	more := true
	if at.Whole {
		accounts, more, err = s.pendingAccounts(ctx, &at)
	} else {
		accounts, err = s.listedAccounts(ctx, &at)
		if err == nil && len(accounts) < accountsAtOnce {
			more, at = deep, accountsCursor{Whole: true}
		}
	}
	if err != nil || !more {
		return accounts, "", err
	}
	text, err := json.Marshal(at)
	return accounts, string(text), err
}

// listedAccounts returns up to accountsAtOnce accounts of the index by_created.
func (s *Store) listedAccounts(ctx context.Context, at *accountsCursor) (accounts []string, err error) {
	for len(accounts) < accountsAtOnce {
		in := &dynamodb.ScanInput{
			TableName: &s.table, IndexName: aws.String(indexByCreated), Limit: aws.Int32(1),
			ProjectionExpression: aws.String(attrAccount), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		}
		if at.Account != "" {
			in.ExclusiveStartKey = tableKey(at.Account, pastAll)
			in.ExclusiveStartKey[attrCreatedID] = str(pastAll)
		}
		out, err := s.scan(ctx, in)
		if err != nil {
			return nil, err
		}
		if len(out.Items) == 0 {
			return accounts, nil
		}
		at.Account = text(out.Items[0], attrAccount)
		accounts = append(accounts, at.Account)
	}
	return accounts, nil
}

// pendingAccounts reads a page of the table, and returns the accounts that have
// tombstones with a pending purge.
func (s *Store) pendingAccounts(ctx context.Context, at *accountsCursor) (accounts []string, more bool, err error) {
	in := &dynamodb.ScanInput{
		TableName: &s.table, FilterExpression: aws.String("attribute_exists(" + attrPurgePending + ")"),
		ProjectionExpression: aws.String(attrAccount), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}
	if at.Account != "" {
		in.ExclusiveStartKey = tableKey(at.Account, at.ID)
	}
	out, err := s.scan(ctx, in)
	if err != nil {
		return nil, false, err
	}
	last := ""
	for _, m := range out.Items {
		if account := text(m, attrAccount); account != last && !strings.HasPrefix(account, entryPrefix) {
			last = account
			accounts = append(accounts, account)
		}
	}
	at.Account, at.ID = text(out.LastEvaluatedKey, attrAccount), text(out.LastEvaluatedKey, attrID)
	return accounts, len(out.LastEvaluatedKey) > 0, nil
}

func (s *Store) scan(ctx context.Context, in *dynamodb.ScanInput) (*dynamodb.ScanOutput, error) {
	out, err := s.client.Scan(ctx, in)
	if err != nil {
		return nil, fail("scanning", s.table, "", err)
	}
	requestlog.From(ctx).ReadUnits += units(out.ConsumedCapacity)
	return out, nil
}

// part returns a Query for the items of an account with IDs from low to high, which
// begins after the ID after.
func (s *Store) part(account, low, high, after string, limit int) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		TableName: &s.table, Limit: aws.Int32(int32(min(limit, 10_000))),
		KeyConditionExpression:    aws.String(attrAccount + " = :account AND " + attrID + " BETWEEN :low AND :high"),
		ExpressionAttributeValues: item{":account": str(account), ":low": str(low), ":high": str(high)},
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	}
	if after > low { // DynamoDB rejects a start outside the range
		in.ExclusiveStartKey = tableKey(account, after)
	}
	return in
}

func (s *Store) queryPart(ctx context.Context, doing string, in *dynamodb.QueryInput) (items []item, next string, err error) {
	out, err := s.client.Query(ctx, in)
	if err != nil {
		return nil, "", fail(doing, text(in.ExpressionAttributeValues, ":account"), "", err)
	}
	requestlog.From(ctx).ReadUnits += units(out.ConsumedCapacity)
	return out.Items, text(out.LastEvaluatedKey, attrID), nil
}

// Rows returns recordings and tombstones in the order of their IDs; see
// [store.Scanner]. It is one Query on the table, which costs half a unit for 4 KB.
func (s *Store) Rows(ctx context.Context, account, after string, limit int) (store.RowPage, error) {
	const doing = "scanning the recordings of"
	if after >= pastIDs {
		return store.RowPage{}, nil
	}
	items, next, err := s.queryPart(ctx, doing, s.part(account, "0", pastIDs, after, limit))
	if err != nil {
		return store.RowPage{}, err
	}
	p := store.RowPage{Rows: make([]store.Row, len(items)), Next: next}
	for i, m := range items {
		p.Rows[i].ID = text(m, attrID)
		if p.Rows[i].Found, err = foundIn(m); err != nil {
			return store.RowPage{}, fmt.Errorf("%s %s/%s: %w", doing, account, p.Rows[i].ID, err)
		}
	}
	return p, nil
}

// Claims returns lasting claims in the order of their keys; see [store.Scanner].
func (s *Store) Claims(ctx context.Context, account, after string, limit int) (store.ClaimPage, error) {
	in := s.part(account, claimPrefix, claimPrefix+pastAll, after, limit)
	in.FilterExpression = aws.String("attribute_not_exists(" + attrExpires + ")")
	items, next, err := s.queryPart(ctx, "scanning the claims of", in)
	p := store.ClaimPage{Next: next}
	for _, m := range items {
		p.Claims = append(p.Claims, store.KeptClaim{Key: text(m, attrID), ID: text(m, attrRecording), Revision: text(m, attrRevision)})
	}
	return p, err
}

// Unclaim removes an unused claim; see [store.Scanner]. One transaction removes the claim
// and checks that its recording does not exist.
func (s *Store) Unclaim(ctx context.Context, account string, c store.KeptClaim) error {
	const doing = "removing a claim of"
	out, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
		TransactItems: []types.TransactWriteItem{
			{Delete: &types.Delete{
				TableName: &s.table, Key: tableKey(account, c.Key),
				ConditionExpression:       aws.String(noItem + " OR " + attrRevision + " = :revision"),
				ExpressionAttributeValues: item{":revision": str(c.Revision)},
			}},
			{ConditionCheck: &types.ConditionCheck{
				TableName: &s.table, Key: tableKey(account, c.ID), ConditionExpression: aws.String(noItem),
			}},
		},
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if canceled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		for _, r := range canceled.CancellationReasons {
			if aws.ToString(r.Code) == "ConditionalCheckFailed" {
				return wrap(store.ErrConflict, doing, account, c.ID, nil)
			}
		}
	}
	if err != nil {
		return fail(doing, account, c.ID, err)
	}
	for i := range out.ConsumedCapacity {
		requestlog.From(ctx).WriteUnits += units(&out.ConsumedCapacity[i])
	}
	return nil
}
