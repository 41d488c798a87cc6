// Package jobqueue is the queue of jobs in the cloud: Amazon SQS. A message has the ID of
// an account. Each message is a turn of the account (package job).
package jobqueue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/callrecordings/api/functions/internal/credentials"
	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/requestlog"
)

// perAttempt limits an attempt to send a message.
const perAttempt = 2 * time.Second

// idle is how many unused connections are kept.
const idle = 1

// Queue sends messages to the queue of jobs. It implements job.Queue.
type Queue struct {
	client *sqs.Client
	url    string
}

// body is the body of a message.
type body struct {
	Account string `json:"account"`
}

// Open returns the queue that the settings name. It makes no request.
func Open(s *config.Settings) *Queue {
	limits := attempt.Standard(perAttempt)
	o := sqs.Options{
		Region: s.Region, Credentials: credentials.Of(s), HTTPClient: limits.Client(idle), AppID: string("callrecordings-" + s.Function),
		Retryer: limits.Retryer(), APIOptions: limits.APIOptions(func(e *requestlog.Entry) { e.EventCalls++ }),
	}
	if s.SQSEndpoint != "" {
		o.BaseEndpoint = aws.String(s.SQSEndpoint)
	}
	return &Queue{sqs.New(o), s.JobsQueue}
}

// maxDelay is the longest delay of a message, in seconds
// (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
const maxDelay = 900

// Wake implements job.Queue. A retry after a lost answer may send the message twice.
func (q *Queue) Wake(ctx context.Context, account string, delay time.Duration) error {
	text, err := json.Marshal(body{account})
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	_, err = q.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &q.url, MessageBody: aws.String(string(text)),
		DelaySeconds: int32(min(maxDelay, max(0, int64(delay/time.Second)))),
	})
	if err != nil {
		return fmt.Errorf("send a message to the queue of jobs: %w", attempt.WithoutURL(err))
	}
	return nil
}

// PutOff makes the queue deliver a message that was received again after a delay. The message
// keeps its ID, and the queue counts its tries. receipt is that of the latest delivery.
func (q *Queue) PutOff(ctx context.Context, receipt string, delay time.Duration) error {
	_, err := q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &q.url, ReceiptHandle: &receipt, VisibilityTimeout: int32(delay / time.Second),
	})
	if err != nil {
		return fmt.Errorf("put off a message of the queue of jobs: %w", attempt.WithoutURL(err))
	}
	return nil
}
