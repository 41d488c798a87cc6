package folder

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"callrecordings/shared/incoming/importer"
)

// Why a file is not opened.
var (
	errNoSound  = errors.New("there is no file of it")
	errNotThere = errors.New("the file that its document names is not there")
	errNew      = errors.New("it was written just now, and may not be whole")
	errChanged  = errors.New("it is being changed")
	errLink     = fmt.Errorf("%w: it is no regular file any more", importer.ErrRefused)
)

// Open opens the file of an item and reads it once, for its checksum; see
// importer.Source. A file that is being changed is an error that may pass; one
// that is not what its document vouches for is importer.ErrRefused, and one that
// a document vouches for is never just gone.
func (s Source) Open(ctx context.Context, it *importer.Item) (*importer.Audio, error) {
	o, ok := it.Ref.(*origin)
	if !ok {
		return nil, fmt.Errorf("%w: %w", importer.ErrGone, errNoSound)
	}
	f, info, err := s.open(o.name)
	switch {
	case errors.Is(err, importer.ErrGone) && o.vouched:
		return nil, errNotThere
	case err != nil:
		return nil, err
	}
	if !o.vouched && s.unsettled(info) {
		_ = f.Close() // nothing was read
		return nil, errNew
	}
	a, err := o.hash(ctx, f, info)
	if err != nil {
		_ = f.Close() // it was only read
		return nil, err
	}
	return a, nil
}

// unsettled reports whether a file is so new that somebody may still write it: a
// call may be in progress. A watch has looked itself.
func (s Source) unsettled(info fs.FileInfo) bool {
	if s.Watch || s.Now == nil {
		return false
	}
	age := s.Now().Sub(info.ModTime())
	return 0 <= age && age < cmp.Or(s.Settle, DefaultSettle)
}

// open opens a regular file. Errors: importer.ErrGone, ErrRefused, ErrStop,
// others.
func (s Source) open(name string) (*os.File, fs.FileInfo, error) {
	listed, err := os.Lstat(s.path(name))
	if err == nil && !listed.Mode().IsRegular() {
		return nil, nil, errLink
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(s.path(name))
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.reach(); err != nil { // as when a share was taken away
			return nil, nil, err
		}
		return nil, nil, fmt.Errorf("%w: %w", importer.ErrGone, errNoSound)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open the file: %w", cause(err))
	}
	info, err := f.Stat()
	if err == nil && !os.SameFile(listed, info) {
		err = errChanged
	}
	if err != nil {
		_ = f.Close() // nothing was read
		return nil, nil, fmt.Errorf("open the file: %w", cause(err))
	}
	return f, info, nil
}

// hash reads a file through, and compares it with what is expected.
func (o *origin) hash(ctx context.Context, f *os.File, info fs.FileInfo) (*importer.Audio, error) {
	size := info.Size()
	if o.sized && size != o.size {
		if o.vouched {
			return nil, fmt.Errorf("%w: it has %d bytes, %d were exported", importer.ErrRefused, size, o.size)
		}
		return nil, errChanged
	}
	sum := sha256.New()
	n, err := io.Copy(sum, &patient{ctx: ctx, Reader: f})
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", cause(err))
	}
	after, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", cause(err))
	}
	if n != size || after.Size() != size || !after.ModTime().Equal(info.ModTime()) {
		return nil, errChanged
	}
	a := &importer.Audio{ReaderAt: f, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)), Close: f.Close}
	if o.sha256 != "" && o.sha256 != a.SHA256 {
		return nil, fmt.Errorf("%w: it has another checksum than what was exported", importer.ErrRefused)
	}
	return a, nil
}

// patient reads for as long as somebody waits.
type patient struct {
	ctx context.Context // it lives for one read
	io.Reader
}

// Read ends with the context.
func (p *patient) Read(b []byte) (int, error) {
	if p.ctx.Err() != nil {
		return 0, context.Cause(p.ctx)
	}
	return p.Reader.Read(b)
}
