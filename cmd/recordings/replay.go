package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/store/sqlite"
)

// replayTime limits the time for the requests to SQS. SQS then moves the messages
// on its own.
const replayTime = time.Minute

var replayUsage = usage{
	name: "replay", summary: "retry audio that could not be processed",
	args: "[--inbox [--account ID]] [OPTIONS]",
	does: `Retries audio that could not be processed, after you have fixed the cause. Without --inbox, it puts
the messages that were set aside back into their queue. With --inbox, it processes the files that
were left in the inboxes.`,
	examples: []string{
		"replay --dead-letters arn:aws:sqs:eu-central-1:123456789012:arrivals-dead-letters",
		"replay --inbox --account A",
	},
}

// replayOptions are the options of replay.
type replayOptions struct {
	target         *target
	names          *nameOptions
	account, queue string
	inbox, asJSON  bool
}

// replayCommand makes the command that retries events about audio that could not be
// processed, or files that were left in an inbox.
func (e env) replayCommand() *cobra.Command {
	var o replayOptions
	c := replayUsage.command()
	fs := c.Flags()
	o.target = e.targetFlags(fs)
	accountFlag(fs, &o.account)
	o.names = nameFlags(fs)
	fs.StringVar(&o.queue, "dead-letters", "", "`ARN`: dead-letter queue of a deployment (or ARRIVALS_DEAD_LETTERS)")
	jsonFlag(fs, &o.asJSON)
	fs.BoolVar(&o.inbox, "inbox", false, "process the files in the inbox of --account, or in all inboxes")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		if err := o.check(); err != nil {
			return usageError{err}
		}
		return e.replay(c.Context(), o)
	}
	return c
}

// check checks which options are given together.
func (o replayOptions) check() error {
	switch {
	case o.target.dataDir != "" && o.queue != "":
		return errors.New("--data-dir names a local folder, --dead-letters a deployment: use one or the other")
	case !o.inbox && (o.account != "" || o.target.table != "" || o.target.bucket != "" || o.names.set()):
		return errors.New("--account, --table, --bucket, --pattern and --timezone work only with --inbox")
	case o.queue != "" && o.inbox:
		return errors.New("--dead-letters retries messages of a queue, --inbox files in the bucket: use one or the other")
	}
	return nil
}

// replay retries the messages or files that the options choose.
func (e env) replay(ctx context.Context, o replayOptions) error {
	if o.inbox {
		return e.replayInbox(ctx, o)
	}
	if o.target.dataDir == "" && o.queue == "" {
		o.queue = e.getenv("ARRIVALS_DEAD_LETTERS")
	}
	if o.queue == "" {
		return o.replayLocal(ctx)
	}
	return e.replayDeployed(ctx, o, first(o.target.endpoint, e.getenv("AWS_ENDPOINT_URL_SQS"), e.getenv("AWS_ENDPOINT_URL")))
}

// replayLocal makes the messages in a data folder due again. The local server
// processes them at once, or when it starts.
func (o replayOptions) replayLocal(ctx context.Context) error {
	t := o.target
	if err := t.chooseFolder(); err != nil {
		return err
	}
	dir, err := t.openFolder()
	if err != nil {
		return err
	}
	database, err := dir.OpenStore(ctx, t.now)
	if err != nil {
		return err
	}
	n, err := database.Replay(ctx, sqlite.Arrivals)
	if err := errors.Join(err, database.Close()); err != nil {
		return err
	}
	return t.printQueued(int(n), "", o.asJSON)
}

// printQueued prints how many messages are queued for a retry. about precedes a number
// that may not be exact.
func (e env) printQueued(n int, about string, asJSON bool) error {
	if asJSON {
		return printJSON(e.stdout, map[string]int{"queued_for_retry": n})
	}
	printf(e.stdout, "queued for retry: %s%d\n", about, n)
	return nil
}

// replayDeployed makes SQS move the messages of a dead-letter queue, given by
// its ARN, back to the queue they came from
// (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html).
func (e env) replayDeployed(ctx context.Context, options replayOptions, endpoint string) error {
	queue := options.queue
	ctx, cancel := context.WithTimeout(ctx, replayTime)
	defer cancel()
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("AWS settings: %w", err)
	}
	client := sqs.NewFromConfig(settings, func(o *sqs.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	})
	name := queue[strings.LastIndexByte(queue, ':')+1:]
	letters, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return fmt.Errorf("find the queue %s: %w", queue, err)
	}
	count, err := attribute(ctx, client, letters.QueueUrl, types.QueueAttributeNameApproximateNumberOfMessages)
	if err != nil {
		return fmt.Errorf("count the messages of %s: %w", queue, err)
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return fmt.Errorf("count the messages of %s: %w", queue, err)
	}
	if n == 0 { // SQS rejects a move task for an empty queue
		return e.printQueued(0, "", options.asJSON)
	}
	source, err := sourceOf(ctx, client, letters.QueueUrl)
	if err != nil {
		return fmt.Errorf("find the source queue of %s: %w", queue, err)
	}
	if _, err := client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &queue, DestinationArn: &source}); err != nil {
		return fmt.Errorf("move the messages of %s: %w", queue, err)
	}
	return e.printQueued(n, "about ", options.asJSON)
}

// sourceOf returns the ARN of the queue that sends its dead letters to the queue
// at url.
func sourceOf(ctx context.Context, client *sqs.Client, url *string) (string, error) {
	found, err := client.ListDeadLetterSourceQueues(ctx, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: url})
	if err != nil {
		return "", err
	}
	if len(found.QueueUrls) != 1 {
		return "", fmt.Errorf("it is the dead-letter queue of %d queues, want one", len(found.QueueUrls))
	}
	return attribute(ctx, client, &found.QueueUrls[0], types.QueueAttributeNameQueueArn)
}

// attribute returns one attribute of a queue.
func attribute(ctx context.Context, client *sqs.Client, url *string, name types.QueueAttributeName) (string, error) {
	got, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return "", err
	}
	return got.Attributes[string(name)], nil
}
