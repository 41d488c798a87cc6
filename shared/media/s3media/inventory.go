package s3media

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/callrecordings/api/shared/media"
)

var _ media.Inventory = (*Bucket)(nil)

// Objects returns one page of objects.
func (b *Bucket) Objects(ctx context.Context, prefix, after string) ([]media.Listed, error) {
	out, err := b.list(ctx, prefix, after, "")
	if err != nil {
		return nil, err
	}
	found := make([]media.Listed, len(out.Contents))
	for i := range out.Contents {
		o := &out.Contents[i]
		found[i] = media.Listed{
			Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified).UTC().Truncate(time.Second),
		}
	}
	return found, nil
}

// Folders returns one page of common prefixes. To continue after a folder, it starts
// behind every key in that folder: "0" is the character after "/".
func (b *Bucket) Folders(ctx context.Context, prefix, after string) (folders []string, more bool, err error) {
	if folder, ok := strings.CutSuffix(after, "/"); ok {
		after = folder + "0"
	}
	for {
		out, err := b.list(ctx, prefix, after, "/")
		if err != nil {
			return nil, false, err
		}
		for _, p := range out.CommonPrefixes {
			folders = append(folders, aws.ToString(p.Prefix))
		}
		more = aws.ToBool(out.IsTruncated)
		if len(folders) > 0 || !more || len(out.Contents) == 0 {
			return folders, more, nil
		}
		after = aws.ToString(out.Contents[len(out.Contents)-1].Key) // a page of objects only
	}
}

// list returns one page of objects and common prefixes.
func (b *Bucket) list(ctx context.Context, prefix, after, delimiter string) (*s3.ListObjectsV2Output, error) {
	in := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, MaxKeys: aws.Int32(media.MaxList)}
	if after != "" {
		in.StartAfter = &after
	}
	if delimiter != "" {
		in.Delimiter = &delimiter
	}
	out, err := b.client.ListObjectsV2(ctx, in)
	if err = b.fail("listing", prefix, err); err != nil {
		return nil, err
	}
	return out, nil
}
