//go:build e2e

package deployed_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	buses "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	queues "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
)

// listen creates a queue that receives this service's events from the
// deployment's bus. It returns a client for the queue and the queue's URL.
func listen(t *testing.T, bus string) (*sqs.Client, string) {
	t.Helper()
	endpoint := given.Variable(t, "AWS_ENDPOINT_URL")
	settings, err := awsconfig.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := sqs.NewFromConfig(settings, func(o *sqs.Options) { o.BaseEndpoint = &endpoint })
	rules := eventbridge.NewFromConfig(settings, func(o *eventbridge.Options) { o.BaseEndpoint = &endpoint })
	name := "events-" + strconv.FormatInt(time.Now().UnixNano(), 10)
	queue, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	described, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: queue.QueueUrl, AttributeNames: []queues.QueueAttributeName{queues.QueueAttributeNameQueueArn},
	})
	if err != nil {
		t.Fatal(err)
	}
	pattern := `{"source":["callrecordings"]}`
	if _, err := rules.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: &name, EventBusName: &bus, EventPattern: &pattern}); err != nil {
		t.Fatal(err)
	}
	arn := described.Attributes[string(queues.QueueAttributeNameQueueArn)]
	if _, err := rules.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
		Rule: &name, EventBusName: &bus, Targets: []buses.Target{{Id: &name, Arn: &arn}},
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_, _ = rules.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: &name, EventBusName: &bus, Ids: []string{name}})
		_, _ = rules.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: &name, EventBusName: &bus})
		_, _ = client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: queue.QueueUrl})
	})
	return client, *queue.QueueUrl
}

// event is the part of an event that the tests check.
type event struct {
	Source string `json:"source"`
	Type   string `json:"detail-type"`
	Detail struct {
		Account  string `json:"account_id"`
		ID       string `json:"id"`
		Revision string `json:"revision"`
		State    string `json:"state"`
	} `json:"detail"`
}

// Every change to a recording sends an event to the bus, and each event has its
// own revision.
func TestEventsReachTheBus(t *testing.T) {
	table, bucket := open(t)
	client, queue := listen(t, given.Variable(t, "EVENT_BUS"))
	account, id := "bus"+strconv.FormatInt(time.Now().UnixNano(), 10), "202601-events"
	await(t, table, bucket, account, id)
	if _, err := table.Update(t.Context(), account, id, func(r *recording.Recording) error {
		r.Modified++
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Delete(t.Context(), account, id, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	want := []string{"Recording Created pending", "Recording Completed ready", "Recording Changed ready", "Recording Deleted deleted"}
	received, revisions := map[string]bool{}, map[string]bool{}
	for deadline := time.Now().Add(patience); len(received) < len(want) && time.Now().Before(deadline); {
		got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range got.Messages {
			var e event
			if err := json.Unmarshal([]byte(*m.Body), &e); err != nil || e.Source != "callrecordings" {
				t.Errorf("received %s, %v", *m.Body, err)
			}
			if e.Detail.Account == account && e.Detail.ID == id {
				received[e.Type+" "+e.Detail.State], revisions[e.Detail.Revision] = true, true
			}
			if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, w := range want {
		if !received[w] {
			t.Errorf("%q was not received; received %v", w, received)
		}
	}
	if len(revisions) != len(want) {
		t.Errorf("%d revisions for %d events", len(revisions), len(want))
	}
}

// silence returns a silent WAV file of 0.1 s.
func silence() []byte {
	return append([]byte("RIFF\x64\x06\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00"+
		"\x80\x3e\x00\x00\x02\x00\x10\x00data\x40\x06\x00\x00"), make([]byte, 1600)...)
}

// await creates a recording, stores its audio, and waits until it is ready.
func await(t *testing.T, table *dynamo.Store, audio media.Writer, account, id string) {
	t.Helper()
	const created = 63_900_000_000
	r := &recording.Recording{Account: account, ID: id, Created: created, Modified: created, Document: recording.Complete("{}", id, created)}
	if err := table.Put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := audio.Put(t.Context(), r.AudioKey(), "audio/wav", bytes.NewReader(silence()), int64(len(silence()))); err != nil {
		t.Fatal(err)
	}
	waitReady(t, table, account, id)
}

func waitReady(t *testing.T, table *dynamo.Store, account, id string) {
	t.Helper()
	begun := time.Now()
	for ; time.Since(begun) < patience; time.Sleep(100 * time.Millisecond) {
		r, err := table.Get(t.Context(), account, id)
		if err != nil {
			t.Fatal(err)
		}
		if r.Audio.Condition() == recording.Ready {
			t.Logf("%s is ready after %v", id, time.Since(begun).Round(10*time.Millisecond))
			return
		}
	}
	t.Fatalf("%s is not ready after %s", id, patience)
}

// A replay ingests the arrivals in the dead-letter queue. In this test, ingest has
// ignored the S3 event for the audio, so only the replay can complete the recording.
func TestReplayIngestsDeadLetters(t *testing.T) {
	table, bucket := open(t)
	account, id := "replay"+strconv.FormatInt(time.Now().UnixNano(), 10), "202601-replayed"
	await(t, table, bucket, account, "202601-first")
	// Store the audio under another key first, so that no event completes this
	// recording.
	const created = 63_900_000_000
	r := &recording.Recording{Account: account, ID: id, Created: created, Modified: created, Document: recording.Complete("{}", id, created)}
	key := recording.AudioKey(account, id)
	if err := bucket.Put(t.Context(), recording.SetAsideKey(key), "audio/wav", bytes.NewReader(silence()), int64(len(silence()))); err != nil {
		t.Fatal(err)
	}
	r.Audio.Key = recording.SetAsideKey(key) // so that ingest ignores the event of the copy
	if err := table.Put(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	o, err := bucket.Stat(t.Context(), recording.SetAsideKey(key))
	if err != nil {
		t.Fatal(err)
	}
	if err := bucket.Copy(t.Context(), recording.SetAsideKey(key), o.ETag, key); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // until ingest has ignored the event of the copy
	if _, err := table.Update(t.Context(), account, id, func(r *recording.Recording) error { r.Audio.Key = ""; return nil }); err != nil {
		t.Fatal(err)
	}
	sendDeadLetter(t, `{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"`+given.Variable(t, "BUCKET_NAME")+
		`"},"object":{"key":"`+key+`","sequencer":"0A"}}}]}`)
	out, err := exec.CommandContext(t.Context(), "go", "run", "../../cmd/recordings", "replay").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "queued for retry: about 1") {
		t.Fatalf("recordings replay = %v: %s", err, out)
	}
	waitReady(t, table, account, id)
}

// sendDeadLetter sends a message to the queue to which SQS moves messages that
// fail too often.
func sendDeadLetter(t *testing.T, body string) {
	t.Helper()
	endpoint, arn := given.Variable(t, "AWS_ENDPOINT_URL"), given.Variable(t, "ARRIVALS_DEAD_LETTERS")
	settings, err := awsconfig.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := sqs.NewFromConfig(settings, func(o *sqs.Options) { o.BaseEndpoint = &endpoint })
	name := arn[strings.LastIndexByte(arn, ':')+1:]
	queue, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: &body}); err != nil {
		t.Fatal(err)
	}
}
