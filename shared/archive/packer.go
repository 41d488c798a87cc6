package archive

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/callrecordings/api/shared/job"
	"github.com/callrecordings/api/shared/media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/zipfile"
)

// State is where the file continues.
type State struct {
	// Upload is the ID of the upload in parts.
	Upload string `json:"upload"`
	// PartSize is the size in bytes of the largest parts.
	PartSize int `json:"part_size"`
	// Parts is the number of parts that were sent.
	Parts int `json:"parts"`
	// Offset is the number of bytes of the file so far: those of the parts, and of the tail.
	Offset int64 `json:"offset"`
	// Tail is the number of the latest object with bytes that were too few for a part, 1 or 2;
	// 0 before the first one. TailSize is its size; 0 if a part has its bytes. TailSum is its
	// CRC-32: a second worker that does not know yet that it has lost its lease may write an
	// object of the same number.
	Tail     int    `json:"tail,omitempty"`
	TailSize int    `json:"tail_size,omitempty"`
	TailSum  uint32 `json:"tail_sum,omitempty"`
	// Entries is the number of recordings in the file or left out of it.
	Entries int `json:"entries"`
	// Unreadable is the number of recordings whose audio could not be read.
	Unreadable int `json:"unreadable,omitempty"`
	// Restarts counts how often the file was begun anew.
	Restarts int `json:"restarts"`
}

const (
	// minPartSize is the least PartSize. All parts but the last have at least half of it.
	minPartSize = 16 << 20
	// usualParts is the number of parts of PartSize. Parts of half that size are at most twice
	// as many.
	usualParts = 4500
	// MaxBytes is the largest size of the audio in a file. With it, a part takes 57 MB of
	// memory.
	MaxBytes = 256 << 30
	// manyEntries is the maximum number of recordings between two checkpoints. It bounds the
	// size of a checkpoint.
	manyEntries = 2000
	// manyParts is the number of parts between two checkpoints, or a few more: a checkpoint writes
	// the whole job, which may have many failures. A worker that is killed repeats them.
	manyParts = 8
	// reportItems is the number of items in one chunk of the report.
	reportItems = 500
)

// partSize returns the size of parts for that many bytes of audio.
func partSize(total int64) int { return int(max(minPartSize, total/usualParts)) }

// extra is the additional data of a chunk of the report.
type extra struct {
	// Records are those of the entries, without names: for each item that is in the file one
	// or two.
	Records []zipfile.Record `json:"records,omitempty"`
	// Names are the extensions of the entries, in the order of the records, each with the
	// index of its item.
	Names []entryName `json:"names,omitempty"`
	// First is the number of the first item, counted from 1.
	First int `json:"first"`
	// Tags are those of the parts that were sent.
	Tags []string `json:"tags,omitempty"`
}

// entryName is the index of an item in its chunk and the extension of an entry.
type entryName struct {
	Item      int    `json:"i"`
	Extension string `json:"x"`
}

// nameOf returns the name of an entry. The number makes it unique, also on file systems
// that ignore case.
func nameOf(number int, id, extension string) string {
	return fmt.Sprintf("%06d_%s.%s", number, id, extension)
}

// packer writes the file from the last checkpoint on.
type packer struct {
	bucket Bucket
	key    string
	state  *State
	buf    []byte
	// offset is that of the next byte of the file. The file has the bytes of state, those
	// of the parts that were sent since, and those in buf.
	offset int64
	parts  int
	tags   []string
	items  []job.Item
	names  []entryName
	made   []zipfile.Record
	// last are the records of entries that belong to no recording.
	last []zipfile.Record
	// tries is the number of slices that have failed since the last checkpoint, when this one
	// began.
	tries int
}

// newPacker returns a packer that continues at a state. Errors: media.ErrNotFound if the tail
// was lost, media.ErrChanged if it was replaced, media.ErrUnavailable.
func newPacker(ctx context.Context, b Bucket, key string, s *State) (*packer, error) {
	k := &packer{bucket: b, key: key, state: s, buf: make([]byte, 0, s.PartSize), offset: s.Offset, parts: s.Parts}
	if s.TailSize == 0 {
		return k, nil
	}
	return k, k.readTail(ctx)
}

