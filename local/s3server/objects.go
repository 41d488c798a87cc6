package s3server

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/s3response"
)

// The operations on objects. Each replaces the bucket's name with its path in the
// input, and restores the name in the output if it is there.

// PutObject stores an object.
func (b *bucket) PutObject(ctx context.Context, in s3response.PutObjectInput) (out s3response.PutObjectOutput, err error) {
	if in.Bucket, err = b.at(in.Bucket); err != nil {
		return out, err
	}
	if out, err = b.disk.PutObject(ctx, in); err == nil {
		b.created(ctx, *in.Key, out.ETag)
	}
	return out, err
}

// CopyObject copies an object and its content type within the bucket. It does not
// use the backend's own method, which would misread the path that stands for the
// bucket.
func (b *bucket) CopyObject(ctx context.Context, in s3response.CopyObjectInput) (out s3response.CopyObjectOutput, err error) {
	from, key, _, err := backend.ParseCopySource(aws.ToString(in.CopySource))
	if err != nil {
		return out, err
	}
	source, err := b.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &from, Key: &key, Range: new(string), VersionId: new(string), IfMatch: in.CopySourceIfMatch,
	})
	if err != nil {
		return out, err
	}
	defer source.Body.Close() //nolint:errcheck // either it has been read, or the copy has failed
	copied, err := b.PutObject(ctx, s3response.PutObjectInput{
		Bucket: in.Bucket, Key: in.Key, Body: source.Body, ContentType: source.ContentType, ContentLength: source.ContentLength,
	})
	if err != nil {
		return out, err
	}
	out.CopyObjectResult = &s3response.CopyObjectResult{ETag: &copied.ETag}
	return out, nil
}

// HeadObject describes an object.
func (b *bucket) HeadObject(ctx context.Context, in *s3.HeadObjectInput) (out *s3.HeadObjectOutput, err error) {
	args := *in
	if args.Bucket, err = b.at(in.Bucket); err != nil {
		return out, err
	}
	return b.disk.HeadObject(ctx, &args)
}

// GetObject reads an object or a part of it.
func (b *bucket) GetObject(ctx context.Context, in *s3.GetObjectInput) (out *s3.GetObjectOutput, err error) {
	args := *in
	if args.Bucket, err = b.at(in.Bucket); err != nil {
		return out, err
	}
	return b.disk.GetObject(ctx, &args)
}

// DeleteObject deletes an object.
func (b *bucket) DeleteObject(ctx context.Context, in *s3.DeleteObjectInput) (out *s3.DeleteObjectOutput, err error) {
	args := *in
	if args.Bucket, err = b.at(in.Bucket); err != nil {
		return out, err
	}
	return b.disk.DeleteObject(ctx, &args)
}

// ListObjectsV2 lists objects.
func (b *bucket) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input) (out s3response.ListObjectsV2Result, err error) {
	args := *in
	if args.Bucket, err = b.at(in.Bucket); err != nil {
		return out, err
	}
	out, err = b.disk.ListObjectsV2(ctx, &args)
	out.Name = &b.name
	return out, err
}

// CreateMultipartUpload begins an upload in parts.
func (b *bucket) CreateMultipartUpload(ctx context.Context, in s3response.CreateMultipartUploadInput) (out s3response.InitiateMultipartUploadResult, err error) {
	if in.Bucket, err = b.at(in.Bucket); err != nil {
		return out, err
	}
	out, err = b.disk.CreateMultipartUpload(ctx, in)
	out.Bucket = b.name
	return out, err
}

// UploadPart stores a part.
func (b *bucket) UploadPart(ctx context.Context, in *s3.UploadPartInput) (out *s3.UploadPartOutput, err error) {
	args := *in
	if args.Bucket, err = b.at(in.Bucket); err != nil {
		return out, err
	}
	return b.disk.UploadPart(ctx, &args)
}

// AbortMultipartUpload deletes the parts of an upload.
func (b *bucket) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput) error {
	args := *in
	path, err := b.at(in.Bucket)
	if err != nil {
		return err
	}
	args.Bucket = path
	return b.disk.AbortMultipartUpload(ctx, &args)
}

// ListMultipartUploads lists the uploads in progress.
func (b *bucket) ListMultipartUploads(ctx context.Context, in *s3.ListMultipartUploadsInput) (out s3response.ListMultipartUploadsResult, err error) {
	args := *in
	if args.Bucket, err = b.at(in.Bucket); err != nil {
		return out, err
	}
	out, err = b.disk.ListMultipartUploads(ctx, &args)
	out.Bucket = b.name
	return out, err
}

// CompleteMultipartUpload makes an object from its parts.
func (b *bucket) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (
	out s3response.CompleteMultipartUploadResult, version string, err error,
) {
	args := *in
	if args.Bucket, err = b.at(in.Bucket); err != nil {
		return out, "", err
	}
	out, version, err = b.disk.CompleteMultipartUpload(ctx, &args)
	out.Bucket = &b.name
	if err == nil {
		b.created(ctx, *in.Key, aws.ToString(out.ETag))
	}
	return out, version, err
}
