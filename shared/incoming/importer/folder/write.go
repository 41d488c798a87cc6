package folder

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"callrecordings/shared/media"
	"callrecordings/shared/recording"
	"callrecordings/shared/store"
)

// Recordings are for their owner's eyes only.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

// extensionOf returns the extension of the files of a media type, with its dot.
// It is ".bin" unless the format is accepted.
func extensionOf(contentType string) string {
	if name, ok := recording.AudioType(contentType); ok {
		return "." + recording.AudioExtension(name)
	}
	return ".bin"
}

// Why a recording is not written.
var (
	errTaken    = errors.New("another recording has that file: the ids differ by upper and lower case alone, and the file system does not tell them apart")
	errSize     = errors.New("its audio has another size than the recording says")
	errChecksum = errors.New("its audio has another checksum than the recording says")
)

// writing is one recording on its way.
type writing struct {
	*exporting
	rec *recording.Recording
	dir string
	// base is the path without an extension.
	base string
	// old is what an export has written before, and its text; nil for none.
	old     *document
	oldText []byte
	fetched bool // its audio was
	done    Exported
}

// write writes a recording.
func (x *exporting) write(ctx context.Context, r *recording.Recording) (Exported, error) {
	if _, err := recording.ParseID(r.ID); err != nil { // it becomes a path
		return Exported{}, err
	}
	w := &writing{exporting: x, rec: r}
	w.dir = filepath.Join(x.Root, r.ID[:len("YYYYMM")])
	w.base = filepath.Join(w.dir, r.ID)
	if err := os.MkdirAll(w.dir, dirMode); err != nil {
		return Exported{}, fmt.Errorf("make a folder: %w", cause(err))
	}
	if err := w.look(); err != nil {
		return Exported{}, err
	}
	d := documentOf(r)
	err := w.supply(ctx, &d)
	if errors.Is(err, media.ErrNotFound) {
		err = w.miss(ctx, &d)
	}
	if err == nil && w.done.Outcome == "" {
		err = w.settle(&d)
	}
	return w.done, err
}

// look reads what an export has written before. Error: errTaken.
func (w *writing) look() error {
	text, err := os.ReadFile(w.base + ".json")
	if err != nil {
		return nil //nolint:nilerr // whatever it is, writing will tell
	}
	d, exported, err := parseExported(text)
	switch {
	case !exported || err != nil:
		return nil //nolint:nilerr // what a crash has left is written anew
	case d.id != w.rec.ID:
		return errTaken
	}
	w.old, w.oldText = &d, text
	return nil
}

// supply sees to it that the audio is there, and notes it in d. Errors:
// media.ErrNotFound, media.ErrUnavailable, others.
func (w *writing) supply(ctx context.Context, d *document) error {
	if d.audio.Place != recording.Managed {
		return nil
	}
	name := w.rec.ID + extensionOf(d.audio.ContentType)
	if w.kept(name) && w.same(*d) {
		w.keep(d)
		return nil
	}
	err := w.again(ctx, func() (err error) {
		d.audio.Size, d.audio.SHA256, err = w.copy(ctx, filepath.Join(w.dir, name))
		return err
	})
	if err != nil {
		return err
	}
	w.fetched, d.audio.File, w.done.Bytes = true, name, d.audio.Size
	return nil
}

// kept reports whether the audio that was exported before is there, under that
// name, and is the recording's as far as that says.
func (w *writing) kept(name string) bool {
	if w.old == nil || w.old.audio.File != name {
		return false
	}
	has, want := w.old.audio, w.rec.Audio
	if want.Size != 0 && want.Size != has.Size || want.SHA256 != "" && want.SHA256 != has.SHA256 {
		return false
	}
	info, err := os.Lstat(filepath.Join(w.dir, name))
	return err == nil && info.Mode().IsRegular() && info.Size() == has.Size
}

// same reports whether the recording has not got other audio since: its checksum
// says so, or nothing of it has changed.
func (w *writing) same(d document) bool {
	if w.rec.Audio.SHA256 != "" {
		return true
	}
	w.keep(&d)
	text, err := d.text()
	return err == nil && bytes.Equal(text, w.oldText)
}

// keep notes the audio that was exported before.
func (w *writing) keep(d *document) {
	d.audio.File, d.audio.Size, d.audio.SHA256 = w.old.audio.File, w.old.audio.Size, w.old.audio.SHA256
}

// miss deals with audio that the bucket does not have: the recording may have
// been deleted by now. What was exported before is kept.
func (w *writing) miss(ctx context.Context, d *document) error {
	err := w.again(ctx, func() error {
		_, err := w.Store.Get(ctx, w.rec.Account, w.rec.ID)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		w.done.Outcome = Gone
		return nil
	case err != nil:
		return fmt.Errorf("look whether it is still there: %w", err)
	}
	w.done.Missing = true
	d.audio.Size, d.audio.SHA256 = 0, ""
	if w.kept(w.rec.ID + extensionOf(d.audio.ContentType)) {
		w.keep(d)
	}
	return nil
}

// settle writes the document, and removes audio that an older one named.
func (w *writing) settle(d *document) error {
	text, err := d.text()
	if err != nil {
		return err
	}
	w.done.Outcome = Written
	if bytes.Equal(text, w.oldText) {
		if !w.fetched {
			w.done.Outcome = Unchanged
		}
		return nil
	}
	if err := place(w.base+".json", func(f *os.File) error {
		_, err := f.Write(text)
		return err
	}); err != nil {
		return fmt.Errorf("write its document: %w", cause(err))
	}
	if w.old == nil || w.old.audio.File == "" || w.old.audio.File == d.audio.File {
		return nil
	}
	if old := filepath.Join(w.dir, filepath.Base(w.old.audio.File)); stemOf(old) == w.base {
		_ = os.Remove(old) // an import would name it, and take the rest
	}
	return nil
}

// copy fetches the audio into a file. Errors: media.ErrNotFound,
// media.ErrUnavailable, others.
func (w *writing) copy(ctx context.Context, path string) (size int64, sum string, err error) {
	body, o, err := w.Audio.Open(ctx, w.rec.AudioKey(), "", nil)
	if err != nil {
		return 0, "", fmt.Errorf("read its audio: %w", err)
	}
	defer body.Close() //nolint:errcheck // it was only read
	if want := w.rec.Audio.Size; want != 0 && want != o.Size {
		return 0, "", fmt.Errorf("%w: %d bytes, %d", errSize, o.Size, want)
	}
	h := sha256.New()
	err = place(path, func(f *os.File) error {
		n, err := io.Copy(io.MultiWriter(f, h), body)
		switch {
		case err != nil:
			return err
		case n != o.Size:
			return fmt.Errorf("%w: %d bytes of %d came", media.ErrUnavailable, n, o.Size)
		}
		sum = hex.EncodeToString(h.Sum(nil))
		if want := w.rec.Audio.SHA256; want != "" && want != sum {
			return errChecksum
		}
		return nil
	})
	if err != nil {
		return 0, "", fmt.Errorf("write its audio: %w", cause(err))
	}
	return o.Size, sum, nil
}

// place makes a file that is there whole or not at all.
func place(path string, write func(*os.File) error) error {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(part, path)
	}
	if err != nil {
		_ = os.Remove(part) // it takes room, and is of no use
	}
	return err
}
