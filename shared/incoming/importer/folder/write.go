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

	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// Recordings are private: only the user who runs the export may read the files.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

// extensionOf returns the file extension for a media type, with its dot. It is
// ".bin" unless the format is accepted.
func extensionOf(contentType string) string {
	if name, ok := recording.AudioType(contentType); ok {
		return "." + recording.AudioExtension(name)
	}
	return ".bin"
}

// Reasons why a recording cannot be written.
var (
	errTaken    = errors.New("another recording has that file: the IDs differ only in case, and the file system ignores case")
	errSize     = errors.New("the size of its audio differs from the recording's")
	errChecksum = errors.New("the checksum of its audio differs from the recording's")
)

// writing is a recording that is being written.
type writing struct {
	*exporting
	rec *recording.Recording
	dir string
	// base is the path without an extension.
	base string
	// old is the document of an earlier export, and oldText its text; both are nil
	// if there is no such document.
	old     *document
	oldText []byte
	fetched bool // the audio was fetched
	done    Exported
}

// write writes a recording.
func (x *exporting) write(ctx context.Context, r *recording.Recording) (Exported, error) {
	if _, err := recording.ParseID(r.ID); err != nil { // the ID becomes a path
		return Exported{}, err
	}
	w := &writing{exporting: x, rec: r}
	w.dir = filepath.Join(x.Root, r.ID[:len("YYYYMM")])
	w.base = filepath.Join(w.dir, r.ID)
	if err := os.MkdirAll(w.dir, dirMode); err != nil {
		return Exported{}, fmt.Errorf("create a folder: %w", cause(err))
	}
	if err := w.readOld(); err != nil {
		return Exported{}, err
	}
	d := documentOf(r)
	err := w.writeAudio(ctx, &d)
	if errors.Is(err, media.ErrNotFound) {
		err = w.handleMissing(ctx, &d)
	}
	if err == nil && w.done.Outcome == "" {
		err = w.writeDocument(&d)
	}
	return w.done, err
}

// readOld reads the document of an earlier export. Error: errTaken.
func (w *writing) readOld() error {
	text, err := os.ReadFile(w.base + ".json")
	if err != nil {
		return nil //nolint:nilerr // writing the file will report the cause
	}
	d, exported, err := parseExported(text)
	switch {
	case !exported || err != nil:
		return nil //nolint:nilerr // the rest of a crash is overwritten
	case d.id != w.rec.ID:
		return errTaken
	}
	w.old, w.oldText = &d, text
	return nil
}

// writeAudio writes the audio, unless an earlier export wrote it, and adds it to d.
// Errors: media.ErrNotFound, media.ErrUnavailable, others.
func (w *writing) writeAudio(ctx context.Context, d *document) error {
	if d.audio.Place != recording.Managed {
		return nil
	}
	name := w.rec.ID + extensionOf(d.audio.ContentType)
	if w.hasAudio(name) && w.audioUnchanged(*d) {
		w.reuseAudio(d)
		return nil
	}
	err := w.retry(ctx, func() (err error) {
		d.audio.Size, d.audio.SHA256, err = w.copy(ctx, filepath.Join(w.dir, name))
		return err
	})
	if err != nil {
		return err
	}
	w.fetched, d.audio.File, w.done.Bytes = true, name, d.audio.Size
	return nil
}

// hasAudio reports whether an earlier export wrote the audio to the file name, and
// that file still matches the recording's size and checksum, if they are known.
func (w *writing) hasAudio(name string) bool {
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

// audioUnchanged reports whether the recording still has the audio of the earlier
// export: either it has a checksum, which hasAudio compared, or the document has not
// changed.
func (w *writing) audioUnchanged(d document) bool {
	if w.rec.Audio.SHA256 != "" {
		return true
	}
	w.reuseAudio(&d)
	text, err := d.text()
	return err == nil && bytes.Equal(text, w.oldText)
}

// reuseAudio adds the audio of the earlier export to d.
func (w *writing) reuseAudio(d *document) {
	d.audio.File, d.audio.Size, d.audio.SHA256 = w.old.audio.File, w.old.audio.Size, w.old.audio.SHA256
}

// handleMissing handles audio that is missing from the bucket, perhaps because the
// recording was deleted in the meantime. It keeps the audio of an earlier export.
func (w *writing) handleMissing(ctx context.Context, d *document) error {
	err := w.retry(ctx, func() error {
		_, err := w.Store.Get(ctx, w.rec.Account, w.rec.ID)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		w.done.Outcome = Gone
		return nil
	case err != nil:
		return fmt.Errorf("check whether it still exists: %w", err)
	}
	w.done.Missing = true
	d.audio.Size, d.audio.SHA256 = 0, ""
	if w.hasAudio(w.rec.ID + extensionOf(d.audio.ContentType)) {
		w.reuseAudio(d)
	}
	return nil
}

// writeDocument writes the document, and removes the audio file of the old document
// if the file is no longer used.
func (w *writing) writeDocument(d *document) error {
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
	if err := writeFile(w.base+".json", func(f *os.File) error {
		_, err := f.Write(text)
		return err
	}); err != nil {
		return fmt.Errorf("write its document: %w", cause(err))
	}
	if w.old == nil || w.old.audio.File == "" || w.old.audio.File == d.audio.File {
		return nil
	}
	if old := filepath.Join(w.dir, filepath.Base(w.old.audio.File)); stemOf(old) == w.base {
		_ = os.Remove(old) // on failure, an import refuses only this file
	}
	return nil
}

// copy copies the audio from the bucket into a file. Errors: media.ErrNotFound,
// media.ErrUnavailable, others.
func (w *writing) copy(ctx context.Context, path string) (size int64, sum string, err error) {
	body, o, err := w.Audio.Open(ctx, w.rec.AudioKey(), "", nil)
	if err != nil {
		return 0, "", fmt.Errorf("read its audio: %w", err)
	}
	defer body.Close() //nolint:errcheck // read-only
	if want := w.rec.Audio.Size; want != 0 && want != o.Size {
		return 0, "", fmt.Errorf("%w: %d bytes, expected %d", errSize, o.Size, want)
	}
	h := sha256.New()
	err = writeFile(path, func(f *os.File) error {
		n, err := io.Copy(io.MultiWriter(f, h), body)
		switch {
		case err != nil:
			return err
		case n != o.Size:
			return fmt.Errorf("%w: received %d of %d bytes", media.ErrUnavailable, n, o.Size)
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

// writeFile writes a file completely or not at all.
func writeFile(path string, write func(*os.File) error) error {
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
		_ = os.Remove(part) // it is useless
	}
	return err
}
