package s3media

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/callrecordings/api/shared/media"
)

// noVersion is the version ID of an object in a bucket without versioning.
const noVersion = "null"

// Purge deletes every version of the objects at keys; see [media.Purger]. The oldest
// version of an object goes first and its delete markers go last, so that no older version
// becomes the current one. Locks in governance mode do not stop it: a tombstone is only written
// if no hold covers the recording, but the lock of an earlier hold may still be there.
func (b *Bucket) Purge(ctx context.Context, keys []string, confirm func(context.Context) error) error {
	var all []types.ObjectVersion
	for _, key := range keys {
		versions, err := b.versions(ctx, key)
		if err != nil {
			return err
		}
		all = append(all, versions...)
	}
	if confirm != nil {
		if err := confirm(ctx); err != nil {
			return err
		}
	}
	for i := range all {
		if err := b.removeVersion(ctx, &all[i]); err != nil {
			return err
		}
	}
	return nil
}

// versions lists the versions of an object, the oldest first, and then its delete markers.
// The keys that it is a prefix of follow it in S3's list.
func (b *Bucket) versions(ctx context.Context, key string) ([]types.ObjectVersion, error) {
	var versions, markers []types.ObjectVersion
	in := &s3.ListObjectVersionsInput{Bucket: &b.name, Prefix: &key}
	for {
		out, err := b.client.ListObjectVersions(ctx, in)
		if err = b.fail("listing the versions of", key, err); err != nil {
			return nil, err
		}
		for i := range out.Versions {
			if v := out.Versions[i]; aws.ToString(v.Key) == key {
				versions = append(versions, v)
			}
		}
		for _, m := range out.DeleteMarkers {
			if aws.ToString(m.Key) == key {
				markers = append(markers, types.ObjectVersion{Key: m.Key, VersionId: m.VersionId})
			}
		}
		if !aws.ToBool(out.IsTruncated) || aws.ToString(out.NextKeyMarker) != key {
			break
		}
		in.KeyMarker, in.VersionIdMarker = out.NextKeyMarker, out.NextVersionIdMarker
	}
	slices.Reverse(versions) // S3 lists the newest first
	slices.Reverse(markers)
	return append(versions, markers...), nil
}

// deletion returns the request that deletes one version.
func (b *Bucket) deletion(v *types.ObjectVersion) *s3.DeleteObjectInput {
	return &s3.DeleteObjectInput{Bucket: &b.name, Key: v.Key, VersionId: v.VersionId}
}

// send sends the deletion of one version. If the bucket refuses it, the version may be locked,
// so send repeats it past a lock in governance mode. It does not ask for that at once: a bucket
// without Object Lock answers 400 to such a request, and S3 wants a right for each.
func (b *Bucket) send(ctx context.Context, in *s3.DeleteObjectInput) error {
	_, err := b.client.DeleteObject(ctx, in)
	if !refused(err) {
		return err
	}
	in.BypassGovernanceRetention = aws.Bool(true)
	_, past := b.client.DeleteObject(ctx, in)
	if statusOf(past) == http.StatusBadRequest { // no Object Lock: the first answer has the reason
		return err
	}
	return past
}

// refused reports whether the bucket has refused to delete a version. S3 answers AccessDenied if
// the version is locked, and also if a right is missing. MinIO answers InvalidRequest.
func refused(err error) bool {
	code := codeOf(err)
	return code == "AccessDenied" || code == "InvalidRequest"
}

// removeVersion deletes one version. Without versioning, an object that was stored since
// has the same version ID, so S3 compares its ETag; see RemoveIf.
func (b *Bucket) removeVersion(ctx context.Context, v *types.ObjectVersion) error {
	in := b.deletion(v)
	if aws.ToString(v.VersionId) == noVersion && v.ETag != nil {
		in.IfMatch = v.ETag
		if b.timed {
			in.IfMatchLastModifiedTime = v.LastModified
		}
	}
	err := b.send(ctx, in)
	if unsupported(err) {
		in.IfMatch, in.IfMatchLastModifiedTime = nil, nil
		err = b.send(ctx, in)
	}
	err = b.fail("removing a version of", aws.ToString(v.Key), err)
	if errors.Is(err, media.ErrNotFound) || errors.Is(err, media.ErrChanged) {
		return nil
	}
	return err
}
