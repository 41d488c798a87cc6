//go:build e2e

package deployed_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/store/dynamo"
)

// patience is the time limit for consumers of the stream and the queue.
const patience = 90 * time.Second

// open opens the table and the bucket of the deployment.
func open(t *testing.T) (*dynamo.Store, *s3media.Bucket) {
	t.Helper()
	for _, name := range []string{"TABLE_NAME", "BUCKET_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID"} {
		given.Variable(t, name)
	}
	s, err := config.Load(os.Getenv, config.Tool)
	if err != nil {
		t.Fatal(err)
	}
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{
			AccessKeyID: s.AccessKeyID, SecretAccessKey: s.SecretAccessKey.Reveal(), SessionToken: s.SessionToken.Reveal(),
		}, nil
	})
	table, err := dynamo.Open(dynamo.Options{Region: s.Region, Endpoint: s.DynamoDBEndpoint, Table: s.Table, Credentials: credentials})
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := s3media.Open(s3media.Options{Region: s.Region, Endpoint: s.S3Endpoint, Bucket: s.Bucket, Credentials: credentials})
	if err != nil {
		t.Fatal(err)
	}
	return table, bucket
}

// If a delete stops after writing its tombstone, the function on the table's
// stream finishes it: it deletes the audio and marks the tombstone as purged.
func TestPurgeFollowsTheStream(t *testing.T) {
	table, bucket := open(t)
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	account := hex.EncodeToString(b)
	audio := bytes.Repeat([]byte{0xFF, 0xE3, 0x18, 0xC4}, 64)
	for _, id := range []string{"202601-one", "202601-dropped", "202601-imported", "202601-without-audio"} {
		r := recording.Recording{
			Account: account, ID: id, Created: 63_900_000_000, Modified: 63_900_000_000, Document: recording.Complete("{}", id, 63_900_000_000),
		}
		if id != "202601-without-audio" {
			r.Audio = recording.Audio{Place: recording.Managed, ContentType: "audio/mpeg", Size: int64(len(audio))}
			switch id {
			case "202601-dropped": // ingest creates no recording for this name
				r.Audio.Key = recording.InboxKey(account, "greeting.mp3")
			case "202601-imported":
				r.Audio.Key = recording.ImportedKey(account, id)
			}
			if err := bucket.Put(t.Context(), r.AudioKey(), "audio/mpeg", bytes.NewReader(audio), int64(len(audio))); err != nil {
				t.Fatal(err)
			}
		}
		if err := table.Put(t.Context(), &r); err != nil {
			t.Fatal(err)
		}
		// Write only the tombstone, as if the function had died right after that.
		if _, err := table.Delete(t.Context(), account, id, store.Deletion{}); err != nil {
			t.Fatal(err)
		}
		waitForPurge(t, table, account, id)
		if _, err := bucket.Stat(t.Context(), r.AudioKey()); !errors.Is(err, media.ErrNotFound) {
			t.Errorf("%s: Stat of its audio = %v, want %v", id, err, media.ErrNotFound)
		}
	}
}

func waitForPurge(t *testing.T, table *dynamo.Store, account, id string) {
	t.Helper()
	var last store.Tombstone
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(250 * time.Millisecond) {
		tombstone, err := table.Tombstone(t.Context(), account, id)
		if errors.Is(err, store.ErrUnavailable) {
			continue // an emulator on a busy machine
		}
		if err != nil {
			t.Fatal(err)
		}
		if !tombstone.PurgePending {
			if tombstone.Expires == 0 {
				t.Errorf("%s is purged, but its tombstone never expires", id)
			}
			return
		}
		last = tombstone
	}
	t.Fatalf("%s is not purged after %s: %+v", id, patience, last)
}
