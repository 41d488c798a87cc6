package s3media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/requestlog"
)

var _ media.Assembler = (*Bucket)(nil)

// Begin begins an upload in parts.
func (b *Bucket) Begin(ctx context.Context, key, contentType string) (string, error) {
	out, err := b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &b.name, Key: &key, ContentType: &contentType,
	}, b.patient)
	if err != nil {
		return "", b.unserved("storing", key, err)
	}
	return aws.ToString(out.UploadId), nil
}

// SendPart sends a part of an upload.
func (b *Bucket) SendPart(ctx context.Context, key, upload string, number int, body []byte) (string, error) {
	if number < 1 || number > media.MaxParts {
		return "", fmt.Errorf("storing %s: part %d of at most %d", media.KeyText(key), number, media.MaxParts)
	}
	out, err := b.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &b.name, Key: &key, UploadId: &upload, PartNumber: aws.Int32(int32(number)),
		Body: bytes.NewReader(body), ContentLength: aws.Int64(int64(len(body))),
	}, b.patient)
	if err != nil {
		return "", b.fail("storing", key, err)
	}
	requestlog.From(ctx).AudioBytes += int64(len(body))
	return aws.ToString(out.ETag), nil
}

// Complete joins the parts of an upload, which takes minutes for many gigabytes. The store
// sends a space now and then meanwhile, so the wait for its answer has no limit but ctx. If
// the answer to an earlier completion was lost, the upload no longer exists. Then Complete
// returns nil if the object exists.
func (b *Bucket) Complete(ctx context.Context, key, upload string, tags []string) error {
	parts := make([]types.CompletedPart, len(tags))
	for i := range tags {
		parts[i] = types.CompletedPart{ETag: &tags[i], PartNumber: aws.Int32(int32(i + 1))}
	}
	out, err := b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &b.name, Key: &key, UploadId: &upload, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}, b.patient)
	switch code := codeOf(err); {
	case err == nil && out.ETag == nil:
		err = errNoResult
	case code == "InvalidPart", code == "InvalidPartOrder", code == "EntityTooSmall":
		return wrap(media.ErrChanged, "storing", key, err)
	case statusOf(err) == http.StatusNotFound && code != noBucket, code == noUpload:
		// Only the store's word that there is no object means that everything is lost.
		if _, missing := b.Stat(ctx, key); !errors.Is(missing, media.ErrNotFound) {
			return missing
		}
	}
	return b.fail("storing", key, err)
}

// Abandon removes the parts of an upload.
func (b *Bucket) Abandon(ctx context.Context, key, upload string) error {
	_, err := b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: &key, UploadId: &upload})
	if err = b.fail("abandoning", key, err); errors.Is(err, media.ErrNotFound) {
		return nil
	}
	return err
}
