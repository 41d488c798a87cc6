package s3media

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"github.com/callrecordings/api/shared/media"
)

// Headers of an upload. All headers of a signed request are signed, so S3 rejects
// an upload that omits or changes one
// (docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
const (
	// headerNew with the value * prevents replacing an object
	// (docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html).
	headerNew    = "If-None-Match"
	headerSHA256 = "X-Amz-Checksum-Sha256"
	headerType   = "Content-Type"
)

// PresignPut returns a request that stores an object under key, once. The
// announced properties stay headers instead of moving into the query, so that the
// client must send them. S3 would also ignore the checksum and the condition in
// the query.
func (b *Bucket) PresignPut(ctx context.Context, key string, a media.Admission) (media.SignedRequest, error) {
	now := b.now()
	creds, ttl, err := b.credentials(ctx, a.TTL, now)
	if err != nil {
		return media.SignedRequest{}, err
	}
	r := b.request(http.MethodPut, key, url.Values{
		"X-Amz-Expires": {strconv.FormatInt(int64(ttl/time.Second), 10)},
		"x-id":          {"PutObject"},
	})
	r.ContentLength = a.Size
	header, err := headersOf(a)
	if err != nil {
		return media.SignedRequest{}, fmt.Errorf("signing an upload of %s: %w", media.KeyText(key), err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	signed, _, err := b.signer.PresignHTTP(ctx, creds, r, "UNSIGNED-PAYLOAD", "s3", b.region, now,
		func(o *v4.SignerOptions) { o.DisableHeaderHoisting = true })
	if err != nil {
		return media.SignedRequest{}, fmt.Errorf("signing an upload of %s: %w", media.KeyText(key), err)
	}
	return media.SignedRequest{
		Method: r.Method, URL: signed, Header: header,
		Expires: now.Add(ttl).UTC().Truncate(time.Second),
	}, nil
}

// headersOf returns the headers that bind an upload to the announced properties.
func headersOf(a media.Admission) (map[string]string, error) {
	header := map[string]string{headerNew: "*"}
	if a.ContentType != "" {
		header[headerType] = a.ContentType
	}
	if a.SHA256 != "" {
		sum, err := hex.DecodeString(a.SHA256)
		if err != nil {
			return nil, fmt.Errorf("the SHA-256: %w", err)
		}
		header[headerSHA256] = base64.StdEncoding.EncodeToString(sum)
	}
	return header, nil
}

// Examine describes the object, including its checksum and metadata.
func (b *Bucket) Examine(ctx context.Context, key string) (media.Object, error) {
	return b.head(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key, ChecksumMode: types.ChecksumModeEnabled})
}

// sha256Of converts a checksum of S3 to hex. It returns "" for an object that was
// uploaded in parts: that checksum is computed from the parts' checksums, not from
// the bytes, and ends with a hyphen and the number of parts.
func sha256Of(checksum *string) string {
	sum, err := base64.StdEncoding.DecodeString(aws.ToString(checksum))
	if err != nil {
		return ""
	}
	return hex.EncodeToString(sum)
}

// Copy makes S3 copy the object.
func (b *Bucket) Copy(ctx context.Context, from, etag, to string) error {
	source := b.name + "/" + httpbinding.EscapePath(from, false) // escapes a plus, too, which some servers decode as a space
	out, err := b.client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &b.name, Key: &to, CopySource: &source, CopySourceIfMatch: &etag,
	}, b.patient)
	if err == nil && (out.CopyObjectResult == nil || out.CopyObjectResult.ETag == nil) {
		err = errNoResult
	}
	return b.fail("copying", from, err)
}

// errNoResult means that the answer to a copy, or to the end of an upload in parts,
// broke off. S3 sends the status 200 before it has done the work, and reports the
// result in the body; the SDK treats a missing body as success
// (docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html).
var errNoResult = errors.New("the answer has no result")
