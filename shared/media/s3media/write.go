package s3media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithy "github.com/aws/smithy-go"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/requestlog"
)

const (
	// minPart is the size of a part in bytes. Smaller objects take one request. An
	// upload holds one part in memory, so that it can send the part again.
	minPart = 8 << 20
	// maxParts is S3's limit. Audio that exceeds maxParts parts of minPart bytes is
	// sent in larger parts.
	maxParts = 10_000
	// cleanUp limits the time to abort a failed upload.
	cleanUp = 10 * time.Second
)

// Remove deletes the object. S3 acknowledges a deletion only when no reader can
// see the object any more, even if it did not exist. In a bucket with versioning,
// the bucket's lifecycle rule deletes the bytes later.
func (b *Bucket) Remove(ctx context.Context, key string) error {
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key})
	if err = b.fail("removing", key, err); errors.Is(err, media.ErrNotFound) {
		return nil
	}
	return err
}

// RemoveIf deletes the object if it is still the examined one. S3 compares the ETag
// again as part of the DELETE. The server in local/s3server compares the time, too, so
// that the same bytes stay if they are stored anew; S3 offers that for directory buckets
// only. There the bucket has versions, and the bytes remain as an older version. With
// servers that ignore or refuse these conditions, an object stored between the check and
// the DELETE is lost.
func (b *Bucket) RemoveIf(ctx context.Context, key string, examined media.Object) error {
	const doing = "removing"
	o, err := b.Stat(ctx, key)
	switch {
	case errors.Is(err, media.ErrNotFound):
		return nil
	case err != nil:
		return err
	case o.ETag != examined.ETag, !o.Modified.Equal(examined.Modified):
		return fmt.Errorf("%w: %s %s: it was replaced", media.ErrChanged, doing, media.KeyText(key))
	}
	in := &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, IfMatch: &examined.ETag}
	if b.timed {
		in.IfMatchLastModifiedTime = &examined.Modified
	}
	_, err = b.client.DeleteObject(ctx, in)
	if unsupported(err) {
		_, err = b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key})
	}
	if err = b.fail(doing, key, err); errors.Is(err, media.ErrNotFound) {
		return nil
	}
	return err
}

// unsupported reports whether the server does not support a header of the request.
// For example, LocalStack does not support If-Match for DELETE.
func unsupported(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "NotImplemented"
}

// Put stores size bytes of body under key: in one request if they fit into a
// part, and otherwise part by part. If a part fails, Put aborts the upload. A body
// of another length is an error, and Put stores nothing.
func (b *Bucket) Put(ctx context.Context, key, contentType string, body io.Reader, size int64) error {
	if size < 0 {
		return fmt.Errorf("storing %s: negative size", media.KeyText(key))
	}
	u := &upload{b: b, key: &key, body: body, left: size}
	u.part = max(minPart, (size+maxParts-1)/maxParts)
	u.buf = make([]byte, min(size, u.part))
	if size <= u.part {
		return u.whole(ctx, contentType)
	}
	return u.parts(ctx, contentType)
}

// upload is the state of one Put.
type upload struct {
	b    *Bucket
	key  *string
	body io.Reader
	left int64 // bytes that remain to be read
	part int64 // size of a part in bytes
	buf  []byte
}

// next reads the next part. The body must end after the last one.
func (u *upload) next() ([]byte, error) {
	p := u.buf[:min(u.left, u.part)]
	if _, err := io.ReadFull(u.body, p); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("storing %s: reading the body: %w", media.KeyText(*u.key), err)
	}
	u.left -= int64(len(p))
	if u.left > 0 {
		return p, nil
	}
	switch n, err := io.ReadFull(u.body, make([]byte, 1)); {
	case n > 0:
		return nil, fmt.Errorf("storing %s: the body is longer than announced", media.KeyText(*u.key))
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("storing %s: reading the body: %w", media.KeyText(*u.key), err)
	}
	return p, nil
}

func (u *upload) whole(ctx context.Context, contentType string) error {
	p, err := u.next()
	if err != nil {
		return err
	}
	_, err = u.b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &u.b.name, Key: u.key, Body: bytes.NewReader(p),
		ContentLength: aws.Int64(int64(len(p))), ContentType: &contentType,
	}, u.b.patient)
	return u.done(ctx, p, err)
}

func (u *upload) parts(ctx context.Context, contentType string) error {
	made, err := u.b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &u.b.name, Key: u.key, ContentType: &contentType,
	}, u.b.patient)
	if err != nil {
		return u.done(ctx, nil, err)
	}
	if err := u.fill(ctx, made.UploadId); err != nil {
		// The parts of an unfinished upload are invisible but billed, so abort it.
		// The caller's context may have ended, so use another.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
		defer cancel()
		_, abort := u.b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
			Bucket: &u.b.name, Key: u.key, UploadId: made.UploadId,
		})
		if abort != nil && codeOf(abort) != noUpload {
			err = fmt.Errorf("%w (its parts remain in the bucket: %w)", err, withoutKey(abort))
		}
		return err
	}
	return nil
}

// fill sends the parts in turn and joins them.
func (u *upload) fill(ctx context.Context, id *string) error {
	var list []types.CompletedPart
	for n := int32(1); u.left > 0; n++ {
		p, err := u.next()
		if err != nil {
			return err
		}
		out, err := u.b.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &u.b.name, Key: u.key, UploadId: id, PartNumber: aws.Int32(n),
			Body: bytes.NewReader(p), ContentLength: aws.Int64(int64(len(p))),
		}, u.b.patient)
		if err = u.done(ctx, p, err); err != nil {
			return err
		}
		list = append(list, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(n)})
	}
	out, err := u.b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &u.b.name, Key: u.key, UploadId: id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
	}, u.b.patient)
	if err == nil && out.ETag == nil {
		err = errNoResult
	}
	return u.done(ctx, nil, err)
}

// done counts the stored bytes, or returns the error of the failed request.
func (u *upload) done(ctx context.Context, p []byte, err error) error {
	if err != nil {
		return u.b.unserved("storing", *u.key, err)
	}
	requestlog.From(ctx).AudioBytes += int64(len(p))
	return nil
}
