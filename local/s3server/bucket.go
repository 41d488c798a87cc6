package s3server

import (
	"context"
	"encoding/json"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3err"
	"github.com/versity/versitygw/s3response"
)

// Nobody but the owner of the folder reads recordings.
const (
	dirPerm  = 0o700
	filePerm = 0o600
)

// bucket serves one bucket from one folder, over versitygw's POSIX backend.
//
// That backend finds a bucket at its name relative to the working directory,
// which it changes for the whole process. Given the working directory itself
// as its root it changes nothing, and given an absolute path for a name it
// works there. So this type hands it paths and takes them out of its answers.
// What a bucket of ours never has (versions, policies, tags …) is not passed on.
type bucket struct {
	backend.BackendUnsupported
	disk *posix.Posix
	name string
	path string
	acl  []byte
	// created is told of every new object.
	created func(ctx context.Context, key, etag string)
}

func newBucket(name, objects, attributes, owner string, created func(ctx context.Context, key, etag string)) (*posix.Posix, *bucket, error) {
	files, err := newAttributes(objects, attributes)
	if err != nil {
		return nil, nil, err
	}
	// Locking across processes would put lock files under the root, which is
	// not ours; it serves conditional writes only.
	opts := posix.PosixOpts{ForceNoObjLockFile: true}
	opts.SetNewDirPerm(dirPerm)
	opts.SetNewFilePerm(filePerm)
	disk, err := posix.New(".", files, opts)
	if err != nil {
		return nil, nil, err
	}
	acl, err := json.Marshal(auth.ACL{Owner: owner})
	if err != nil {
		return nil, nil, err
	}
	return disk, &bucket{disk: disk, name: name, path: filepath.Join(objects, name), acl: acl, created: created}, nil
}

// at checks the name of a bucket and returns its path for the backend.
func (b *bucket) at(name *string) (*string, error) {
	if name == nil || *name != b.name {
		asked := ""
		if name != nil {
			asked = *name
		}
		return nil, s3err.GetBucketErr(s3err.ErrNoSuchBucket, asked)
	}
	return &b.path, nil
}

// String names the backend.
func (b *bucket) String() string { return "one bucket" }

// NormalizeObjectKey says which key the file system makes of object.
func (b *bucket) NormalizeObjectKey(_, object string) string {
	return b.disk.NormalizeObjectKey(b.path, object)
}

// HeadBucket tells that the bucket is there.
func (b *bucket) HeadBucket(_ context.Context, in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	if _, err := b.at(in.Bucket); err != nil {
		return nil, err
	}
	return &s3.HeadBucketOutput{}, nil
}

// GetBucketAcl gives the bucket to the owner of the key pair.
func (b *bucket) GetBucketAcl(_ context.Context, in *s3.GetBucketAclInput) ([]byte, error) {
	if _, err := b.at(in.Bucket); err != nil {
		return nil, err
	}
	return b.acl, nil
}

// GetBucketCors gives the contract's CORS.
func (b *bucket) GetBucketCors(_ context.Context, name string) ([]byte, error) {
	if _, err := b.at(&name); err != nil {
		return nil, err
	}
	return cors, nil
}

// GetBucketPolicy says that there is none.
func (b *bucket) GetBucketPolicy(_ context.Context, name string) ([]byte, error) {
	return nil, s3err.GetBucketErr(s3err.ErrNoSuchBucketPolicy, name)
}

// GetBucketVersioning says that there never were versions.
func (b *bucket) GetBucketVersioning(context.Context, string) (s3response.GetBucketVersioningOutput, error) {
	return s3response.GetBucketVersioningOutput{}, nil
}

// GetObjectLockConfiguration says that no object is locked.
func (b *bucket) GetObjectLockConfiguration(_ context.Context, name string) ([]byte, error) {
	return nil, s3err.GetBucketErr(s3err.ErrObjectLockConfigurationNotFound, name)
}
