package s3media

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"github.com/callrecordings/api/shared/media"
)

// maxTTL is the longest validity that SigV4 allows.
const maxTTL = 7 * 24 * time.Hour

// errPrivate means that a program presigns a URL although its options exclude that.
var errPrivate = errors.New("the bucket is private: it was opened without presigned URLs")

var errTTL = errors.New("the validity of a presigned URL must be between one second and seven days")

// newSigner returns a signer for S3, which escapes the canonical path only once.
func newSigner() *v4.Signer {
	return v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
}

// renewal is how long before their end credentials are replaced, if the provider knows
// when they end. So a URL is signed for at least this time, unless the provider's own
// new credentials end earlier.
const renewal = 5 * time.Minute

// credentials returns the credentials to sign with and the lifetime of a URL that they
// sign: ttl, but no longer than they live, because S3 rejects a URL whose session has
// ended (docs.aws.amazon.com/AmazonS3/latest/userguide/ShareObjectPreSignedURL.html).
// Credentials without a known end, such as those in a Lambda function's environment,
// cannot shorten it. Errors: errPrivate, errTTL, and ErrUnavailable if there are no credentials or
// they have expired.
func (b *Bucket) credentials(ctx context.Context, ttl time.Duration, now time.Time) (aws.Credentials, time.Duration, error) {
	if b.public == nil {
		return aws.Credentials{}, 0, errPrivate
	}
	if ttl < time.Second || ttl > maxTTL {
		return aws.Credentials{}, 0, errTTL
	}
	creds, err := b.creds.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, 0, fmt.Errorf("%w: retrieving credentials: %w", media.ErrUnavailable, err)
	}
	if creds.CanExpire {
		ttl = min(ttl, creds.Expires.Add(renewal).Sub(now)) // the cache subtracts renewal
	}
	if ttl < time.Second {
		return aws.Credentials{}, 0, fmt.Errorf("%w: the credentials have expired", media.ErrUnavailable)
	}
	return creds, ttl, nil
}

// Presign returns a URL that lets anyone GET the object until g.TTL has passed or the
// credentials expire. It equals the URL of the SDK's presign client byte for byte (a test compares them),
// but avoids the SDK's forty middleware steps and their allocations.
func (b *Bucket) Presign(ctx context.Context, key string, g media.Grant) (string, error) {
	now := b.now()
	creds, ttl, err := b.credentials(ctx, g.TTL, now)
	if err != nil {
		return "", err
	}
	query := url.Values{
		"X-Amz-Expires": {strconv.FormatInt(int64(ttl/time.Second), 10)},
		"x-id":          {"GetObject"},
	}
	for name, value := range map[string]string{
		"response-content-type":        g.ContentType,
		"response-content-disposition": g.Disposition,
		"response-cache-control":       g.CacheControl,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	r := b.request(http.MethodGet, key, query)
	signed, _, err := b.signer.PresignHTTP(ctx, creds, r, "UNSIGNED-PAYLOAD", "s3", b.region, now)
	if err != nil {
		return "", fmt.Errorf("signing a URL for %s: %w", media.KeyText(key), err)
	}
	return signed, nil
}

// request returns a request for the object at its public address.
func (b *Bucket) request(method, key string, query url.Values) *http.Request {
	u := *b.public
	u.RawPath = b.public.EscapedPath() + "/" + httpbinding.EscapePath(key, false)
	u.Path = b.public.Path + "/" + key
	u.RawQuery = query.Encode()
	return &http.Request{Method: method, URL: &u, Host: u.Host, Header: http.Header{}}
}

// bucketURL returns the bucket's URL at endpoint, or at S3 itself if endpoint is
// "". The SDK's rules determine host names and partitions.
func bucketURL(region, endpoint, bucket string) (*url.URL, error) {
	p := s3.EndpointParameters{Bucket: &bucket, Region: &region, ForcePathStyle: aws.Bool(endpoint != "")}
	if endpoint != "" {
		p.Endpoint = &endpoint
	}
	e, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), p.WithDefaults())
	if err != nil {
		return nil, fmt.Errorf("resolving the address of bucket %q: %w", bucket, err)
	}
	u := e.URI
	return &u, nil
}
