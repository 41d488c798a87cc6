// Package dynamotest gives tests a table of their own in an emulator of DynamoDB, at the
// address in DYNAMODB_ENDPOINT. Without the variable these tests are skipped; make e2e sets
// it, and fails if one of them is skipped.
package dynamotest

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/callrecordings/api/shared/store/dynamo"
)

// Options returns the options of a store with a new table. The table is deleted when the test
// ends. Without an emulator, Options skips the test.
func Options(t testing.TB) dynamo.Options {
	t.Helper()
	endpoint := os.Getenv("DYNAMODB_ENDPOINT") //nolint:forbidigo // it chooses the emulator of tests; it does not configure the service
	if endpoint == "" {
		t.Skip("DYNAMODB_ENDPOINT is not set: skipping what needs DynamoDB Local.")
	}
	o := dynamo.Options{
		Region: "us-east-1", Endpoint: endpoint, Table: "test-" + rand.Text(),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), Random: rand.Reader,
		Attempt: 30 * time.Second,
	}
	c := dynamodb.New(dynamodb.Options{Region: o.Region, BaseEndpoint: &o.Endpoint, Credentials: o.Credentials})
	var exists *types.ResourceInUseException // the answer to the first attempt was lost
	if _, err := c.CreateTable(t.Context(), dynamo.TableInput(o.Table)); err != nil && !errors.As(err, &exists) {
		t.Fatalf("CreateTable = %v", err)
	}
	t.Cleanup(func() {
		if _, err := c.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: aws.String(o.Table)}); err != nil {
			t.Errorf("DeleteTable = %v", err)
		}
	})
	return o
}

// Open returns a store with a new table, as Options makes it. now is its clock.
func Open(t testing.TB, now func() time.Time) *dynamo.Store {
	t.Helper()
	o := Options(t)
	o.Now = now
	s, err := dynamo.Open(o)
	if err != nil {
		t.Fatalf("dynamo.Open = %v", err)
	}
	return s
}
