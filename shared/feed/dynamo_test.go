package feed_test

import (
	"testing"
	"time"

	"github.com/callrecordings/api/shared/store/dynamo/dynamotest"
)

// The transactions of DynamoDB Local meet each other, as those of DynamoDB do.
func TestClientEqualsTheTableOverDynamoDB(t *testing.T) {
	t.Parallel()
	equality(t, dynamotest.Open(t, time.Now), time.Now, writesOf(t, 300))
}
