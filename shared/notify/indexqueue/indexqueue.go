// Package indexqueue sends events to the queue of the function index: Amazon SQS. [Queue]
// implements notify.Sink.
//
// # Fairness
//
// The queue is a standard queue, and the group of a message is its account. SQS calls that a
// fair queue: an account of which many messages wait does not delay those of others
// (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).
// A rule of EventBridge could not do that, because the group of its target is one constant
// text.
//
// # Guarantees
//
// A message only names a recording, and the function index reads the recording as it is. So
// one message stands for all events of a recording in one Send.
//
// Every call ends: 500 ms to connect, 2 s per attempt, and at most three attempts with full
// jitter. An attempt starts only if the context's deadline leaves enough time for it.
//
// # Permissions
//
// sqs:SendMessage on the queue.
package indexqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/requestlog"
)

const (
	// perAttempt limits an attempt to send messages.
	perAttempt = 2 * time.Second
	// idle is how many unused connections are kept.
	idle = 1
	// maxMessages is the maximum number of messages in one call
	// (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html).
	// A message has about 400 bytes, so the limit on their size does not matter.
	maxMessages = 10
)

// Options locates the queue and identifies the sender.
type Options struct {
	// Region of the queue, "eu-west-1". Required.
	Region string
	// Endpoint is the base URL of an emulator; "" means SQS itself.
	Endpoint string
	// URL is the URL of the queue. Required.
	URL string
	// Credentials sign requests; they are retrieved for every attempt. Required.
	Credentials aws.CredentialsProvider
	// Application identifies the caller in the User-Agent header, and so in
	// CloudTrail. Optional.
	Application string
	// HTTPClient sends the requests; nil means a client with the time-outs of the
	// package comment.
	HTTPClient sqs.HTTPClient
}

// Queue sends messages to the queue of the function index. It is safe for concurrent use.
type Queue struct {
	client *sqs.Client
	url    string
	limits attempt.Limits
}

var _ notify.Sink = (*Queue)(nil)

// Open returns a Queue. It does not use the network.
func Open(o Options) (*Queue, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("queue of the index: %w", err)
	}
	limits := attempt.Standard(perAttempt)
	if o.HTTPClient == nil {
		o.HTTPClient = limits.Client(idle)
	}
	so := sqs.Options{
		Region: o.Region, Credentials: o.Credentials, HTTPClient: o.HTTPClient, AppID: o.Application,
		Retryer: limits.Retryer(), APIOptions: limits.APIOptions(func(e *requestlog.Entry) { e.EventCalls++ }),
	}
	if o.Endpoint != "" {
		so.BaseEndpoint = &o.Endpoint
	}
	return &Queue{sqs.New(so), o.URL, limits}, nil
}

func (o Options) check() error {
	return errors.Join(
		attempt.Require("region", o.Region != ""),
		attempt.Require("URL of the queue", o.URL != ""),
		attempt.Require("credentials", o.Credentials != nil),
		attempt.CheckURL("endpoint", o.Endpoint),
	)
}

// place identifies a recording.
type place struct{ account, id string }

// Send implements notify.Sink.
func (q *Queue) Send(ctx context.Context, events []notify.Event) (accepted int, err error) {
	sent := map[place]bool{}
	for accepted < len(events) {
		messages, n, err := nextCall(events[accepted:], sent)
		if err != nil {
			return accepted, fmt.Errorf("%w: %w", notify.ErrUnavailable, err)
		}
		if len(messages) > 0 {
			if err := q.call(ctx, messages); err != nil {
				return accepted, fmt.Errorf("%w: send messages to the queue of the index: %w", notify.ErrUnavailable, attempt.WithoutURL(err))
			}
		}
		accepted += n
	}
	return accepted, nil
}

// nextCall returns the messages of the next call, and how many events, from the first, it
// covers. It adds the recordings to sent, and leaves out those that are already there.
func nextCall(events []notify.Event, sent map[place]bool) (messages []types.SendMessageBatchRequestEntry, n int, err error) {
	for i := range events {
		e := &events[i]
		at := place{e.Account, e.ID}
		switch {
		case sent[at]:
		case len(messages) == maxMessages:
			return messages, n, nil
		default:
			body, err := json.Marshal(e)
			if err != nil {
				return nil, 0, fmt.Errorf("encode the event of %s/%s: %w", e.Account, e.ID, err)
			}
			sent[at] = true
			messages = append(messages, types.SendMessageBatchRequestEntry{
				Id: aws.String(strconv.Itoa(len(messages))), MessageBody: aws.String(string(body)), MessageGroupId: aws.String(e.Account),
			})
		}
		n++
	}
	return messages, n, nil
}

// errRefused means that the queue did not take each message of a call.
var errRefused = errors.New("the queue did not take all messages")

// call sends messages, all or none: after an error all are sent again.
func (q *Queue) call(ctx context.Context, messages []types.SendMessageBatchRequestEntry) error {
	if !q.limits.Carries(ctx, 0) {
		return attempt.ErrNoTime
	}
	out, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: messages})
	if err != nil {
		return err
	}
	if len(out.Failed) > 0 {
		return fmt.Errorf("%w: %d of %d failed with %s", errRefused, len(out.Failed), len(messages), aws.ToString(out.Failed[0].Code))
	}
	if len(out.Successful) != len(messages) {
		return fmt.Errorf("%w: the answer covers %d of %d", errRefused, len(out.Successful), len(messages))
	}
	return nil
}
