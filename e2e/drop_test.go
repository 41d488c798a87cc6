package e2e

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/callrecordings/api/local/datadir"
)

// storage is the target's bucket, accessed with S3 credentials.
type storage struct {
	client *s3.Client
	bucket string
}

type storageKey struct{}

func newStorage(endpoint, id, secret, bucket string) storage {
	return storage{bucket: bucket, client: s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
	})}
}

// deployedStorage returns the bucket that the environment names.
func deployedStorage() storage {
	return newStorage(os.Getenv("AWS_ENDPOINT_URL"), os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("BUCKET_NAME"))
}

// localStorage returns the bucket of the built-in S3 server on port.
func localStorage(t *testing.T, data string, port int) storage {
	t.Helper()
	dir, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	return newStorage("http://127.0.0.1:"+strconv.Itoa(port), dir.Keys.S3AccessKeyID, dir.Keys.S3SecretAccessKey, datadir.Bucket)
}

// cmdDrop is `drop FILE KEY [name=value …]`: puts a file into the bucket with
// the given S3 metadata, as a PBX with its own credentials does.
func cmdDrop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: drop FILE KEY [name=value …]")
	}
	body, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	metadata := map[string]string{}
	for _, arg := range args[2:] {
		name, value, _ := strings.Cut(arg, "=")
		metadata[name] = value
	}
	at := ts.Value(storageKey{}).(storage)
	_, err = at.client.PutObject(context.Background(), &s3.PutObjectInput{
		Bucket: &at.bucket, Key: aws.String(args[1]), Body: bytes.NewReader(body), Metadata: metadata,
	})
	ts.Check(err)
}

// cmdDropped is `[!] dropped KEY`: the bucket has an object with that key.
func cmdDropped(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: dropped KEY")
	}
	at := ts.Value(storageKey{}).(storage)
	_, err := at.client.HeadObject(context.Background(), &s3.HeadObjectInput{Bucket: &at.bucket, Key: &args[0]})
	if (err == nil) == neg {
		ts.Fatalf("%s: %v", args[0], err)
	}
}

// cmdAwaitGone is `awaitgone KEY`: waits until the object no longer exists.
func cmdAwaitGone(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: awaitgone KEY")
	}
	limit := patience
	if ts.Getenv("EVENTS") == "none" {
		limit = 3 * time.Second
	}
	at := ts.Value(storageKey{}).(storage)
	for begun := time.Now(); time.Since(begun) < limit; time.Sleep(250 * time.Millisecond) {
		if _, err := at.client.HeadObject(context.Background(), &s3.HeadObjectInput{Bucket: &at.bucket, Key: &args[0]}); err != nil {
			return
		}
	}
	ts.Fatalf("%s still exists after %v", args[0], limit)
}

// cmdSecret is `secret NAME ACCOUNT`: creates a storage secret for the account
// and sets NAME to the path for its storage requests.
func cmdSecret(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: secret NAME ACCOUNT")
	}
	ts.Check(ts.Exec("recordings", "storage-secret", "create", "--account", args[1]))
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}
