package s3server

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/backend/meta"
)

// attributes stores content types and ETags as files in a folder of their own,
// not beside the objects. The backend identifies a bucket by its path (see
// bucket). This type converts the path back to the name, so that the folder can
// be moved.
type attributes struct {
	files meta.SideCar
	root  string // the folder of the buckets
}

func newAttributes(root, dir string) (attributes, error) {
	files, err := meta.NewSideCar(dir)
	return attributes{files: files, root: root}, err
}

// name returns path relative to the folder of the buckets.
func (a attributes) name(path string) string {
	if rel, err := filepath.Rel(a.root, path); err == nil {
		return rel
	}
	return path
}

// RetrieveAttribute reads one attribute. If the object does not exist, neither
// do its attributes: the backend writes them first, and a crash before the
// object leaves an ETag without an object. With that ETag, every later
// conditional write would be rejected.
func (a attributes) RetrieveAttribute(f *os.File, bucket, object, attribute string) ([]byte, error) {
	if _, err := os.Lstat(filepath.Join(a.root, a.name(bucket), object)); errors.Is(err, fs.ErrNotExist) {
		return nil, meta.ErrNoSuchKey
	}
	return a.files.RetrieveAttribute(f, a.name(bucket), object, attribute)
}

// StoreAttribute writes one attribute.
func (a attributes) StoreAttribute(f *os.File, bucket, object, attribute string, value []byte) error {
	return a.files.StoreAttribute(f, a.name(bucket), object, attribute, value)
}

// DeleteAttribute removes one attribute.
func (a attributes) DeleteAttribute(bucket, object, attribute string) error {
	return a.files.DeleteAttribute(a.name(bucket), object, attribute)
}

// ListAttributes lists the names of an object's attributes.
func (a attributes) ListAttributes(bucket, object string) ([]string, error) {
	return a.files.ListAttributes(a.name(bucket), object)
}

// DeleteAttributes removes all attributes of an object.
func (a attributes) DeleteAttributes(bucket, object string) error {
	return a.files.DeleteAttributes(a.name(bucket), object)
}

// RenameObject moves the attributes of an object.
func (a attributes) RenameObject(bucket, oldObject, newObject string) error {
	return a.files.RenameObject(a.name(bucket), oldObject, newObject)
}
