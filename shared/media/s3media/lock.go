package s3media

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/callrecordings/api/shared/media"
)

// Lock protects an object from being removed; see [media.Locker]. S3 itself refuses to
// shorten a lock without the right to bypass it, which this request does not use
// (docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectRetention.html).
func (b *Bucket) Lock(ctx context.Context, key string, until time.Time) error {
	_, err := b.client.PutObjectRetention(ctx, &s3.PutObjectRetentionInput{
		Bucket: &b.name, Key: &key,
		Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeGovernance, RetainUntilDate: &until},
	})
	return b.fail("locking", key, err)
}

// Unlock ends the locks of all versions of an object; see [media.Locker].
func (b *Bucket) Unlock(ctx context.Context, key string) error {
	versions, err := b.versions(ctx, key)
	if err != nil {
		return err
	}
	for i := range versions {
		if versions[i].ETag == nil {
			continue // a delete marker has no lock
		}
		_, err := b.client.PutObjectRetention(ctx, &s3.PutObjectRetentionInput{
			Bucket: &b.name, Key: &key, VersionId: versions[i].VersionId,
			Retention: &types.ObjectLockRetention{}, BypassGovernanceRetention: aws.Bool(true),
		})
		if err = b.fail("unlocking", key, err); err != nil && !errors.Is(err, media.ErrNotFound) {
			return err
		}
	}
	return nil
}

// Revert makes an earlier version the current one; see [media.Reverter]. It goes past the
// locks of the versions above it: a hold.Locker may have locked what had just replaced the
// audio on hold.
func (b *Bucket) Revert(ctx context.Context, key string, examined media.Object, size int64, aside func(context.Context, media.Object) error) error {
	versions, err := b.versions(ctx, key)
	if err != nil {
		return err
	}
	versions = slices.DeleteFunc(versions, func(v types.ObjectVersion) bool { return v.ETag == nil }) // delete markers
	newest := len(versions) - 1
	if newest < 0 || !aws.ToBool(versions[newest].IsLatest) || aws.ToString(versions[newest].ETag) != examined.ETag {
		return fmt.Errorf("%w: %s", media.ErrChanged, media.KeyText(key))
	}
	target := newest - 1
	for target >= 0 && size != 0 && aws.ToInt64(versions[target].Size) != size {
		target--
	}
	if target < 0 {
		return fmt.Errorf("%w: %s has no such earlier version", media.ErrNotFound, media.KeyText(key))
	}
	for i := newest; i > target; i-- {
		v := &versions[i]
		if err := aside(ctx, media.Object{ETag: aws.ToString(v.ETag), Size: aws.ToInt64(v.Size)}); err != nil {
			return err
		}
		if err := b.fail("reverting", key, b.send(ctx, b.deletion(v))); err != nil {
			return err
		}
	}
	return nil
}
