package s3media_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/mediatest"
	"github.com/callrecordings/api/shared/media/s3media"
)

// target is an S3 server with an empty bucket.
type target struct {
	name     string
	open     func(t testing.TB) s3media.Options
	unsigned string
}

// targets returns the in-process server and, if S3_TEST_ENDPOINT is set, the
// server there, with AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION.
func targets(t *testing.T) []target {
	t.Helper()
	all := []target{{name: "s3server", open: local}}
	if endpoint := os.Getenv("S3_TEST_ENDPOINT"); endpoint != "" {
		other := target{name: "S3_TEST_ENDPOINT", open: remote}
		if isLocalStack(t, endpoint) {
			other.unsigned = "LocalStack does not validate signatures by default"
		}
		all = append(all, other)
	}
	return all
}

func isLocalStack(t *testing.T, endpoint string) bool {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/_localstack/health", http.NoBody)
	if err != nil {
		t.Fatalf("S3_TEST_ENDPOINT: %v", err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("S3_TEST_ENDPOINT: no answer: %v", err)
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode == http.StatusOK
}

func local(t testing.TB) s3media.Options {
	t.Helper()
	s, err := s3server.Start(t.Context(), s3server.Options{
		Dir: t.TempDir(), Addr: "127.0.0.1:0", AccessKeyID: "local", SecretAccessKey: "secret", Bucket: "recordings",
	})
	if err != nil {
		t.Fatalf("s3server.Start = %v, want nil", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v, want nil", err)
		}
	})
	return s3media.Options{
		Region: "us-east-1", Endpoint: s.URL(), Bucket: "recordings",
		Credentials: credentials.NewStaticCredentialsProvider("local", "secret", ""),
	}
}

// remote creates a bucket for the test and deletes it afterwards.
func remote(t testing.TB) s3media.Options {
	t.Helper()
	o := s3media.Options{
		Region: os.Getenv("AWS_REGION"), Endpoint: os.Getenv("S3_TEST_ENDPOINT"),
		Bucket: "mediatest-" + time.Now().UTC().Format("20060102-150405-000000000"),
		Credentials: credentials.NewStaticCredentialsProvider(
			os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
	}
	c := s3.New(s3.Options{
		Region: o.Region, Credentials: o.Credentials, BaseEndpoint: &o.Endpoint, UsePathStyle: true,
	})
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &o.Bucket}); err != nil {
		t.Fatalf("creating a bucket at %s: %v", o.Endpoint, err)
	}
	t.Cleanup(func() {
		if _, err := c.DeleteBucket(context.WithoutCancel(t.Context()), &s3.DeleteBucketInput{Bucket: &o.Bucket}); err != nil {
			t.Errorf("deleting the bucket, which should be empty: %v", err)
		}
	})
	return o
}

func TestConformance(t *testing.T) {
	for _, target := range targets(t) {
		t.Run(target.name, func(t *testing.T) {
			o := target.open(t)
			mediatest.Run(t, mediatest.Harness{
				Open: func(t testing.TB, now func() time.Time) mediatest.Store {
					t.Helper()
					o := o
					o.Now = now
					return open(t, o)
				},
				Now: time.Now, Unsigned: target.unsigned,
			})
			noUploadsLeft(t, o)
			noBucket(t, o)
		})
	}
}

// TestMetadata checks that Examine, but not Stat, returns the uploader's metadata.
func TestMetadata(t *testing.T) {
	for _, target := range targets(t) {
		o := target.open(t)
		c := s3.New(s3.Options{Region: o.Region, Credentials: o.Credentials, BaseEndpoint: &o.Endpoint, UsePathStyle: true})
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &o.Bucket, Key: aws.String("a"), Body: strings.NewReader("x"), Metadata: map[string]string{"call-id": "7", "from": "a@b"},
		})
		if err != nil {
			t.Fatalf("%s: PutObject = %v", target.name, err)
		}
		b := open(t, o)
		if got, err := b.Examine(t.Context(), "a"); err != nil || !maps.Equal(got.Metadata, map[string]string{"call-id": "7", "from": "a@b"}) {
			t.Errorf("%s: Examine = %+v, %v, want the metadata", target.name, got, err)
		}
		if got, err := b.Stat(t.Context(), "a"); err != nil || got.Metadata != nil {
			t.Errorf("%s: Stat = %+v, %v, want none", target.name, got, err)
		}
		if err := b.Remove(t.Context(), "a"); err != nil {
			t.Errorf("%s: Remove = %v", target.name, err)
		}
	}
}

func open(t testing.TB, o s3media.Options) *s3media.Bucket {
	t.Helper()
	b, err := s3media.Open(o)
	if err != nil {
		t.Fatalf("Open(%+v) = %v, want nil", o, err)
	}
	return b
}

// noUploadsLeft checks that every failed upload was aborted.
func noUploadsLeft(t *testing.T, o s3media.Options) {
	t.Helper()
	c := s3.New(s3.Options{
		Region: o.Region, Credentials: o.Credentials, BaseEndpoint: &o.Endpoint, UsePathStyle: true,
	})
	out, err := c.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &o.Bucket})
	if err != nil {
		t.Fatalf("ListMultipartUploads = %v, want nil", err)
	}
	for _, u := range out.Uploads {
		t.Errorf("an unfinished upload of %q remains", aws.ToString(u.Key))
	}
}

// noBucket uses a bucket that does not exist. That is a faulty deployment, not a
// missing object, and the error must name the bucket.
func noBucket(t *testing.T, o s3media.Options) {
	t.Helper()
	o.Bucket = "no-such-bucket-of-ours"
	for name, do := range map[string]func(*s3media.Bucket) error{
		"Warm":   func(b *s3media.Bucket) error { return b.Warm(t.Context()) },
		"Stat":   func(b *s3media.Bucket) error { _, err := b.Stat(t.Context(), "key"); return err },
		"Open":   func(b *s3media.Bucket) error { _, _, err := b.Open(t.Context(), "key", "", nil); return err },
		"Remove": func(b *s3media.Bucket) error { return b.Remove(t.Context(), "key") },
		"Put": func(b *s3media.Bucket) error {
			return b.Put(t.Context(), "key", "audio/mpeg", strings.NewReader(""), 0)
		},
	} {
		err := do(open(t, o))
		if !errors.Is(err, media.ErrUnavailable) || !strings.Contains(fmt.Sprint(err), `"no-such-bucket-of-ours" does not exist`) {
			t.Errorf("%s without a bucket = %v, want ErrUnavailable that names the bucket", name, err)
		}
	}
}
