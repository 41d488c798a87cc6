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

	"callrecordings/shared/media"
)

// maxTTL is how long SigV4 lets a URL live.
const maxTTL = 7 * 24 * time.Hour

var errTTL = errors.New("a presigned URL lives between one second and seven days")

// newSigner makes a signer for S3, whose canonical path is escaped once.
func newSigner() *v4.Signer {
	return v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
}

// Presign makes a URL by which anyone may GET the object until g.TTL is over.
// It is what the SDK's presign client makes, byte for byte (a test compares
// them), without the SDK's chain of forty steps and their allocations.
func (b *Bucket) Presign(ctx context.Context, key string, g media.Grant) (string, error) {
	if g.TTL < time.Second || g.TTL > maxTTL {
		return "", errTTL
	}
	creds, err := b.creds.Retrieve(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: credentials to sign with: %w", media.ErrUnavailable, err)
	}
	query := url.Values{
		"X-Amz-Expires": {strconv.FormatInt(int64(g.TTL/time.Second), 10)},
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
	signed, _, err := b.signer.PresignHTTP(ctx, creds, r, "UNSIGNED-PAYLOAD", "s3", b.region, b.now())
	if err != nil {
		return "", fmt.Errorf("signing a URL for %q: %w", key, err)
	}
	return signed, nil
}

// request is one for the object as clients make it.
func (b *Bucket) request(method, key string, query url.Values) *http.Request {
	u := *b.public
	u.RawPath = b.public.EscapedPath() + "/" + httpbinding.EscapePath(key, false)
	u.Path = b.public.Path + "/" + key
	u.RawQuery = query.Encode()
	return &http.Request{Method: method, URL: &u, Host: u.Host, Header: http.Header{}}
}

// bucketURL is where the bucket is found under endpoint, or in S3 itself if
// that is "": the SDK's own rules decide about host names and partitions.
func bucketURL(region, endpoint, bucket string) (*url.URL, error) {
	p := s3.EndpointParameters{Bucket: &bucket, Region: &region, ForcePathStyle: aws.Bool(endpoint != "")}
	if endpoint != "" {
		p.Endpoint = &endpoint
	}
	e, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(), p.WithDefaults())
	if err != nil {
		return nil, fmt.Errorf("no address for bucket %q: %w", bucket, err)
	}
	u := e.URI
	return &u, nil
}
