// Command bus is the floor of publish. It has only the runtime, and clients of EventBridge,
// SQS and DynamoDB.
package main

import (
	"context"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func main() {
	bus := eventbridge.New(eventbridge.Options{Region: os.Getenv("AWS_REGION"), Credentials: environment{}})
	table := dynamodb.New(dynamodb.Options{Region: os.Getenv("AWS_REGION"), Credentials: environment{}})
	queue := sqs.New(sqs.Options{Region: os.Getenv("AWS_REGION"), Credentials: environment{}})
	lambda.Start(func(ctx context.Context) error {
		if _, err := table.GetItem(ctx, &dynamodb.GetItemInput{}); err != nil {
			return err
		}
		if _, err := queue.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{}); err != nil {
			return err
		}
		_, err := bus.PutEvents(ctx, &eventbridge.PutEventsInput{})
		return err
	})
}

// environment provides the credentials that Lambda sets in the environment.
type environment struct{}

// Retrieve returns the credentials.
func (environment) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}, nil
}
