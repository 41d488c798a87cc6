package s3media

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/callrecordings/api/shared/attempt"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/requestlog"
)

// Stat describes the object, from a HEAD request.
func (b *Bucket) Stat(ctx context.Context, key string) (media.Object, error) {
	return b.head(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
}

// head sends a HEAD request and checks whether the object or the bucket is missing.
func (b *Bucket) head(ctx context.Context, in *s3.HeadObjectInput) (media.Object, error) {
	key := *in.Key
	out, err := b.client.HeadObject(ctx, in)
	if statusOf(err) == http.StatusNotFound && !b.exists.Load() {
		// The answer to a HEAD does not show whether the object or the bucket is
		// missing. A 403 for the bucket means that it exists, but this caller may
		// not list it.
		if err := b.Warm(ctx); err != nil && statusOf(err) != http.StatusForbidden {
			return media.Object{}, err
		}
	}
	if err = b.fail("examining", key, err); err != nil {
		return media.Object{}, err
	}
	o := object(out.ContentType, out.ContentLength, out.ETag, out.LastModified)
	o.SHA256 = sha256Of(out.ChecksumSHA256)
	if in.ChecksumMode != "" {
		o.Metadata = out.Metadata
	}
	return o, nil
}

// List returns one page of keys.
func (b *Bucket) List(ctx context.Context, prefix, after string) ([]string, error) {
	in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, MaxKeys: aws.Int32(media.MaxList)}
	if after != "" {
		in.StartAfter = &after
	}
	out, err := b.client.ListObjectsV2(ctx, in)
	if err = b.fail("listing", prefix, err); err != nil {
		return nil, err
	}
	keys := make([]string, len(out.Contents))
	for i := range out.Contents {
		keys[i] = aws.ToString(out.Contents[i].Key)
	}
	return keys, nil
}

// Open reads a part of the object, or the whole object.
func (b *Bucket) Open(ctx context.Context, key, etag string, part *media.Part) (io.ReadCloser, media.Object, error) {
	in := &s3.GetObjectInput{Bucket: &b.name, Key: &key}
	if etag != "" {
		in.IfMatch = &etag
	}
	if part != nil {
		if part.Offset < 0 || part.Length < 1 {
			return nil, media.Object{}, fmt.Errorf("reading %s: invalid part %+v", media.KeyText(key), *part)
		}
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", part.Offset, part.Offset+part.Length-1))
	}
	entry := requestlog.From(ctx)
	ctx, cancel := context.WithCancel(ctx)
	out, err := b.client.GetObject(ctx, in)
	if err = b.fail("reading", key, err); err != nil {
		cancel()
		return nil, media.Object{}, err
	}
	o := object(out.ContentType, out.ContentLength, out.ETag, out.LastModified)
	if part != nil {
		if o.Size, err = checkRange(aws.ToString(out.ContentRange), *part); err != nil {
			cancel()
			_ = out.Body.Close()
			return nil, media.Object{}, fmt.Errorf("reading %s: %w", media.KeyText(key), err)
		}
	}
	return &body{ctx: ctx, body: out.Body, cancel: cancel, entry: entry, key: key}, o, nil
}

// checkRange checks that the store sent exactly the requested part, and returns
// the size of the object.
func checkRange(header string, p media.Part) (int64, error) {
	span, total, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	size, err := strconv.ParseInt(total, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("%w: the answer is not a part of the object", media.ErrUnavailable)
	}
	if want := fmt.Sprintf("%d-%d", p.Offset, p.Offset+p.Length-1); span != want {
		return 0, fmt.Errorf("%w: the answer has bytes %s of %d instead of %s", media.ErrChanged, span, size, want)
	}
	return size, nil
}

func object(contentType *string, size *int64, etag *string, modified *time.Time) media.Object {
	return media.Object{
		ContentType: aws.ToString(contentType),
		Size:        aws.ToInt64(size),
		ETag:        aws.ToString(etag),
		Modified:    aws.ToTime(modified).UTC().Truncate(time.Second),
	}
}

// body counts the bytes read, gives up if the store stalls, and reports why a
// read broke off.
type body struct {
	ctx    context.Context //nolint:containedctx // Read has no parameter for it
	body   io.ReadCloser
	cancel context.CancelFunc
	entry  *requestlog.Entry
	key    string
}

// Read reads from the body. An end before the announced length is ErrUnavailable.
func (b *body) Read(p []byte) (int, error) {
	most := attempt.Left(b.ctx, stall)
	guard := time.AfterFunc(most, b.cancel)
	n, err := b.body.Read(p)
	if !guard.Stop() && err != nil {
		err = errStalled
		if most < stall {
			err = errDeadline
		}
	}
	b.entry.AudioBytes += int64(n)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return n, wrap(media.ErrUnavailable, "reading", b.key, err)
}

var (
	errStalled  = errors.New("no byte for " + stall.String())
	errDeadline = fmt.Errorf("no byte before the %w", context.DeadlineExceeded)
)

// Close ends the read, even midway.
func (b *body) Close() error {
	b.cancel()
	return b.body.Close()
}
