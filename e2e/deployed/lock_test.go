//go:build e2e

package deployed_test

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/shared/hold"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/store/dynamo"
)

// lockedBucket creates a bucket with Object Lock, as ObjectLock=governance does.
func lockedBucket(t *testing.T) (*s3.Client, *s3media.Bucket, string) {
	t.Helper()
	endpoint, name := given.Variable(t, "AWS_ENDPOINT_URL"), "locked-"+strconv.FormatInt(time.Now().UnixNano(), 10)
	settings, err := awsconfig.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := s3.NewFromConfig(settings, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = &endpoint, true })
	enabled := true
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: &enabled}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = client.DeleteBucket(context.WithoutCancel(t.Context()), &s3.DeleteBucketInput{Bucket: &name})
	})
	b, err := s3media.Open(s3media.Options{Region: settings.Region, Endpoint: endpoint, Bucket: name, Credentials: settings.Credentials})
	if err != nil {
		t.Fatal(err)
	}
	return client, b, name
}

// lock runs the worker that locks and unlocks audio, and again at the time of its second
// pass.
func lock(t *testing.T, table *dynamo.Store, bucket *s3media.Bucket) {
	t.Helper()
	for _, later := range []time.Duration{0, time.Hour} {
		l := hold.Locker{Entries: table, Recordings: table, Audio: bucket, Now: func() time.Time { return time.Now().Add(later) }}
		if _, err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// While a recording is on hold, S3 itself refuses to remove its audio for good. After the
// release it can be removed.
func TestObjectLockKeepsWhatIsOnHold(t *testing.T) {
	table, _ := open(t)
	client, bucket, name := lockedBucket(t)
	account := newAccount()
	r := imported(t, table, bucket, account, "202601-locked", 63_900_000_000)
	key := r.AudioKey()
	remove := func() error {
		versions, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &name, Prefix: &key})
		if err != nil || len(versions.Versions) != 1 {
			t.Fatalf("ListObjectVersions = %+v, %v, want one version", versions, err)
		}
		_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &name, Key: &key, VersionId: versions.Versions[0].VersionId})
		return err
	}
	release := place(t, table, account, r.ID, true)
	lock(t, table, bucket)
	got, err := client.GetObjectRetention(t.Context(), &s3.GetObjectRetentionInput{Bucket: &name, Key: &key})
	if err != nil || got.Retention == nil || got.Retention.Mode != types.ObjectLockRetentionModeGovernance ||
		time.Until(*got.Retention.RetainUntilDate) < 20*365*24*time.Hour {
		t.Errorf("GetObjectRetention = %+v, %v, want governance for decades", got, err)
	}
	var denied smithy.APIError
	if err := remove(); !errors.As(err, &denied) || denied.ErrorCode() != "AccessDenied" {
		t.Errorf("DeleteObject on hold = %v, want AccessDenied", err)
	}
	if body, _, err := bucket.Open(t.Context(), key, "", nil); err != nil {
		t.Errorf("Open on hold = %v", err)
	} else {
		var all bytes.Buffer
		if _, err := all.ReadFrom(body); err != nil || all.String() != string(silence()) {
			t.Errorf("the audio on hold has %d bytes, %v, want it unchanged", all.Len(), err)
		}
		_ = body.Close()
	}
	release()
	lock(t, table, bucket)
	if err := remove(); err != nil {
		t.Errorf("DeleteObject after the release = %v", err)
	}
	if left := strings.TrimSpace(awsCLI(t, "s3api", "list-object-versions", "--bucket", name, "--query", "length(Versions || `[]`)")); left != "0" {
		t.Errorf("%s versions are left, want none", left)
	}
}

// A purge goes past a lock that is left, although nobody told this client that the bucket has Object
// Lock: the deployment may have switched it off since.
func TestObjectLockStopsNoPurge(t *testing.T) {
	table, _ := open(t)
	client, bucket, name := lockedBucket(t)
	r := imported(t, table, bucket, newAccount(), "202601-left", 63_900_000_000)
	key := r.AudioKey()
	if err := bucket.Lock(t.Context(), key, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := bucket.Purge(t.Context(), []string{key}, nil); err != nil {
		t.Errorf("Purge = %v", err)
	}
	versions, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &name, Prefix: &key})
	if err != nil || len(versions.Versions)+len(versions.DeleteMarkers) > 0 {
		t.Errorf("after the purge: ListObjectVersions = %+v, %v, want nothing", versions, err)
	}
}
