// Package s3media stores the audio of recordings in a bucket of Amazon S3, or of
// an S3-compatible server (local/s3server, LocalStack, MinIO). [Bucket]
// implements all interfaces of package media.
//
// # Keys
//
// Callers choose the keys. This package uses them byte for byte.
//
// # Guarantees
//
//   - Every call ends: 500 ms to connect, 2 s to the first byte of an answer, 5 s
//     between two bytes, and at most three attempts with full jitter. Put and Copy
//     get a minute to the first byte of an answer. PutNew, which a client waits
//     for, gets 5 s, and 9 s with all its attempts and the comparison with an
//     existing object. Every attempt and every read ends a second before the
//     context's deadline, and a retry starts only if at least two seconds remain
//     (docs/adr/007-time-outs.md).
//   - Memory is constant: a read streams, and an upload holds one part.
//   - Presigning makes no call. URLs are signed for Options.PublicEndpoint, the
//     address that clients use. They never appear in errors or logs. Errors name
//     keys in the form of [media.KeyText].
//   - The context's requestlog entry counts every request to the store, retries
//     included, and every byte of audio.
//
// # Failure modes
//
// If an answer to PutNew is lost, the next attempt finds the object of the first, and
// compares it with the bytes. The next attempt of Put, Copy or Remove has the same
// result as the first. If an upload in parts fails and cannot be aborted either, its
// parts stay and are billed; the error mentions them.
//
// # Permissions
//
//   - Open, Stat, Examine, Copy, PutNew and the readers of presigned URLs: GetObject.
//   - Put, and the methods of media.Assembler: PutObject and AbortMultipartUpload.
//   - PutNew, Copy and the senders of presigned uploads: PutObject.
//   - Remove: DeleteObject.
//   - Purge: DeleteObject, DeleteObjectVersion, and ListBucketVersions on the bucket.
//   - Lock: PutObjectRetention. Unlock also: BypassGovernanceRetention, and
//     ListBucketVersions on the bucket. Purge and Revert of a locked version:
//     BypassGovernanceRetention.
//   - Revert: DeleteObjectVersion, and ListBucketVersions on the bucket.
//   - List, and all methods that report media.ErrNotFound: ListBucket on the
//     bucket itself. Without it S3 answers 403 instead of 404 for a missing
//     object, and the method reports media.ErrUnavailable.
package s3media

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/requestlog"
)

// Options locates the bucket and identifies the caller.
type Options struct {
	// Region of the bucket, "eu-west-1". Required.
	Region string
	// Endpoint is the base URL of an S3-compatible server, such as
	// "http://127.0.0.1:9000"; "" means S3 itself. With an endpoint, the bucket
	// name is in the path; without one, in the host name.
	Endpoint string
	// PublicEndpoint is the base URL at which clients reach the same server.
	// Presigned URLs are signed for it. "" means Endpoint.
	PublicEndpoint string
	// Private means that this program presigns no URLs: Presign and PresignPut fail. The
	// SDK's rules for the address of a bucket, which only they need, are then not evaluated
	// when the bucket is opened (docs/reference/performance.md, Starts). A name or region
	// that they reject then fails the first call.
	Private bool
	// Bucket is the bucket's name. Required.
	Bucket string
	// Credentials sign requests and URLs. Required.
	Credentials aws.CredentialsProvider
	// Application identifies the caller in the User-Agent header, and so in the
	// bucket's access log. Optional.
	Application string
	// Transport, if not nil, wraps the transports of all calls, for a server in the same
	// process. Optional.
	Transport func(http.RoundTripper) http.RoundTripper
	// Now is the clock for presigned URLs; nil means the system clock.
	Now func() time.Time
}

// Bucket holds audio in one bucket. It is safe for concurrent use.
type Bucket struct {
	name    string
	region  string
	client  *s3.Client
	patient func(*s3.Options) // for Put and Copy
	prompt  func(*s3.Options) // for PutNew
	call    time.Duration     // bounds PutNew
	clients []*http.Client    // for CloseIdleConnections
	signer  *v4.Signer
	creds   aws.CredentialsProvider
	now     func() time.Time
	timed   bool        // the server is not S3, and may compare times in a DELETE
	public  *url.URL    // the bucket's address for clients, without a final slash; nil if private
	exists  atomic.Bool // an answer has shown that the bucket exists
}

