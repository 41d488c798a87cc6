package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/requestlog"
	"github.com/callrecordings/api/shared/store"
)

// secretPrefix starts the sort key of a storage secret. No recording ID starts
// with it.
const secretPrefix = "secret" + separator

// Secret finds a storage secret; see [store.SecretReader].
func (s *Store) Secret(ctx context.Context, account, id string) (store.Secret, error) {
	const doing = "finding a secret of"
	m, err := s.read(ctx, doing, account, secretPrefix+id)
	switch {
	case err != nil:
		return store.Secret{}, err
	case isTombstone(m):
		return store.Secret{}, wrap(store.ErrNotFound, doing, account, id, nil)
	}
	return decodeSecret(m)
}

// AddSecret stores a storage secret; see [store.Secrets].
func (s *Store) AddSecret(ctx context.Context, added store.Secret) error {
	const doing = "adding a secret to"
	revision, err := s.revision() // lets a retry recognize its own write
	if err != nil {
		return err
	}
	m := tableKey(added.Account, secretPrefix+added.ID)
	m[attrSHA256], m[attrLabel], m[attrCreated], m[attrRevision] = str(added.Sum), str(added.Label), num(added.Created), str(revision)
	_, err = s.write(ctx, m, condition{text: noItem})
	if errors.Is(err, errUnmet) {
		return wrap(store.ErrExists, doing, added.Account, added.ID, nil)
	}
	return fail(doing, added.Account, added.ID, err)
}

// ListSecrets lists storage secrets; see [store.Secrets].
func (s *Store) ListSecrets(ctx context.Context, account string) ([]store.Secret, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: aws.Bool(true),
		KeyConditionExpression:    aws.String(attrAccount + " = :account AND begins_with(" + attrID + ", :prefix)"),
		ExpressionAttributeValues: item{":account": str(account), ":prefix": str(secretPrefix)},
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	}
	var found []store.Secret
	for {
		out, err := s.client.Query(ctx, in)
		if err != nil {
			return nil, fail("listing the secrets of", account, "", err)
		}
		requestlog.From(ctx).ReadUnits += units(out.ConsumedCapacity)
		for _, m := range out.Items {
			if isTombstone(m) {
				continue
			}
			secret, err := decodeSecret(m)
			if err != nil {
				return nil, err
			}
			found = append(found, secret)
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return found, nil
		}
	}
}

// RevokeSecret turns a storage secret into a mark that keeps its ID taken; see
// [store.Secrets].
func (s *Store) RevokeSecret(ctx context.Context, account, id string) error {
	const doing = "revoking a secret of"
	revision, err := s.revision()
	if err != nil {
		return err
	}
	m := tableKey(account, secretPrefix+id)
	m[attrDeleted], m[attrRevision] = num(recording.SecondsOf(s.now())), str(revision)
	_, err = s.write(ctx, m, condition{text: "attribute_exists(" + attrSHA256 + ")"})
	if errors.Is(err, errUnmet) {
		return wrap(store.ErrNotFound, doing, account, id, nil)
	}
	return fail(doing, account, id, err)
}

// decodeSecret decodes the item of a storage secret.
func decodeSecret(m item) (store.Secret, error) {
	created, err := number(m, attrCreated)
	if err != nil {
		return store.Secret{}, err
	}
	found := store.Secret{
		Account: text(m, attrAccount), ID: strings.TrimPrefix(text(m, attrID), secretPrefix),
		Sum: text(m, attrSHA256), Label: text(m, attrLabel), Created: recording.Seconds(created),
	}
	if found.Sum == "" {
		return store.Secret{}, fmt.Errorf("%w: a secret of account %s without its SHA-256", errLayout, found.Account)
	}
	return found, nil
}
