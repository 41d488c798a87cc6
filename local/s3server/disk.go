package s3server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"
)

// Only the owner of the folder may read recordings.
const (
	dirPerm  = 0o700
	filePerm = 0o600
)

const (
	// maxKey is S3's limit for a key, maxName that of most file systems for a
	// name, both in bytes.
	maxKey, maxName = 1024, 255
	// attempts is the maximum number of tries to move a file into a folder that other
	// requests may remove at the same time.
	attempts = 100
)

// How long unfinished files are kept after their last change. The server removes them
// every hour.
const (
	// TemporaryTime is that of a temporary file. An upload that pauses for ioTimeout is
	// cut off, so the file of a running upload is newer.
	TemporaryTime = 2 * ioTimeout
	// UploadTime is that of a multipart upload.
	UploadTime = 48 * time.Hour
)

// disk stores objects as files, durably: when a method returns nil, its change
// survives a power cut.
type disk struct {
	// objects is the folder of the bucket, temporary that of unfinished files,
	// uploads that of unfinished multipart uploads. former holds the attributes
	// of objects that an earlier version stored.
	objects, temporary, uploads, former string
	// locks is the folder of the locks of objects.
	locks string
	// sync syncs a file or a folder to the disk. Tests replace it.
	sync func(*os.File) error
	// synced contains the folders that are known to be on the disk.
	mu     sync.Mutex
	synced map[string]bool
	// changing serializes conditional changes to the same path.
	changing [64]sync.Mutex
}

// openDisk creates the folders under dir, accessible only to their owner.
func openDisk(dir, bucket string, sync func(*os.File) error) (*disk, error) {
	d := &disk{
		objects: filepath.Join(dir, "objects", bucket), temporary: filepath.Join(dir, "tmp"), uploads: filepath.Join(dir, "uploads"),
		former: filepath.Join(dir, "attributes", bucket), locks: filepath.Join(dir, "locks", bucket), sync: sync, synced: map[string]bool{},
	}
	for _, path := range []string{d.objects, d.temporary, d.uploads} {
		if err := os.MkdirAll(path, dirPerm); err != nil {
			return nil, err
		}
		for ; ; path = filepath.Dir(path) { // up to the parent of dir, because that may be new, too
			if err := d.syncDir(path); err != nil {
				return nil, err
			}
			if path == filepath.Dir(dir) || path == filepath.Dir(path) {
				break
			}
			d.synced[path] = true
		}
	}
	return d, nil
}

// escaped marks a segment of a key that cannot be the name of a file.
const escaped = "%."

// path returns the path of a key's file: the key itself under the folder of the
// bucket, except that an empty segment, "." and ".." are escaped, as is a segment
// that looks escaped. No two keys therefore share a file. Errors: KeyTooLongError,
// InvalidURI.
func (d *disk) path(key string) (string, error) {
	if len(key) > maxKey {
		return "", errKeyTooLong
	}
	if key == "" || !utf8.ValidString(key) || strings.ContainsRune(key, 0) {
		return "", errURI
	}
	names := strings.Split(key, "/")
	for i, name := range names {
		if name == "" || name == "." || name == ".." || strings.HasPrefix(name, escaped) {
			names[i] = escaped + name
		}
		if len(names[i]) > maxName {
			return "", errKeyTooLong
		}
	}
	name := filepath.FromSlash(strings.Join(names, "/"))
	if !filepath.IsLocal(name) { // for example "C:" on Windows
		return "", errURI
	}
	return filepath.Join(d.objects, name), nil
}

// segment returns the segment of a key that is stored under a file name.
func segment(name string) string { return strings.TrimPrefix(name, escaped) }

// create makes a temporary file. The caller must publish or discard it.
func (d *disk) create() (*os.File, error) {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return os.OpenFile(filepath.Join(d.temporary, hex.EncodeToString(b)), os.O_RDWR|os.O_CREATE|os.O_EXCL, filePerm)
}

// discard removes a temporary file. After publish, it does nothing.
func discard(f *os.File) {
	_ = f.Close()
	_ = os.Remove(f.Name()) // if it stays, sweep removes it
}

// condition checks the object that a request replaces or deletes. existing is nil if
// the object does not exist. A nil condition always holds.
type condition func(existing *attributes) error

// publish syncs the temporary file f to the disk and moves it to path. Readers see
// either the complete old file or the complete new one. If fresh is true, publish
// fails if path already exists, even if another process creates it at the same time.
func (d *disk) publish(f *os.File, path string, fresh bool, check condition) error {
	if err := errors.Join(d.sync(f), f.Close()); err != nil {
		return err
	}
	lock := &d.changing[hashOf(path)%uint32(len(d.changing))]
	lock.Lock()
	defer lock.Unlock()
	if err := d.checkLock(path); err != nil {
		return err
	}
	if check != nil {
		if err := d.check(path, check); err != nil {
			return err
		}
	}
	move := os.Rename
	if fresh {
		move = moveNew
	}
	dir := filepath.Dir(path)
	for n := 1; ; n++ {
		if err := d.ensure(dir); err != nil {
			return folderError(err)
		}
		err := move(f.Name(), path)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || n == attempts {
			return folderError(err)
		}
		d.forget(dir) // another request has removed the empty folder
	}
	if err := d.removeFormer(path); err != nil {
		return err
	}
	return d.syncDir(dir)
}

