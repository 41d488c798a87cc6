package s3server_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"callrecordings/local/s3server"
)

func TestEveryNewObjectIsTold(t *testing.T) {
	t.Parallel()
	var told []events.S3EventRecord
	o := options(t.TempDir())
	o.Created = func(_ context.Context, text []byte) {
		var e events.S3Event
		if err := json.Unmarshal(text, &e); err != nil {
			t.Errorf("event %s: %v", text, err)
		}
		told = append(told, e.Records...)
	}
	s, _ := start(t, o)
	b := bucket(t, s, o.AccessKeyID, o.SecretAccessKey)
	put(t, b, "recordings/a b/ä+%2F", "audio/wav", "one")
	put(t, b, "recordings/a b/ä+%2F", "audio/wav", "two")
	if err := b.Remove(t.Context(), "recordings/a b/ä+%2F"); err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 {
		t.Fatalf("told of %d objects, want 2: %+v", len(told), told)
	}
	for _, r := range told {
		if r.S3.Object.URLDecodedKey != "recordings/a b/ä+%2F" || r.S3.Bucket.Name != o.Bucket || r.EventName != "ObjectCreated:Put" {
			t.Errorf("event %+v", r)
		}
	}
	if first, second := told[0].S3.Object, told[1].S3.Object; first.Sequencer >= second.Sequencer || first.ETag == second.ETag {
		t.Errorf("sequencers %s and %s, ETags %s and %s: want them to rise, and to differ",
			first.Sequencer, second.Sequencer, first.ETag, second.ETag)
	}
	if time.Since(told[0].EventTime) > time.Minute {
		t.Errorf("the event is of %v", told[0].EventTime)
	}
}

func TestEventHasTheKeyAsS3WritesIt(t *testing.T) {
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
