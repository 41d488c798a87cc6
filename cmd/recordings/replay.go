package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"callrecordings/local/datadir"
	"callrecordings/shared/store/sqlite"
)

// replayTime bounds what a replay asks of SQS, which does the rest by itself.
const replayTime = time.Minute

// replay gives events about audio that could not be taken another try, once
// what was in their way is mended.
func replay(ctx context.Context, e env, args []string) error {
	fs := flags("replay")
	folder := fs.String("data-dir", "", "local data `folder` (or DATA_DIR; else "+datadir.Default+")")
	queue := fs.String("dead-letters", "", "`ARN` of a deployment's queue of what was set aside (or ARRIVALS_DEAD_LETTERS)")
	endpoint := fs.String("endpoint", "", "`URL` of an emulator in place of AWS (or AWS_ENDPOINT_URL)")
	boxes := fs.Bool("inbox", false, "take what lies in the inboxes of --data-dir, or of TABLE_NAME and BUCKET_NAME, instead")
	account := fs.String("account", "", "`id` of the account whose inbox is meant; all if missing")
	rest, err := e.parse(fs, "[--data-dir FOLDER | --dead-letters ARN] [--inbox [--account A]]", args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return usageError{fmt.Errorf("unexpected argument %q", rest[0])}
	case *folder != "" && *queue != "":
		return usageError{errors.New("--data-dir is a local target, --dead-letters a deployment: give one of the two")}
	case *account != "" && !*boxes:
		return usageError{errors.New("--account goes with --inbox")}
	case *queue != "" && *boxes:
		return usageError{errors.New("--dead-letters is a queue, --inbox takes what lies in the bucket: give one of the two")}
	}
	if *boxes {
		return e.replayInbox(ctx, &target{env: e, dataDir: *folder, endpoint: *endpoint}, *account)
	}
	if *folder == "" && *queue == "" {
		*queue = e.getenv("ARRIVALS_DEAD_LETTERS")
	}
	if *queue == "" {
		return e.replayLocal(ctx, *folder)
	}
	return e.replayDeployed(ctx, *queue, first(*endpoint, e.getenv("AWS_ENDPOINT_URL_SQS"), e.getenv("AWS_ENDPOINT_URL")))
}

// replayLocal makes the messages of a folder due again; the server that runs
// over it, or the next one, takes them.
func (e env) replayLocal(ctx context.Context, folder string) error {
	t := e.targetFlags(flag.NewFlagSet("", flag.ContinueOnError))
	t.dataDir = folder
	if t.dataDir == "" {
		if err := t.chooseFolder(); err != nil {
			return err
		}
	}
	dir, err := datadir.Open(t.dataDir)
	if err != nil {
		return err
	}
	database, err := dir.OpenStore(ctx, e.now)
	if err != nil {
		return err
	}
	n, err := database.Replay(ctx, sqlite.Arrivals)
	if err := errors.Join(err, database.Close()); err != nil {
		return err
	}
	say(e.stdout, "%d to be tried again\n", n)
	return nil
}

// replayDeployed lets SQS move the messages back to the queue that they come
// from (docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html).
func (e env) replayDeployed(ctx context.Context, queue, endpoint string) error {
	ctx, cancel := context.WithTimeout(ctx, replayTime)
	defer cancel()
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return fmt.Errorf("settings of AWS: %w", err)
	}
	client := sqs.NewFromConfig(settings, func(o *sqs.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	})
	name := queue[strings.LastIndexByte(queue, ':')+1:]
	letters, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return fmt.Errorf("look for %s: %w", queue, err)
	}
	count, err := attribute(ctx, client, letters.QueueUrl, types.QueueAttributeNameApproximateNumberOfMessages)
	if err != nil {
		return fmt.Errorf("look at %s: %w", queue, err)
	}
	n, err := strconv.Atoi(count)
	if err != nil {
		return fmt.Errorf("look at %s: %w", queue, err)
	}
	if n == 0 { // SQS would take it for a mistake
		say(e.stdout, "0 to be tried again\n")
		return nil
	}
	source, err := sourceOf(ctx, client, letters.QueueUrl)
	if err != nil {
		return fmt.Errorf("look for the queue that %s belongs to: %w", queue, err)
	}
	if _, err := client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &queue, DestinationArn: &source}); err != nil {
		return fmt.Errorf("move what %s holds: %w", queue, err)
	}
	say(e.stdout, "%d to be tried again, about\n", n)
	return nil
}

// sourceOf is the ARN of the queue whose dead letters the one at url takes.
func sourceOf(ctx context.Context, client *sqs.Client, url *string) (string, error) {
	found, err := client.ListDeadLetterSourceQueues(ctx, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: url})
	if err != nil {
		return "", err
	}
	if len(found.QueueUrls) != 1 {
		return "", fmt.Errorf("%d queues name it, want one", len(found.QueueUrls))
	}
	return attribute(ctx, client, &found.QueueUrls[0], types.QueueAttributeNameQueueArn)
}

// attribute is one attribute of a queue.
func attribute(ctx context.Context, client *sqs.Client, url *string, name types.QueueAttributeName) (string, error) {
	got, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return "", err
	}
	return got.Attributes[string(name)], nil
}