// partWriter is a packer as the writer of one call, with its context.
type partWriter struct {
	*packer

	ctx context.Context //nolint:containedctx // a writer has no other way to get it
}

// sendError is an error of the writer, not of the audio.
type sendError struct{ error }

// Unwrap returns the cause.
func (e sendError) Unwrap() error { return e.error }

// Write implements io.Writer. It sends a part whenever one is full.
func (w partWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		room := min(len(p), cap(w.buf)-len(w.buf))
		w.buf = append(w.buf, p[:room]...)
		p = p[room:]
		if len(w.buf) == cap(w.buf) {
			if err := w.send(w.ctx); err != nil {
				return 0, sendError{err}
			}
		}
	}
	return n, nil
}

// send sends the bytes in the buffer as a part.
func (k *packer) send(ctx context.Context) error {
	tag, err := k.bucket.SendPart(ctx, k.key, k.state.Upload, k.parts+1, k.buf)
	if err != nil {
		return err
	}
	k.tags = append(k.tags, tag)
	k.parts++
	k.buf = k.buf[:0]
	return nil
}

// entry adds a file of the recording that is added. Errors of the body are wrapped with
// media.ErrUnavailable: a retry reads it again.
func (k *packer) entry(ctx context.Context, item job.Item, extension string, size int64, body io.Reader) error {
	r, err := k.write(ctx, nameOf(k.state.Entries+len(k.items)+1, item.ID, extension), item.Created.Time(), size, body)
	if err != nil {
		return err
	}
	r.Name = ""
	k.made, k.names = append(k.made, r), append(k.names, entryName{len(k.items), extension})
	return nil
}

// write writes an entry.
func (k *packer) write(ctx context.Context, name string, modified time.Time, size int64, body io.Reader) (zipfile.Record, error) {
	r, n, err := zipfile.Write(partWriter{k, ctx}, name, modified, k.offset, size, body)
	var sending sendError
	switch {
	case errors.As(err, &sending):
		return r, sending.error
	case err != nil:
		return r, fmt.Errorf("%w: read what belongs into the file: %v", media.ErrUnavailable, err) //nolint:errorlint // a lost upload is another error
	}
	k.offset += n
	return r, nil
}

// add adds a recording: its document, and its audio if there is any. It sets the outcome
// of the item.
func (k *packer) add(ctx context.Context, item job.Item, r *recording.Recording) error {
	if err := k.addDocument(ctx, item, r); err != nil {
		return err
	}
	item.Outcome, item.Bytes, item.Cause = job.Completed, 0, "no_audio"
	switch r.Audio.Place {
	case recording.Nowhere:
	case recording.External:
		item.Cause = "external_audio"
	case recording.Managed:
		body, o, err := k.bucket.Open(ctx, r.AudioKey(), "", nil)
		if errors.Is(err, media.ErrNotFound) {
			item.Cause = "audio_missing"
			break
		}
		if err != nil {
			return fmt.Errorf("open the audio of a recording: %w", err)
		}
		kind, _, _ := strings.Cut(strings.ToLower(cmp.Or(r.Audio.ContentType, o.ContentType)), ";")
		err = k.entry(ctx, item, cmp.Or(recording.AudioExtension(strings.TrimSpace(kind)), "audio"), o.Size, body)
		_ = body.Close() // it was only read
		if err != nil {
			return err
		}
		item.Cause, item.Bytes = "", o.Size
	}
	k.items = append(k.items, item)
	return nil
}

// addDocument adds the document of a recording.
func (k *packer) addDocument(ctx context.Context, item job.Item, r *recording.Recording) error {
	shown := *r
	shown.Kept = nil // readers of the file must not learn of legal holds
	document := append(shown.AppendJSON(nil, false), '\n')
	return k.entry(ctx, item, "json", int64(len(document)), bytes.NewReader(document))
}

// leave records a recording that is not in the file.
func (k *packer) leave(item job.Item, cause string) {
	item.Outcome, item.Cause = job.Skipped, cause
	k.items = append(k.items, item)
}

// due reports whether a checkpoint is due. After many parts it waits until the rest of the bytes
// is enough for a part, so that it stores no tail.
func (k *packer) due(spent bool) bool {
	enough := k.full() || len(k.buf) == 0
	return spent || len(k.items) >= manyEntries || k.parts-k.state.Parts >= manyParts && enough
}

