package feed_test

import (
	"context"
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/callrecordings/api/shared/store/dynamo"
)

// The transactions of DynamoDB Local meet each other, as those of DynamoDB do.
func TestClientEqualsTheTableOverDynamoDB(t *testing.T) {
	t.Parallel()
	endpoint := os.Getenv("DYNAMODB_ENDPOINT")
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: skipping the feed over DynamoDB Local.")
	}
	equality(t, openTable(t, endpoint), time.Now, writesOf(t, 300))
}

// openTable returns a store with its own table in an emulator.
func openTable(t testing.TB, endpoint string) *dynamo.Store {
	t.Helper()
	o := dynamo.Options{
		Region: "us-east-1", Endpoint: endpoint, Table: "feed-" + rand.Text(),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	c := dynamodb.New(dynamodb.Options{Region: o.Region, BaseEndpoint: &o.Endpoint, Credentials: o.Credentials})
	if _, err := c.CreateTable(t.Context(), dynamo.TableInput(o.Table)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: aws.String(o.Table)}); err != nil {
			t.Error(err)
		}
	})
	s, err := dynamo.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