// check applies a condition to the object at path.
func (d *disk) check(path string, check condition) error {
	o, err := d.openFile(path)
	if errors.Is(err, errNoKey) {
		return check(nil)
	}
	if err != nil {
		return err
	}
	defer o.file.Close() //nolint:errcheck // it was only read
	return check(&o.attributes)
}

// moveNew moves a file to a path. It fails if the path already exists.
func moveNew(from, to string) error {
	err := os.Link(from, to) // unlike a rename, a link never replaces a file
	if errors.Is(err, fs.ErrExist) {
		return errPrecondition
	}
	if err == nil {
		_ = os.Remove(from) // if it stays, sweep removes it
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Some file systems do not support hard links. On those, two processes could
	// both succeed; within this process, the lock of publish prevents that.
	if _, err := os.Lstat(to); err == nil {
		return errPrecondition
	}
	return os.Rename(from, to)
}

// folderError translates the file system's errors for a key that is a folder of
// another key.
func folderError(err error) error {
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, fs.ErrExist) {
		return errFolder
	}
	return err
}

// ensure creates a folder and its parents, and syncs their names to the disk, once
// for each folder.
func (d *disk) ensure(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ensureLocked(dir)
}

func (d *disk) ensureLocked(dir string) error {
	if d.synced[dir] {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := d.ensureLocked(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, dirPerm); err != nil && !isDir(dir) {
		if errors.Is(err, fs.ErrNotExist) { // the folder above was removed
			delete(d.synced, parent)
			return d.ensureLocked(dir)
		}
		return err
	}
	if err := d.syncDir(parent); err != nil {
		return err
	}
	d.synced[dir] = true
	return nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// forget makes ensure create a folder and its parents again.
func (d *disk) forget(dir string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ; len(dir) > len(d.objects); dir = filepath.Dir(dir) {
		delete(d.synced, dir)
	}
}

// remove deletes the file at path, if it exists, and all of its attributes. A write
// that replaces the file between the check and the deletion stays, even that of another
// process, such as an import into the same folder. Error: errPrecondition in that case,
// errLocked if the object is locked and bypass is false.
func (d *disk) remove(path string, bypass bool, check condition) error {
	checked, _ := os.Lstat(path)
	lock := &d.changing[hashOf(path)%uint32(len(d.changing))]
	lock.Lock()
	defer lock.Unlock()
	if check != nil {
		if err := d.check(path, check); err != nil {
			return err
		}
	}
	if !bypass {
		if err := d.checkLock(path); err != nil {
			return err
		}
	}
	if err := d.removeFormer(path); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), err == nil && info.IsDir():
		return nil
	case err != nil:
		return err
	}
	if check == nil {
		err = os.Remove(path)
	} else {
		err = d.removeSame(path, checked)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	if err := d.syncDir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := d.removeLock(path); err != nil {
		return err
	}
	for ; len(dir) > len(d.objects); dir = filepath.Dir(dir) {
		if !d.removeEmpty(dir) {
			break
		}
	}
	return nil
}

// removeSame deletes the file at path if it is the checked file. It moves the file
// away before it compares them, because no other process can replace it there. Another
// file is moved back. Error: errPrecondition if the file is another one.
func (d *disk) removeSame(path string, checked fs.FileInfo) error {
	f, err := d.create()
	if err != nil {
		return err
	}
	file := f.Name()
	if err := errors.Join(f.Close(), os.Rename(path, file)); err != nil {
		_ = os.Remove(file)
		return err
	}
	moved, err := os.Lstat(file)
	if err == nil && checked != nil && os.SameFile(moved, checked) && moved.ModTime().Equal(checked.ModTime()) {
		return os.Remove(file)
	}
	if back := moveNew(file, path); back != nil && !errors.Is(back, errPrecondition) {
		return errors.Join(err, back)
	}
	_ = os.Remove(file) // left only if yet another write has come to path
	return errPrecondition
}

// removeEmpty removes a folder if it is empty, and reports whether it did.
func (d *disk) removeEmpty(dir string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if os.Remove(dir) != nil {
		return false
	}
	delete(d.synced, dir)
	return true
}

// syncDir syncs the names in a folder to the disk.
func (d *disk) syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil // Windows cannot sync a folder
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	if err := d.sync(f); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		return err // some network file systems cannot sync a folder
	}
	return nil
}

// sweep removes temporary files of crashed uploads, and multipart uploads that have
// not changed for UploadTime.
func (d *disk) sweep(now time.Time) error {
	return errors.Join(sweepFolder(d.temporary, now.Add(-TemporaryTime)), sweepFolder(d.uploads, now.Add(-UploadTime)))
}

// sweepFolder removes the entries of dir that last changed before the given time.
func sweepFolder(dir string, before time.Time) error {
	entries, err := os.ReadDir(dir)
	errs := []error{err}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().Before(before) {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// hashOf distributes paths over locks (FNV-1a).
func hashOf(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}