// full reports whether the buffer has enough bytes for a part.
func (k *packer) full() bool { return len(k.buf) >= cap(k.buf)/2 }

// checkpoint stores the rest of the buffer, as a part if it is full or the last one, and adds
// the items since the last checkpoint to the report. The caller saves the task.
func (k *packer) checkpoint(ctx context.Context, t *job.Task, last bool) error {
	switch {
	case k.full() || last && len(k.buf) > 0:
		if err := k.send(ctx); err != nil {
			return err
		}
		k.state.TailSize = 0
	case len(k.buf) > 0:
		if err := k.storeTail(ctx); err != nil {
			return err
		}
	default:
		k.state.TailSize = 0
	}
	names, made := k.names, k.made
	for begin := 0; begin < max(1, len(k.items)); begin += reportItems {
		items := k.items[begin:min(begin+reportItems, len(k.items))]
		x := extra{First: k.state.Entries + begin + 1}
		n := 0
		for ; n < len(names) && names[n].Item < begin+len(items); n++ {
			x.Names = append(x.Names, entryName{names[n].Item - begin, names[n].Extension})
		}
		x.Records, names, made = made[:n], names[n:], made[n:]
		if begin == 0 {
			x.Tags = k.tags
		}
		if err := t.AddReport(items, x); err != nil {
			return err
		}
	}
	k.state.Entries += len(k.items)
	k.state.Parts, k.state.Offset = k.parts, k.offset
	k.items, k.names, k.made, k.tags = nil, nil, nil, nil
	return nil
}

// chunks reads the report, and behind it the items since the last checkpoint.
type chunks struct {
	k       *packer
	reports *job.Reports
	ended   bool
}

func (k *packer) chunks(t *job.Task) *chunks { return &chunks{k: k, reports: t.Reports()} }

// next returns the next chunk. ok is false at the end.
func (c *chunks) next(ctx context.Context) (items []job.Item, x extra, ok bool, err error) {
	if c.ended {
		return nil, x, false, nil
	}
	if items, x, ok, err = nextOf(ctx, c.reports); ok || err != nil {
		return items, x, ok, err
	}
	c.ended = true
	return c.k.items, extra{Records: c.k.made, Names: c.k.names, First: c.k.state.Entries + 1}, true, nil
}

// nextOf returns the next chunk of a report. ok is false at the end.
func nextOf(ctx context.Context, r *job.Reports) (items []job.Item, x extra, ok bool, err error) {
	c, ok, err := r.Next(ctx)
	if err == nil && ok {
		err = json.Unmarshal(c.Extra, &x)
	}
	if err != nil {
		return nil, x, false, fmt.Errorf("read the records of a file: %w", err)
	}
	return c.Items, x, ok, nil
}

// directory writes the directory that ends the file.
func (k *packer) directory(ctx context.Context, t *job.Task) error {
	w := &counter{w: partWriter{k, ctx}}
	d := zipfile.NewDirectory(w, k.offset)
	for all := k.chunks(t); ; {
		items, x, ok, err := all.next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if err := addRecords(d, items, x); err != nil {
			return err
		}
	}
	for _, r := range k.last {
		if err := d.Add(r); err != nil {
			return unwrapSend(err)
		}
	}
	if err := d.Close(); err != nil {
		return unwrapSend(err)
	}
	k.offset += w.n
	return nil
}

func addRecords(d *zipfile.Directory, items []job.Item, x extra) error {
	for i, r := range x.Records {
		at := x.Names[i].Item
		r.Name = nameOf(x.First+at, items[at].ID, x.Names[i].Extension)
		if err := d.Add(r); err != nil {
			return unwrapSend(err)
		}
	}
	return nil
}

func unwrapSend(err error) error {
	var sending sendError
	if errors.As(err, &sending) {
		return sending.error
	}
	return err
}

// counter counts the bytes that it passes on.
type counter struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// tags returns the tags of all parts, from the report.
func tags(ctx context.Context, t *job.Task) ([]string, error) {
	var all []string
	for reports := t.Reports(); ; {
		_, x, ok, err := nextOf(ctx, reports)
		if err != nil || !ok {
			return all, err
		}
		all = append(all, x.Tags...)
	}
}
