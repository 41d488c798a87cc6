// Package folder imports recordings from a folder of audio files, and exports
// recordings into a folder that it can import again without loss.
//
// [Source] walks a folder. Metadata of a file comes from a sidecar file
// (call.json for call.wav), from its row of a [Table], and from its name, in this
// order of precedence. The fields are those of an inbox (docs/reference/inbox.md). The
// operator chose the folder, so audio is imported even without any metadata of the
// call, and each file that is not imported is reported. Files whose names begin
// with a dot or end in .part are ignored. Links are followed, unless the walk
// reads their target anyway.
//
// [Export] writes two files for each recording. It writes the JSON last, so that
// the checksum in the JSON guarantees complete audio:
//
//	{YYYYMM}/{id}.json   one line: the ID, the document as it is, pvt_created,
//	                     pvt_modified, and pvt_audio
//	{YYYYMM}/{id}.mp3    the audio, if it is in the bucket; or .wav .ogg .m4a .bin
//
// pvt_audio holds the audio's place, content_type, state and reason, and the
// file, size and sha256 of the file beside it. JSON with a pvt_created is read as
// an exported document: it is imported unchanged, other metadata is ignored, and
// its audio must have the given checksum. An export leaves out announced uploads
// and idempotency keys, which only arrivals need.
//
// An export removes no recordings from the folder. Recordings that were deleted
// since an earlier export stay there.
package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/callrecordings/api/shared/incoming/importer"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/recording"
)

// Defaults of a Source with Watch.
const (
	DefaultInterval = 5 * time.Second
	DefaultSettle   = 10 * time.Second
)

// Source is a folder of audio.
type Source struct {
	// Root is the folder.
	Root string
	// Account is the account to import into. Audio is refused if its metadata
	// names another account.
	Account string
	// Names parses file names.
	Names namepattern.Set
	// Table has metadata of many files; the zero Table has none.
	Table Table
	// Watch keeps scanning for new and changed files until the context ends. A
	// sidecar without audio waits for the audio.
	Watch bool
	// Interval is the time between two scans, and Settle how long a file must
	// have been unchanged before it is imported; 0 stands for the defaults.
	Interval, Settle time.Duration
	// Now is the clock, which Watch needs. If Now is nil, even new files are
	// imported.
	Now func() time.Time
	// Sleep waits between two scans; nil uses the real clock.
	Sleep func(ctx context.Context, d time.Duration) error
}

var (
	_ importer.Source  = Source{}
	_ importer.Retrier = Source{}
)

// Pages yields an item for each file and for each exported document; see
// importer.Source. A subfolder that cannot be read is an error; if Root cannot be
// read, the error wraps importer.ErrStop. Rows of the table that match no file
// come last.
func (s Source) Pages(ctx context.Context) iter.Seq2[[]importer.Item, error] {
	return func(yield func([]importer.Item, error) bool) {
		sc := &scan{Source: s, yield: yield}
		if s.Watch {
			sc.watch = newWatch(s)
		}
		for sc.run(ctx) && s.Watch {
			if sc.watch.pause(ctx) != nil {
				return
			}
		}
	}
}

// Count returns the number of items that Pages will yield, and the bytes of their
// audio, judged by the names and sizes of the files. It skips folders that
// cannot be read. Errors: importer.ErrStop, the context's cause.
func (s Source) Count(ctx context.Context) (items int, bytes int64, err error) {
	m, err := s.match(ctx)
	if err != nil {
		return 0, 0, err
	}
	for g, err := range s.walk(ctx) {
		switch {
		case errors.Is(err, importer.ErrStop):
			return 0, 0, err
		case err != nil:
			continue
		}
		n, size := g.count()
		items += n
		bytes += size
	}
	if !s.Watch {
		items += len(m.unused())
	}
	return items, bytes, context.Cause(ctx)
}

// path returns the path of a file.
func (s Source) path(name string) string { return filepath.Join(s.Root, filepath.FromSlash(name)) }

// checkRoot checks that the root folder exists. Error: importer.ErrStop.
func (s Source) checkRoot() error {
	info, err := os.Stat(s.Root)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a folder")
	}
	if err != nil {
		return fmt.Errorf("%w: read the folder %s: %w", importer.ErrStop, s.Root, cause(err))
	}
	return nil
}

// cause strips the operation and the path from err, since the message around it
// names them.
func cause(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	if e := (*os.LinkError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// origin is the Ref of items: the file with their audio, and its expected
// content.
type origin struct {
	name string
	// size is the expected size in bytes, if sized. If the size of an exported file
	// differs, the file is damaged. Any other file has changed since it was listed,
	// and a retry may succeed.
	size  int64
	sized bool
	// exported means that size, and sha256 unless it is "", come from an exported
	// document.
	exported bool
	sha256   string
	// link means that the file was a link when it was listed.
	link bool
	// retry, if not nil, lists the item again.
	retry func()
}

// Retry lists a failed item again while the folder is watched; see
// importer.Retrier.
func (s Source) Retry(it *importer.Item) {
	if o, ok := it.Ref.(*origin); ok && o.retry != nil {
		o.retry()
	}
}

// undated is the note about a file without a start.
const undated = "nothing says when the call started; the time at which the file was written counts"

// unnamedFile is the note about a file without metadata and with a name that matches no
// pattern.
const unnamedFile = "no pattern understands its name"

// joined joins two notes; the second may be "".
func joined(a, b string) string {
	if b == "" {
		return a
	}
	return a + "; " + b
}

// startOf returns when the call of a file started. If that is unknown, it returns
// when the file was written, with a note.
func startOf(call recording.Call, f file) (at recording.Seconds, note string) {
	if at, known := call.Start(); known {
		return at, ""
	}
	return recording.SecondsOf(f.modified), undated
}