var (
	_ media.Reader   = (*Bucket)(nil)
	_ media.Remover  = (*Bucket)(nil)
	_ media.Purger   = (*Bucket)(nil)
	_ media.Locker   = (*Bucket)(nil)
	_ media.Reverter = (*Bucket)(nil)
	_ media.Writer   = (*Bucket)(nil)
	_ media.Uploader = (*Bucket)(nil)
	_ media.Objects  = (*Bucket)(nil)
)

// Open returns a Bucket. It does not use the network; see [Bucket.Warm].
func Open(o Options) (*Bucket, error) { return open(o, standard()) }

func open(o Options, n network) (*Bucket, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("audio bucket: %w", err)
	}
	public, err := o.public()
	if err != nil {
		return nil, fmt.Errorf("audio bucket: %w", err)
	}
	now := o.Now
	if now == nil {
		now = time.Now //nolint:forbidigo // the documented default of Options.Now
	}
	calls, uploads, small := n.calls.Client(idle), n.uploads.Client(idle), n.small.Client(idle)
	if o.Transport != nil {
		for _, c := range []*http.Client{calls, uploads, small} {
			c.Transport = o.Transport(c.Transport)
		}
	}
	creds := aws.NewCredentialsCache(o.Credentials, func(c *aws.CredentialsCacheOptions) { c.ExpiryWindow = renewal })
	return &Bucket{
		name: o.Bucket, region: o.Region, client: o.client(n, calls, creds), clients: []*http.Client{calls, uploads, small},
		patient: limited(n.uploads, uploads), prompt: limited(n.small, small), call: n.call,
		creds: creds, signer: newSigner(), now: now, public: public, timed: o.Endpoint != "",
	}, nil
}

// client returns the SDK's client. It is not part of open: the SDK's options are large,
// and beneath them the rules of endpoints, which open calls too, would outgrow the stack.
func (o *Options) client(n network, calls *http.Client, creds aws.CredentialsProvider) *s3.Client {
	so := s3.Options{
		Region:                     o.Region,
		AppID:                      o.Application,
		Credentials:                creds,
		UsePathStyle:               o.Endpoint != "",
		HTTPClient:                 calls,
		Retryer:                    n.calls.Retryer(),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		APIOptions:                 n.calls.APIOptions(func(e *requestlog.Entry) { e.MediaCalls++ }),
	}
	if o.Endpoint != "" {
		so.BaseEndpoint = aws.String(o.Endpoint)
	}
	return s3.New(so)
}

// public returns the bucket's address for clients, or nil if the bucket is private.
func (o *Options) public() (*url.URL, error) {
	if o.Private {
		return nil, nil //nolint:nilnil // a private bucket has no such address
	}
	return bucketURL(o.Region, cmp.Or(o.PublicEndpoint, o.Endpoint), o.Bucket)
}

// Warm opens the first connection, so that the first request does not wait for
// one, and checks that the bucket exists. Callers must start even if Warm fails,
// because the first request connects anyway. Error: ErrUnavailable.
func (b *Bucket) Warm(ctx context.Context) error {
	_, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name})
	if statusOf(err) == http.StatusNotFound {
		return b.noBucket()
	}
	if err != nil {
		return fmt.Errorf("%w: opening the bucket %q: %w", media.ErrUnavailable, b.name, attempt.WithoutURL(err))
	}
	b.exists.Store(true)
	return nil
}

// CloseIdleConnections closes connections that are not in use. A server that
// shuts down would wait for them.
func (b *Bucket) CloseIdleConnections() {
	for _, client := range b.clients {
		client.CloseIdleConnections()
	}
}

func (o Options) check() error {
	return errors.Join(
		attempt.Require("region", o.Region != ""),
		attempt.Require("bucket name", o.Bucket != ""),
		attempt.Require("credentials", o.Credentials != nil),
		attempt.CheckURL("endpoint", o.Endpoint),
		attempt.CheckURL("public endpoint", o.PublicEndpoint),
	)
}
