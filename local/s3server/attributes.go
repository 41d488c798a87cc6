package s3server

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/versity/versitygw/backend/meta"
)

// attributes keeps types and ETags in files beside the objects, in a folder of
// their own. The backend names a bucket by its path (see bucket); here it goes
// by its name again, so that the folder can be moved.
type attributes struct {
	files meta.SideCar
	root  string // the folder of the buckets
}

func newAttributes(root, dir string) (attributes, error) {
	files, err := meta.NewSideCar(dir)
	return attributes{files: files, root: root}, err
}

// name is path as seen from the folder of the buckets.
func (a attributes) name(path string) string {
	if rel, err := filepath.Rel(a.root, path); err == nil {
		return rel
	}
	return path
}

// RetrieveAttribute reads one attribute. An object has none before it is there:
// the backend writes attributes first, and whoever dies between the two leaves
// an ETag of nothing, by which a conditional write would be refused for ever.
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

// ListAttributes names the attributes of an object.
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
