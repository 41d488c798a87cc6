// Command audio is the floor of the functions that use DynamoDB and S3, such as get
// and delete. It has only the runtime, a DynamoDB client and an S3 client.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func main() {
	table := dynamodb.New(dynamodb.Options{Region: os.Getenv("AWS_REGION"), Credentials: environment{}})
	bucket := s3.New(s3.Options{Region: os.Getenv("AWS_REGION"), Credentials: environment{}})
	lambda.Start(func(ctx context.Context) error {
		_, item := table.GetItem(ctx, &dynamodb.GetItemInput{})
		_, object := bucket.GetObject(ctx, &s3.GetObjectInput{})
		return errors.Join(item, object)
	})
}

// environment provides the credentials that Lambda sets in the environment.
type environment struct{}

// Retrieve returns the credentials.
func (environment) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}, nil
}
