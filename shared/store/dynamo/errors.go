package dynamo

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	smithy "github.com/aws/smithy-go"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/store"
)

// errLayout means that this package cannot have written the item.
var errLayout = errors.New("an item that does not follow the table's layout")

// fail translates err into the errors of package store; nil stays nil. A
// request that DynamoDB rejects as malformed is a bug in this package and gets
// no error of package store. Any other failure is ErrUnavailable: DynamoDB was
// throttled, slow or unreachable, or the table or a permission is missing.
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

// tooLarge reports whether an item or a key exceeds DynamoDB's limit. DynamoDB
// has no error code for this, so tooLarge matches its messages ("Item size has
// exceeded the maximum allowed size", "Size limit exceeded").
func tooLarge(err error) bool {
	ae, ok := errors.AsType[smithy.APIError](err)
	if !ok || ae.ErrorCode() != "ValidationException" {
		return false
	}
	text := strings.ToLower(ae.ErrorMessage())
	return strings.Contains(text, "size") && strings.Contains(text, "exceeded")
}

// faulty reports whether DynamoDB rejected the request itself, so that a retry
// cannot help.
func faulty(err error) bool {
	if ae, ok := errors.AsType[smithy.APIError](err); ok {
		return ae.ErrorCode() == "ValidationException" || ae.ErrorCode() == "SerializationException"
	}
	_, invalid := errors.AsType[smithy.InvalidParamsError](err)
	_, unsent := errors.AsType[*smithy.SerializationError](err)
	return invalid || unsent
}

// unmet returns the existing item that made a write's condition fail, nil if the
// table has none. ok is false if err does not report an unmet condition.
func unmet(err error) (found item, ok bool) {
	e, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return nil, false
	}
	return e.Item, true
}
