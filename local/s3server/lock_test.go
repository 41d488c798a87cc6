package s3server_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/callrecordings/api/local/s3server"
	"github.com/callrecordings/api/shared/media"
)

// locking opens a server with a locked object, "k".
func locking(t *testing.T, dir string) (*s3server.Server, *s3.Client) {
	t.Helper()
	s, _ := start(t, options(dir))
	b := bucket(t, s, "local", "secret")
	put(t, b, "k", "audio/mpeg", "evidence")
	if err := b.Lock(t.Context(), "k", time.Now().Add(time.Hour)); err != nil {
		t.Fatalf("Lock: %v", err)
	}
	return s, client(s)
}

// codeOf returns the code of S3's error.
func codeOf(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// Nothing replaces or removes a locked object, by any request.
func TestLockedObjectsStay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, c := locking(t, dir)
	b := bucket(t, s, "local", "secret")
	put(t, b, "other", "audio/mpeg", "other")
	name, key, ctx := aws.String("recordings"), aws.String("k"), t.Context()
	started, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: name, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	part, err := c.UploadPart(ctx, &s3.UploadPartInput{Bucket: name, Key: key, UploadId: started.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("new")})
	if err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func() error{
		"PUT": func() error {
			_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: name, Key: key, Body: strings.NewReader("new")})
			return err
		},
		"COPY": func() error {
			_, err := c.CopyObject(ctx, &s3.CopyObjectInput{Bucket: name, Key: key, CopySource: aws.String("recordings/other")})
			return err
		},
		"the end of an upload": func() error {
			_, err := c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
				Bucket: name, Key: key, UploadId: started.UploadId,
				MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}},
			})
			return err
		},
		"DELETE": func() error {
			_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: key})
			return err
		},
		"DELETE of its version": func() error {
			_, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: name, Key: key, VersionId: aws.String("null")})
			return err
		},
		"a shorter lock": func() error { return b.Lock(ctx, "k", time.Now().Add(time.Minute)) },
	} {
		if err := do(); codeOf(err) != "AccessDenied" {
			t.Errorf("%s = %v, want AccessDenied", what, err)
		}
	}
	many, err := c.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: name, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: key}, {Key: aws.String("other")}}}})
	if err != nil || len(many.Errors) != 1 || aws.ToString(many.Errors[0].Code) != "AccessDenied" || len(many.Deleted) != 1 {
		t.Errorf("DeleteObjects = %+v, %v, want an error for the locked object alone", many, err)
	}
	wantObject(t, b, "k", "audio/mpeg", "evidence")
	again, _ := start(t, options(dir)) // the lock is on the disk
	if err := bucket(t, again, "local", "secret").Remove(ctx, "k"); err == nil {
		t.Error("another server on the folder removed the object")
	}
}

// A lock ends by Unlock, by its time, and together with an object that is removed in spite
// of it.
func TestLocksEnd(t *testing.T) {
	t.Parallel()
	s, c := locking(t, t.TempDir())
	b, ctx := bucket(t, s, "local", "secret"), t.Context()
	in := &s3.GetObjectRetentionInput{Bucket: aws.String("recordings"), Key: aws.String("k")}
	got, err := c.GetObjectRetention(ctx, in)
	if err != nil || got.Retention.Mode != types.ObjectLockRetentionModeGovernance || !got.Retention.RetainUntilDate.After(time.Now()) {
		t.Errorf("GetObjectRetention = %+v, %v", got, err)
	}
	if _, err := c.PutObjectRetention(ctx, &s3.PutObjectRetentionInput{Bucket: in.Bucket, Key: in.Key, Retention: &types.ObjectLockRetention{}}); codeOf(err) != "AccessDenied" {
		t.Errorf("the end of a lock without the bypass = %v, want AccessDenied", err)
	}
	if err := b.Unlock(ctx, "k"); err != nil {
		t.Fatalf("Unlock: %v", err)
	}
	if _, err := c.GetObjectRetention(ctx, in); codeOf(err) != "NoSuchObjectLockConfiguration" {
		t.Errorf("GetObjectRetention of an unlocked object = %v", err)
	}
	put(t, b, "k", "audio/mpeg", "new")

	if err := b.Lock(ctx, "k", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: in.Bucket, Key: in.Key, BypassGovernanceRetention: aws.Bool(true)}); err != nil {
		t.Errorf("DELETE with the bypass: %v", err)
	}
	put(t, b, "k", "audio/mpeg", "a new object has no lock")
	if err := b.Remove(ctx, "k"); err != nil {
		t.Errorf("Remove: %v", err)
	}
	for what, err := range map[string]error{"Lock": b.Lock(ctx, "k", time.Now().Add(time.Hour)), "GET": func() error { _, err := b.Stat(ctx, "k"); return err }()} {
		if !errors.Is(err, media.ErrNotFound) {
			t.Errorf("%s of no object = %v, want ErrNotFound", what, err)
		}
	}
	if err := b.Unlock(ctx, "k"); err != nil {
		t.Errorf("Unlock of no object = %v", err)
	}
	for _, bad := range []types.ObjectLockRetention{
		{Mode: types.ObjectLockRetentionModeGovernance, RetainUntilDate: aws.Time(time.Now().Add(-time.Hour))},
		{Mode: types.ObjectLockRetentionModeCompliance, RetainUntilDate: aws.Time(time.Now().Add(time.Hour))},
		{Mode: types.ObjectLockRetentionModeGovernance},
	} {
		put(t, b, "k", "audio/mpeg", "x")
		if _, err := c.PutObjectRetention(ctx, &s3.PutObjectRetentionInput{Bucket: in.Bucket, Key: in.Key, Retention: &bad}); err == nil {
			t.Errorf("PutObjectRetention(%+v) succeeded", bad)
		}
	}
}

// A purge goes past a lock that was left behind, however the bucket was opened.
func TestPurgeOfALockedObject(t *testing.T) {
	t.Parallel()
	s, _ := locking(t, t.TempDir())
	b := bucket(t, s, "local", "secret")
	if err := b.Purge(t.Context(), []string{"k"}, nil); err != nil {
		t.Errorf("Purge of a locked object = %v", err)
	}
	if _, err := b.Stat(t.Context(), "k"); !errors.Is(err, media.ErrNotFound) {
		t.Errorf("Stat after the purge = %v, want ErrNotFound", err)
	}
}
