package s3media

import (
	"context"
	"errors"
	"fmt"
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

// Revert makes the version before the examined object the current one; see
// [media.Reverter]. It goes past a lock of the examined version: a hold.Locker may have
// locked what had just replaced the audio on hold.
func (b *Bucket) Revert(ctx context.Context, key string, examined media.Object) error {
	versions, err := b.versions(ctx, key)
	if err != nil {
		return err
	}
	newest := -1
	for i := range versions {
		if versions[i].ETag != nil { // a delete marker has none
			newest = i
		}
	}
	switch {
	case newest < 0 || !aws.ToBool(versions[newest].IsLatest) || aws.ToString(versions[newest].ETag) != examined.ETag:
		return fmt.Errorf("%w: %s", media.ErrChanged, media.KeyText(key))
	case newest == 0:
		return fmt.Errorf("%w: %s has no earlier version", media.ErrNotFound, media.KeyText(key))
	}
	_, err = b.client.DeleteObject(ctx, b.deletion(&versions[newest]))
	return b.fail("reverting", key, err)
}
