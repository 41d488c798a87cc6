package s3server_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/media/s3media"
)

// beforeDelete returns a bucket that runs do before each DELETE request reaches the
// server at address.
func beforeDelete(t *testing.T, address string, do func()) *s3media.Bucket {
	t.Helper()
	to, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // it is signed
	}}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			do()
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	b, err := s3media.Open(s3media.Options{
		Region: "us-east-1", Endpoint: front.URL, Bucket: "recordings",
		Credentials: credentials.NewStaticCredentialsProvider("local", "secret", ""),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.CloseIdleConnections)
	return b
}

// An object that replaces another between the check of RemoveIf and its DELETE stays.
func TestRemoveIfOfAReplacedObject(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	direct := bucket(t, s, "local", "secret")
	put(t, direct, "k", "audio/mpeg", "old")
	old, err := direct.Stat(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	racing := beforeDelete(t, s.URL(), func() { put(t, direct, "k", "audio/ogg", "new") })
	if err := racing.RemoveIf(t.Context(), "k", old); !errors.Is(err, media.ErrChanged) {
		t.Errorf("RemoveIf of a replaced object = %v, want ErrChanged", err)
	}
	wantObject(t, direct, "k", "audio/ogg", "new")
	gone := beforeDelete(t, s.URL(), func() {
		if err := direct.Remove(t.Context(), "k"); err != nil {
			t.Error(err)
		}
	})
	now, err := direct.Stat(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	if err := gone.RemoveIf(t.Context(), "k", now); err != nil {
		t.Errorf("RemoveIf of a removed object = %v, want nil", err)
	}
}

// An object with the same bytes is another object if it was stored later: an import that
// stores its audio again has it acknowledged.
func TestRemoveIfOfTheSameBytesStoredAgain(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	direct := bucket(t, s, "local", "secret")
	put(t, direct, "k", "audio/mpeg", "same")
	old, err := direct.Stat(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(old.Modified.Add(1100 * time.Millisecond))) // times have whole seconds
	racing := beforeDelete(t, s.URL(), func() { put(t, direct, "k", "audio/mpeg", "same") })
	for _, b := range []*s3media.Bucket{racing, direct} { // stored again before the DELETE, then before the check
		if err := b.RemoveIf(t.Context(), "k", old); !errors.Is(err, media.ErrChanged) {
			t.Errorf("RemoveIf of an object that was stored again = %v, want ErrChanged", err)
		}
	}
	wantObject(t, direct, "k", "audio/mpeg", "same")
}

// DELETE and DeleteObjects compare the ETag. Deleting a missing object succeeds
// regardless of the ETag.
func TestConditionalDeletes(t *testing.T) {
	t.Parallel()
	s, _ := start(t, options(t.TempDir()))
	b, c, key := bucket(t, s, "local", "secret"), client(s), aws.String("k")
	put(t, b, "k", "audio/mpeg", "x")
	o, err := b.Stat(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: inBucket, Key: key, IfMatch: aws.String(`"other"`)})
	if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != "PreconditionFailed" {
		t.Errorf("DeleteObject with another ETag = %v, want PreconditionFailed", err)
	}
	several := func(etag string) *s3.DeleteObjectsOutput {
		t.Helper()
		out, err := c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: inBucket, Delete: &types.Delete{
			Objects: []types.ObjectIdentifier{{Key: key, ETag: aws.String(etag)}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := several(`"other"`); len(out.Errors) != 1 || aws.ToString(out.Errors[0].Code) != "PreconditionFailed" {
		t.Errorf("DeleteObjects with another ETag = %+v, want PreconditionFailed", out)
	}
	wantObject(t, b, "k", "audio/mpeg", "x")
	if out := several(o.ETag); len(out.Deleted) != 1 {
		t.Errorf("DeleteObjects with the ETag = %+v, want it deleted", out)
	}
	if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: inBucket, Key: key, IfMatch: aws.String(`"other"`)}); err != nil {
		t.Errorf("DeleteObject of a missing object = %v, want nil", err)
	}
}
