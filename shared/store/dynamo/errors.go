package dynamo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithy "github.com/aws/smithy-go"

	"callrecordings/shared/attempt"
	"callrecordings/shared/store"
)

// errLayout is an item that this package did not write.
var errLayout = errors.New("an item that does not have the table's layout")

// fail says in terms of package store what err means; nil stays nil. What
// DynamoDB finds wrong with the request is a bug here and stays nameless;
// anything else means that DynamoDB did not serve: it was throttled, slow or
// gone, or the table or the permission was.
func fail(doing, account, id string, err error) error {
	switch {
	case err == nil:
		return nil
	case tooLarge(err):
		return wrap(store.ErrTooLarge, doing, account, id, err)
	case faulty(err):
		return fmt.Errorf("%s %s/%s: %w", doing, account, id, err)
	}
	return wrap(store.ErrUnavailable, doing, account, id, attempt.WithoutURL(err))
}

func wrap(what error, doing, account, id string, err error) error {
	if err == nil {
		return fmt.Errorf("%w: %s %s/%s", what, doing, account, id)
	}
	return fmt.Errorf("%w: %s %s/%s: %w", what, doing, account, id, err)
}

// tooLarge recognises DynamoDB's own words for an item or a key past its limit
// ("Item size has exceeded the maximum allowed size", "Size limit exceeded");
// there is no code for it.
func tooLarge(err error) bool {
	ae, ok := errors.AsType[smithy.APIError](err)
	if !ok || ae.ErrorCode() != "ValidationException" {
		return false
	}
	text := strings.ToLower(ae.ErrorMessage())
	return strings.Contains(text, "size") && strings.Contains(text, "exceeded")
}

// faulty recognises a request that no retry would mend.
func faulty(err error) bool {
	if ae, ok := errors.AsType[smithy.APIError](err); ok {
		return ae.ErrorCode() == "ValidationException" || ae.ErrorCode() == "SerializationException"
	}
	_, invalid := errors.AsType[smithy.InvalidParamsError](err)
	_, unsent := errors.AsType[*smithy.SerializationError](err)
	return invalid || unsent
}

// unmet returns what lay in the table when err is an unmet condition: the
// item, or nil if there was none.
func unmet(err error) (found item, ok bool) {
	e, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return nil, false
	}
	return e.Item, true
}
