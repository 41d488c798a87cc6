// Package s3media keeps the audio of recordings in a bucket of Amazon S3, or
// of a server that speaks its protocol (local/s3server, LocalStack, MinIO).
// A [Bucket] is all that package media declares.
//
// What it promises beside the interfaces of package media:
//
//   - Every call ends: 500 ms to connect, 2 s to the first byte of an answer
//     (a minute for uploads, which a person waits for, not a gateway) and 5 s
//     between two bytes, three attempts with full jitter at most, and no other
//     attempt when the rest of the context's deadline would not carry it
//     (docs/adr/007-time-outs.md).
//   - Memory is constant: a read streams, an upload holds one part.
//   - A presigned URL is worked out here, without a call, under
//     Options.PublicEndpoint, the name by which clients reach the store. It
//     appears in no error and in no log.
//   - Every request to the store, retries included, is counted in the
//     context's requestlog entry, as is every byte of audio.
//
// Permissions: GetObject for Open, Stat and whoever follows a presigned URL;
// DeleteObject for Remove; PutObject and AbortMultipartUpload for Put; PutObject
// for PutNew, Copy and whoever follows a PresignPut; GetObject for Examine and
// Copy; and
// ListBucket on the bucket itself, without which S3 answers 403 instead of
// 404 for an object that is not there, which is ErrUnavailable here.
package s3media

import (
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

	"callrecordings/shared/attempt"
	"callrecordings/shared/media"
	"callrecordings/shared/requestlog"
)

// Options say where the bucket is and who asks.
type Options struct {
	// Region of the bucket, "eu-west-1". Required.
	Region string
	// Endpoint is the base URL of a server other than S3 itself,
	// "http://127.0.0.1:9000". With it the bucket is addressed in the path,
	// without it in the host name.
	Endpoint string
	// PublicEndpoint is the base URL by which clients reach the same server;
	// presigned URLs are signed for it. "" stands for Endpoint.
	PublicEndpoint string
	// Bucket is the bucket's name. Required.
	Bucket string
	// Credentials sign requests and URLs. Required.
	Credentials aws.CredentialsProvider
	// Application names the caller in the User-Agent of its requests, and so in
	// the bucket's access log; "" is nobody.
	Application string
	// Now is the clock that presigned URLs begin at; nil is the system's.
	Now func() time.Time
}

// Bucket is audio in one bucket. It is safe for concurrent use.
type Bucket struct {
	name    string
	region  string
	client  *s3.Client
	patient func(*s3.Options) // for the operations of an upload
	clients []*http.Client    // those that may keep connections
	signer  *v4.Signer
	creds   aws.CredentialsProvider
	now     func() time.Time
	public  *url.URL    // where clients find the bucket, without a final slash
	exists  atomic.Bool // the bucket was seen
}

var (
	_ media.Reader   = (*Bucket)(nil)
	_ media.Remover  = (*Bucket)(nil)
	_ media.Writer   = (*Bucket)(nil)
	_ media.Uploader = (*Bucket)(nil)
	_ media.Objects  = (*Bucket)(nil)
)

// Open makes a Bucket. It touches no network; see [Bucket.Warm].
func Open(o Options) (*Bucket, error) { return open(o, standard()) }

func open(o Options, n network) (*Bucket, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("audio bucket: %w", err)
	}
	public := o.PublicEndpoint
	if public == "" {
		public = o.Endpoint
	}
	base, err := bucketURL(o.Region, public, o.Bucket)
	if err != nil {
		return nil, fmt.Errorf("audio bucket: %w", err)
	}
	now := o.Now
	if now == nil {
		now = time.Now //nolint:forbidigo // the stated default of Options.Now
	}
	client, uploads := n.calls.Client(idle), n.uploads.Client(idle)
	so := s3.Options{
		Region:                     o.Region,
		AppID:                      o.Application,
		Credentials:                aws.NewCredentialsCache(o.Credentials),
		UsePathStyle:               o.Endpoint != "",
		HTTPClient:                 client,
		Retryer:                    n.calls.Retryer(),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
		APIOptions:                 n.calls.APIOptions(func(e *requestlog.Entry) { e.MediaCalls++ }),
	}
	if o.Endpoint != "" {
		so.BaseEndpoint = aws.String(o.Endpoint)
	}
	return &Bucket{
		name: o.Bucket, region: o.Region, client: s3.New(so), patient: n.patient(uploads), clients: []*http.Client{client, uploads},
		creds: so.Credentials, signer: newSigner(), now: now, public: base,
	}, nil
}

// Warm opens the first connection, so that the first request does not wait
// for it, and checks that the bucket is there. Its error is information: a
// failed warm-up must not fail a start. Errors: ErrUnavailable.
func (b *Bucket) Warm(ctx context.Context) error {
	_, err := b.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.name})
	if statusOf(err) == http.StatusNotFound {
		return b.noBucket()
	}
	return b.fail("opening the bucket", b.name, err)
}

// Rest lets go of connections that nothing is under way on. A server that is to
// close would wait for them.
func (b *Bucket) Rest() {
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
