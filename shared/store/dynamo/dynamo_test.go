package dynamo

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

var static = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
})

// over opens a store whose requests the client answers.
func over(tb testing.TB, client dynamodb.HTTPClient) *Store {
	tb.Helper()
	s, err := Open(Options{
		Region: "eu-west-1", Endpoint: "http://dynamodb.invalid", Table: "recordings",
		Credentials: static, HTTPClient: client,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
