// Command dynamo is the floor of list and patch. It has only the runtime and a
// DynamoDB client that is created as in the functions.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func main() {
	client := dynamodb.New(dynamodb.Options{Region: os.Getenv("AWS_REGION"), Credentials: environment{}})
	lambda.Start(func(ctx context.Context) error {
		_, err := client.GetItem(ctx, &dynamodb.GetItemInput{})
		return err
	})
}

// environment provides the credentials that Lambda sets in the environment.
type environment struct{}

// Retrieve returns the credentials.
func (environment) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}, nil
}
