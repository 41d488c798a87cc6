package kazoo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/recording"
)

// Open fetches the audio of an item into a file; see importer.Source.
func (s *Source) Open(ctx context.Context, it *importer.Item) (*importer.Audio, error) {
	f, remove, err := s.Spool()
	if err != nil {
		return nil, fmt.Errorf("%w: create a file for audio: %w", importer.ErrStop, err)
	}
	audio := &importer.Audio{ReaderAt: f, Close: remove}
	err = s.do(ctx, s.play(it, nil, func(resp *http.Response) error { return s.save(resp, f, audio) }))
	if err == nil && audio.Size == 0 && !lastsNoTime(it.Document) {
		err = errNoBytes
	}
	if err != nil {
		_ = remove() // incomplete
		return nil, notStop(gone(err))
	}
	return audio, nil
}

// errNoBytes means that Kazoo sent an empty body, as it does when it no longer knows
// where the audio is (kazoo.md 1.7).
var errNoBytes = errors.New("no bytes came, but its document does not have a duration of 0 s")

// lastsNoTime reports whether a document has a duration of 0 s.
func lastsNoTime(doc recording.Document) bool {
	seconds, known := doc.Int("duration")
	ms, _ := doc.Int("duration_ms")
	return known && seconds == 0 && ms == 0
}

// play requests the audio of an item.
func (s *Source) play(it *importer.Item, header map[string]string, read func(*http.Response) error) request {
	all := map[string]string{
		"Accept": "audio/mpeg", // works for every format (kazoo.md 1.6)
		// Kazoo would compress even audio, and omit the Content-Length.
		"Accept-Encoding": "identity",
	}
	for name, value := range header {
		all[name] = value
	}
	return request{
		method: http.MethodGet, path: "/accounts/" + url.PathEscape(it.Account) + "/recordings/" + url.PathEscape(it.ID),
		query: url.Values{"accept": {"audio/mpeg"}}, header: all, read: read, tries: faults,
	}
}

// gone wraps the error of audio that does not exist (kazoo.md 1.5). A 404 with
// another code does not concern the recording.
func gone(err error) error {
	var status *statusError
	if errors.As(err, &status) && status.status == http.StatusNotFound && !errors.Is(err, importer.ErrStop) && status.ofID() {
		return fmt.Errorf("%w: %w", importer.ErrGone, err)
	}
	return err
}

// notStop replaces the error of a redirect or a 403 for one recording's audio with
// an error that does not end the import.
func notStop(err error) error {
	var status *statusError
	switch {
	case !errors.As(err, &status):
	case status.status/100 == 3:
		return fmt.Errorf("it is a redirect: %w", status)
	case status.status == http.StatusForbidden:
		return fmt.Errorf("it is refused: %w", status)
	}
	return err
}

// save writes the body of an answer to the beginning of f.
func (s *Source) save(resp *http.Response, f *os.File, into *importer.Audio) error {
	switch kind := resp.Header.Get("Content-Type"); {
	case strings.HasPrefix(kind, "application/json"), strings.HasPrefix(kind, "text/"):
		return errors.New("it sent a document instead of audio") // from a proxy or from Kazoo
	case resp.ContentLength < 0 && resp.ProtoMajor == 1 && len(resp.TransferEncoding) == 0:
		return errors.New("it does not give the length of the audio")
	case s.MaxBytes > 0 && resp.ContentLength > s.MaxBytes:
		return final(s.tooLarge())
	}
	if err := truncate(f); err != nil {
		return full(err)
	}
	body := io.Reader(resp.Body)
	if s.MaxBytes > 0 {
		body = io.LimitReader(body, s.MaxBytes+1)
	}
	sum := sha256.New()
	w := &writer{f: f}
	n, err := io.Copy(io.MultiWriter(w, sum), body)
	switch {
	case w.err != nil:
		return full(w.err)
	case err != nil:
		return fmt.Errorf("read the audio: %w", err)
	case s.MaxBytes > 0 && n > s.MaxBytes:
		return final(s.tooLarge())
	case resp.ContentLength >= 0 && n != resp.ContentLength:
		return fmt.Errorf("read the audio: %w", io.ErrUnexpectedEOF)
	}
	into.Size, into.SHA256 = n, hex.EncodeToString(sum.Sum(nil))
	return nil
}

func (s *Source) tooLarge() error {
	return fmt.Errorf("%w: more than %d bytes", importer.ErrTooLarge, s.MaxBytes)
}

// truncate removes the bytes that an interrupted answer left in f.
func truncate(f *os.File) error {
	n, err := f.Seek(0, io.SeekEnd)
	if err != nil || n == 0 {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

// writer keeps the error of the file, to distinguish it from a network error.
type writer struct {
	f   *os.File
	err error
}

func (w *writer) Write(p []byte) (n int, err error) {
	n, err = w.f.Write(p)
	w.err = err
	return n, err
}

// full returns the error for a file that cannot be written. The error ends the import,
// since the next file would fail too.
func full(err error) error {
	err = fmt.Errorf("write audio into a file: %w", err)
	if importer.NoRoom(err) {
		err = fmt.Errorf("no space is left: %w", err)
	}
	return final(fmt.Errorf("%w: %w", importer.ErrStop, err))
}

// Size gets the size of the audio by requesting its first byte, since the answer
// contains the full length; see importer.Sizer.
func (s *Source) Size(ctx context.Context, it *importer.Item) (size int64, err error) {
	err = s.do(ctx, s.play(it, map[string]string{"Range": "bytes=0-0"}, func(resp *http.Response) error {
		_, total, found := strings.Cut(resp.Header.Get("Content-Range"), "/")
		n, err := strconv.ParseInt(total, 10, 64)
		if !found || err != nil {
			n = resp.ContentLength
		}
		size = max(n, 0)
		return nil
	}))
	if err = notStop(gone(err)); errors.Is(err, importer.ErrGone) {
		return 0, nil
	}
	return size, err
}
