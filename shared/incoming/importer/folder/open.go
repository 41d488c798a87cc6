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

	"github.com/callrecordings/api/shared/incoming/importer"
)

// Reasons why a file cannot be opened.
var (
	errNoAudioFile = errors.New("there is no file for it")
	errNotThere    = errors.New("the file that its document names does not exist")
	errNew         = errors.New("it was written just now, and may be incomplete")
	errChanged     = errors.New("it is being changed")
	errLink        = fmt.Errorf("%w: it is not a regular file any more", importer.ErrRefused)
)

// Open opens the file of an item and reads it once, for its checksum; see
// importer.Source. If the file is being changed, a retry may succeed. The error is
// importer.ErrRefused if the file differs from its exported document. If such a
// file is missing, the error is not importer.ErrGone, since the document lists the
// file.
func (s Source) Open(ctx context.Context, it *importer.Item) (*importer.Audio, error) {
	o, ok := it.Ref.(*origin)
	if !ok {
		return nil, fmt.Errorf("%w: %w", importer.ErrGone, errNoAudioFile)
	}
	f, info, err := s.open(o)
	switch {
	case errors.Is(err, importer.ErrGone) && o.exported:
		return nil, errNotThere
	case err != nil:
		return nil, err
	}
	if !o.exported && s.unsettled(info) {
		_ = f.Close() // unused
		return nil, errNew
	}
	a, err := o.hash(ctx, f, info)
	if err != nil {
		_ = f.Close() // read-only
		return nil, err
	}
	return a, nil
}

// unsettled reports whether a file is so new that the PBX may still be writing it,
// because the call is in progress. A watch has its own check.
func (s Source) unsettled(info fs.FileInfo) bool {
	if s.Watch || s.Now == nil {
		return false
	}
	age := s.Now().Sub(info.ModTime())
	return 0 <= age && age < cmp.Or(s.Settle, DefaultSettle)
}

// open opens a regular file. Errors: importer.ErrGone, ErrRefused, ErrStop,
// others.
func (s Source) open(o *origin) (*os.File, fs.FileInfo, error) {
	name, examine := s.path(o.name), os.Lstat
	if o.link {
		examine = os.Stat
	}
	listed, err := examine(name)
	if err == nil && !listed.Mode().IsRegular() {
		return nil, nil, errLink
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.checkRoot(); err != nil { // for example, a network share is gone
			return nil, nil, err
		}
		return nil, nil, fmt.Errorf("%w: %w", importer.ErrGone, errNoAudioFile)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open the file: %w", cause(err))
	}
	info, err := f.Stat()
	if err == nil && !os.SameFile(listed, info) {
		err = errChanged
	}
	if err != nil {
		_ = f.Close() // unused
		return nil, nil, fmt.Errorf("open the file: %w", cause(err))
	}
	return f, info, nil
}

// hash reads the whole file and compares it with its expected size and checksum.
func (o *origin) hash(ctx context.Context, f *os.File, info fs.FileInfo) (*importer.Audio, error) {
	size := info.Size()
	if o.sized && size != o.size {
		if o.exported {
			return nil, fmt.Errorf("%w: it has %d bytes, but %d were exported", importer.ErrRefused, size, o.size)
		}
		return nil, errChanged
	}
	sum := sha256.New()
	n, err := io.Copy(sum, &contextReader{ctx: ctx, Reader: f})
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
		return nil, fmt.Errorf("%w: its checksum differs from the exported one", importer.ErrRefused)
	}
	return a, nil
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context // the reader is used only within one call
	io.Reader
}

// Read fails once the context has ended.
func (p *contextReader) Read(b []byte) (int, error) {
	if p.ctx.Err() != nil {
		return 0, context.Cause(p.ctx)
	}
	return p.Reader.Read(b)
}
