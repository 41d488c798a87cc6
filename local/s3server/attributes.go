package s3server

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// attributes describe an object. They are stored as JSON at the end of its file,
// after the bytes. An object and its attributes are therefore written, replaced,
// renamed and removed together, and a copy of the file includes them.
type attributes struct {
	ETag     string    `json:"etag"`
	Modified time.Time `json:"modified"`
	// Headers are the upload's headers that answers repeat, such as Content-Type.
	Headers map[string]string `json:"headers,omitempty"`
	// Metadata is the client's metadata, without the prefix x-amz-meta-.
	Metadata map[string]string `json:"metadata,omitempty"`
	// Checksums has the checksum that the client sent, by its algorithm, in base64.
	// Composite is true if it is a checksum of the parts' checksums.
	Checksums map[string]string `json:"checksums,omitempty"`
	Composite bool              `json:"composite,omitempty"`
	Tagging   string            `json:"tagging,omitempty"`
	// CRC is the CRC-32C of the bytes, for check.
	CRC uint32 `json:"crc32c"`
	// Upload is the ID of the multipart upload that made the object.
	Upload string `json:"upload,omitempty"`
}

// The file of an object is its bytes, the attributes as JSON, and a fixed end: the
// number of bytes, the length of the JSON, the CRC-32C of the JSON, and endMark.
// Integers are big-endian.
const (
	endMark = "\x00s3obj1\n"
	endSize = 8 + 4 + 4 + len(endMark)
)

// defaultType is the content type of an object that was stored without one.
const defaultType = "binary/octet-stream"

// seal appends the attributes to a file of size bytes.
func seal(f *os.File, size int64, a attributes) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	end := binary.BigEndian.AppendUint64(text, uint64(size))
	end = binary.BigEndian.AppendUint32(end, uint32(len(text)))
	end = binary.BigEndian.AppendUint32(end, crc32.Checksum(text, castagnoli))
	_, err = f.WriteAt(append(end, endMark...), size)
	return err
}

// object is an open object. The caller must close its file.
type object struct {
	attributes
	file *os.File
	size int64
	// plain is true if the file contains no attributes: it was put into the folder by
	// hand, or an earlier version stored it.
	plain bool
}

// open opens the object of a key. Errors: NoSuchKey, and those of path.
func (d *disk) open(key string) (*object, error) {
	path, err := d.path(key)
	if err != nil {
		return nil, err
	}
	return d.openFile(path)
}

// openFile opens the object at path. Error: NoSuchKey.
func (d *disk) openFile(path string) (*object, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, errNoKey
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNoKey
	}
	o := &object{file: f}
	if err == nil {
		err = d.describe(o, path, info)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return o, nil
}

// describe reads the attributes of o.
func (d *disk) describe(o *object, path string, info fs.FileInfo) error {
	var end [endSize]byte
	if _, err := o.file.ReadAt(end[:], info.Size()-int64(endSize)); err == nil && string(end[16:]) == endMark {
		size, length := binary.BigEndian.Uint64(end[:]), binary.BigEndian.Uint32(end[8:])
		if uint64(info.Size()) == size+uint64(length)+uint64(endSize) {
			text := make([]byte, length)
			if _, err := o.file.ReadAt(text, int64(size)); err != nil {
				return err
			}
			if crc32.Checksum(text, castagnoli) == binary.BigEndian.Uint32(end[12:]) && json.Unmarshal(text, &o.attributes) == nil {
				o.size = int64(size)
				return nil
			}
		}
	}
	o.plain, o.size = true, info.Size()
	o.attributes = d.readFormer(path)
	o.Modified = info.ModTime()
	if o.ETag == "" {
		o.ETag = fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size())
	}
	return nil
}

// formerDir returns the folder in which an earlier version kept the attributes of
// the object at path, one file each.
func (d *disk) formerDir(path string) string {
	name, err := filepath.Rel(d.objects, path)
	if err != nil {
		name = filepath.Base(path) // impossible: every path is in the folder
	}
	return filepath.Join(d.former, name, "meta")
}

// readFormer reads the attributes that an earlier version stored.
func (d *disk) readFormer(path string) attributes {
	a := attributes{Headers: map[string]string{}}
	dir := d.formerDir(path)
	read := func(name string) string {
		text, _ := os.ReadFile(filepath.Join(dir, name)) //nolint:gosec // a path inside the bucket's folder; a missing attribute is ""
		return string(text)
	}
	a.ETag = read("etag")
	for _, name := range repeated {
		if v := read(strings.ToLower(name)); v != "" {
			a.Headers[name] = v
		}
	}
	_ = json.Unmarshal([]byte(read("metadata")), &a.Metadata)
	var sums struct{ CRC32, CRC32C, SHA1, SHA256, CRC64NVME *string }
	_ = json.Unmarshal([]byte(read("checksums")), &sums)
	a.Checksums = map[string]string{}
	for name, sum := range map[string]*string{
		"crc32": sums.CRC32, "crc32c": sums.CRC32C, "sha1": sums.SHA1, "sha256": sums.SHA256, "crc64nvme": sums.CRC64NVME,
	} {
		if sum != nil && *sum != "" {
			a.Checksums[name] = *sum
			a.Composite = strings.Contains(*sum, "-")
		}
	}
	return a
}

// removeFormer removes the attributes that an earlier version stored for the
// object at path.
func (d *disk) removeFormer(path string) error {
	dir := d.formerDir(path)
	if _, err := os.Lstat(dir); err != nil {
		return nil //nolint:nilerr // there are none
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	dir = filepath.Dir(dir)
	if err := d.syncDir(dir); err != nil {
		return err
	}
	for ; len(dir) > len(d.former) && os.Remove(dir) == nil; dir = filepath.Dir(dir) {
	}
	return nil
}

// sweepFormer removes attributes of an earlier version if their object does not
// exist, or has attributes of its own.
func (d *disk) sweepFormer() error {
	var paths []string
	err := filepath.WalkDir(d.former, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !e.IsDir() || e.Name() != "meta" {
			return err
		}
		name, err := filepath.Rel(d.former, filepath.Dir(path))
		if err == nil && name != "." {
			paths = append(paths, filepath.Join(d.objects, name))
		}
		return err
	})
	errs := []error{withoutPath(err), os.RemoveAll(filepath.Join(d.objects, ".sgwtmp"))} // its multipart uploads
	for _, path := range paths {
		o, err := d.openFile(path)
		if err == nil {
			_ = o.file.Close()
		}
		if errors.Is(err, errNoKey) || err == nil && !o.plain {
			errs = append(errs, withoutPath(d.removeFormer(path)))
		}
	}
	return errors.Join(errs...)
}

// check reads the whole object. ok is false if its bytes differ from the uploaded
// ones. A file without attributes is ok unless all its bytes are zero. A power cut
// leaves a file of zeros if the file was never synced.
func (o *object) check() (ok bool, err error) {
	sum, zeros := crc32.New(castagnoli), &zeroCounter{}
	if _, err := io.Copy(io.MultiWriter(sum, zeros), io.NewSectionReader(o.file, 0, o.size)); err != nil {
		return false, err
	}
	if o.plain {
		return o.size == 0 || zeros.n < o.size, nil
	}
	return sum.Sum32() == o.CRC, nil
}

// zeroCounter counts the zero bytes that are written to it.
type zeroCounter struct{ n int64 }

// Write counts the zero bytes of p.
func (z *zeroCounter) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == 0 {
			z.n++
		}
	}
	return len(p), nil
}

// quoted returns an ETag for an MD5 in quotes.
func quoted(md5 []byte) string { return `"` + hex.EncodeToString(md5) + `"` }
