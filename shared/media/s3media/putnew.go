package s3media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/requestlog"
)

// PutNew stores body under key if no object exists there. It returns nil if the key
// already holds these bytes: an earlier attempt, or an earlier request, may have
// stored them although its answer was lost. So a lost answer does not show.
func (b *Bucket) PutNew(ctx context.Context, key, contentType string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, b.call)
	defer cancel()
	sum := sha256.Sum256(body)
	_, err := b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, Body: bytes.NewReader(body), IfNoneMatch: aws.String("*"),
		ContentLength: aws.Int64(int64(len(body))), ContentType: &contentType,
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	}, b.prompt)
	if statusOf(err) == http.StatusPreconditionFailed {
		return b.occupied(ctx, key, body, hex.EncodeToString(sum[:]), err)
	}
	if err != nil { // includes 409 ConditionalRequestConflict: another upload is in progress
		return b.unserved("storing", key, err)
	}
	requestlog.From(ctx).AudioBytes += int64(len(body))
	return nil
}

// occupied returns the result of PutNew for a key that has an object: nil if the
// object consists of the bytes of body. Errors: ErrOccupied for other bytes;
// ErrUnavailable if the object is gone again or cannot be compared.
func (b *Bucket) occupied(ctx context.Context, key string, body []byte, sha256Hex string, cause error) error {
	same, err := b.holds(ctx, key, body, sha256Hex)
	switch {
	case errors.Is(err, media.ErrNotFound), errors.Is(err, media.ErrChanged):
		return fmt.Errorf("%w: storing %s: the object there changed meanwhile", media.ErrUnavailable, media.KeyText(key))
	case err != nil:
		return fmt.Errorf("comparing with the object that is there: %w", err)
	case !same:
		return wrap(media.ErrOccupied, "storing", key, cause)
	}
	return nil
}

// holds reports whether the object at key consists of the bytes of body. It reads
// the object if S3 has not verified its checksum.
func (b *Bucket) holds(ctx context.Context, key string, body []byte, sha256Hex string) (bool, error) {
	object, err := b.Examine(ctx, key)
	if err != nil || object.Size != int64(len(body)) {
		return false, err
	}
	if object.SHA256 != "" {
		return object.SHA256 == sha256Hex, nil
	}
	stored, _, err := b.Open(ctx, key, object.ETag, nil)
	if err != nil {
		return false, err
	}
	defer stored.Close() //nolint:errcheck // read-only
	text, err := io.ReadAll(stored)
	return bytes.Equal(text, body), err
}
