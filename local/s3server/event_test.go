package s3server_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/callrecordings/api/local/s3server"
)

func TestEveryNewObjectHasAnEvent(t *testing.T) {
	t.Parallel()
	var received []events.S3EventRecord
	o := options(t.TempDir())
	o.Created = func(_ context.Context, text []byte) {
		var e events.S3Event
		if err := json.Unmarshal(text, &e); err != nil {
			t.Errorf("event %s: %v", text, err)
		}
		received = append(received, e.Records...)
	}
	s, _ := start(t, o)
	b := bucket(t, s, o.AccessKeyID, o.SecretAccessKey)
	put(t, b, "recordings/a b/ä+%2F", "audio/wav", "one")
	put(t, b, "recordings/a b/ä+%2F", "audio/wav", "two")
	if err := b.Remove(t.Context(), "recordings/a b/ä+%2F"); err != nil {
		t.Fatal(err)
	}
	if len(received) != 2 {
		t.Fatalf("%d events, want 2: %+v", len(received), received)
	}
	for _, r := range received {
		if r.S3.Object.URLDecodedKey != "recordings/a b/ä+%2F" || r.S3.Bucket.Name != o.Bucket || r.EventName != "ObjectCreated:Put" {
			t.Errorf("event = %+v", r)
		}
	}
	if first, second := received[0].S3.Object, received[1].S3.Object; first.Sequencer >= second.Sequencer || first.ETag == second.ETag {
		t.Errorf("sequencers %s and %s, ETags %s and %s: want ascending sequencers and different ETags",
			first.Sequencer, second.Sequencer, first.ETag, second.ETag)
	}
	if time.Since(received[0].EventTime) > time.Minute {
		t.Errorf("the time of the event is %v, want now", received[0].EventTime)
	}
}

// A client gets its answer once the receiver of the event has returned, and not before. Otherwise
// an answered upload would never be ingested if a crash lost its event.
func TestAnswerWaitsForTheEvent(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	received, release := make(chan struct{}), make(chan struct{})
	o.Created = func(context.Context, []byte) {
		close(received)
		<-release
	}
	s, _ := start(t, o)
	b := bucket(t, s, o.AccessKeyID, o.SecretAccessKey)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if err := b.Put(t.Context(), "recordings/a", "audio/wav", strings.NewReader("one"), 3); err != nil {
			t.Error(err)
		}
	}()
	<-received
	select {
	case <-answered:
		t.Error("the answer came while the receiver of the event was at work")
	case <-time.After(200 * time.Millisecond):
	}
	close(release)
	<-answered
}

func TestEventEncodesTheKeyLikeS3(t *testing.T) {
	t.Parallel()
	text := s3server.Event("b", "recordings/a b/ü+", `"tag"`, "us-east-1", time.Unix(1, 0))
	var e events.S3Event
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	if got := e.Records[0].S3.Object; got.Key != "recordings/a+b/%C3%BC%2B" || got.ETag != "tag" || len(got.Sequencer) != 16 {
		t.Errorf("object = %+v", got)
	}
}
