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

// Only the owner of the folder may read recordings.
const (
	dirPerm  = 0o700
	filePerm = 0o600
)

// bucket serves one bucket from one folder, through versitygw's POSIX backend.
//
// The backend changes the working directory of the whole process to its root,
// and looks for a bucket by its name in there. If its root is the current
// working directory, that changes nothing; and if a bucket's name is an absolute
// path, the backend works in that path. So this type passes paths as names, and
// replaces them with the name in responses. It does not implement features that
// the service's bucket never uses, such as versions, policies and tags.
type bucket struct {
	backend.BackendUnsupported
	disk *posix.Posix
	name string
	path string
	acl  []byte
	// created is called for every new object.
	created func(ctx context.Context, key, etag string)
}

// newBucket opens the backend on the folder objects, with attributes in the
// folder attributes.
func newBucket(name, objects, attributes, owner string, created func(ctx context.Context, key, etag string)) (*posix.Posix, *bucket, error) {
	files, err := newAttributes(objects, attributes)
	if err != nil {
		return nil, nil, err
	}
	// Locks across processes would put lock files into the working directory.
	// They only matter for conditional writes.
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

// at checks the name of a bucket and returns the path that the backend needs.
func (b *bucket) at(name *string) (*string, error) {
	if name == nil || *name != b.name {
		requested := ""
		if name != nil {
			requested = *name
		}
		return nil, s3err.GetBucketErr(s3err.ErrNoSuchBucket, requested)
	}
	return &b.path, nil
}

// String returns the name of the backend.
func (b *bucket) String() string { return "one bucket" }

// NormalizeObjectKey returns the key as the file system stores it.
func (b *bucket) NormalizeObjectKey(_, object string) string {
	return b.disk.NormalizeObjectKey(b.path, object)
}

// HeadBucket confirms that the bucket exists.
func (b *bucket) HeadBucket(_ context.Context, in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	if _, err := b.at(in.Bucket); err != nil {
		return nil, err
	}
	return &s3.HeadBucketOutput{}, nil
}

// GetBucketAcl returns an ACL that makes the holder of the key pair the owner.
func (b *bucket) GetBucketAcl(_ context.Context, in *s3.GetBucketAclInput) ([]byte, error) {
	if _, err := b.at(in.Bucket); err != nil {
		return nil, err
	}
	return b.acl, nil
}

// GetBucketCors returns the CORS rules of the contract.
func (b *bucket) GetBucketCors(_ context.Context, name string) ([]byte, error) {
	if _, err := b.at(&name); err != nil {
		return nil, err
	}
	return cors, nil
}

// GetBucketPolicy reports that the bucket has no policy.
func (b *bucket) GetBucketPolicy(_ context.Context, name string) ([]byte, error) {
	return nil, s3err.GetBucketErr(s3err.ErrNoSuchBucketPolicy, name)
}

// GetBucketVersioning reports that the bucket has never been versioned.
func (b *bucket) GetBucketVersioning(context.Context, string) (s3response.GetBucketVersioningOutput, error) {
	return s3response.GetBucketVersioningOutput{}, nil
}

// GetObjectLockConfiguration reports that the bucket has no object locks.
func (b *bucket) GetObjectLockConfiguration(_ context.Context, name string) ([]byte, error) {
	return nil, s3err.GetBucketErr(s3err.ErrObjectLockConfigurationNotFound, name)
}
