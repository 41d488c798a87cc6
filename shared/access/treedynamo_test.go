package access_test

import (
	"testing"
	"time"

	"github.com/callrecordings/api/shared/store/dynamo/dynamotest"
)

// The transactions of DynamoDB Local meet each other, as those of DynamoDB do.
func TestTreeOverDynamoDB(t *testing.T) {
	t.Parallel()
	t.Run("concurrent changes", func(t *testing.T) {
		t.Parallel()
		concurrentChanges(t, dynamotest.Open(t, time.Now))
	})
	t.Run("readers of a move", func(t *testing.T) {
		t.Parallel()
		readersOfAMove(t, dynamotest.Open(t, time.Now), 4)
	})
}
