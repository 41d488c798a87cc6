// Package folder imports recordings from a folder of audio, and exports them
// into one that it reads back as they were.
//
// [Source] walks a folder and says what is known of each file: by JSON beside
// it (call.wav, call.json), by its row of a [Table], by its name, in that order;
// what they may say is that of an inbox (docs/inbox.md). Whoever names a folder
// means what is in it, so a file is taken even if nothing is known of it, and
// whatever is not taken is named. Links and everything irregular are left alone,
// and so are names that begin with a dot or end in .part.
//
// [Export] writes two files for each recording, and its JSON last, so that it
// vouches for the audio:
//
//	{YYYYMM}/{id}.json   one line: the id, the document as it is, pvt_created,
//	                     pvt_modified, and pvt_audio
//	{YYYYMM}/{id}.mp3    the audio, if it is in the bucket; or .wav .ogg .m4a .bin
//
// pvt_audio has place, content_type, state and reason of the audio, and the
// file, size and sha256 of what lies beside. JSON with a pvt_created is taken
// for that: nothing is added to such a document, nothing else is asked what is
// known of it, and its audio has to have that checksum. What was not exported is
// what arrivals need: announcements of audio that was still to come, and who may
// repeat a request.
//
// A folder that was exported is not swept: recordings that have been deleted
// since stay there.
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

	"callrecordings/shared/incoming/importer"
	"callrecordings/shared/incoming/namepattern"
	"callrecordings/shared/recording"
)

// Defaults of a Source that watches.
const (
	DefaultInterval = 5 * time.Second
	DefaultSettle   = 10 * time.Second
)

// Source is a folder of audio.
type Source struct {
	// Root is the folder.
	Root string
	// Account that its recordings are for. Audio that is said to be of another
	// one is not taken.
	Account string
	// Names read what the names of files tell.
	Names namepattern.Set
	// Table has metadata of many files; the zero Table has none.
	Table Table
	// Watch goes on looking for what is new or has changed, until the context
	// ends. Metadata whose audio is not there yet wait for it.
	Watch bool
	// Interval between two looks, Settle for how long a file must have been as it
	// is before it is taken; 0 for the defaults.
	Interval, Settle time.Duration
	// Now is the clock, which Watch needs; without it, files are taken however new
	// they are.
	Now func() time.Time
	// Sleep waits between two looks; nil waits by the clock.
	Sleep func(ctx context.Context, d time.Duration) error
}

var (
	_ importer.Source  = Source{}
	_ importer.Retrier = Source{}
)

// Pages yields an item for each file, and for each exported document; see
// importer.Source. A folder that cannot be read is an error; the folder itself
// wraps importer.ErrStop. Rows of the table that name no file come last.
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

// Count is how many items Pages is going to yield, and the bytes of audio in
// them, by the names and the sizes of the files that are there. Folders that
// cannot be read are left out. Errors: importer.ErrStop, the context's cause.
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
		n, size := g.weigh()
		items += n
		bytes += size
	}
	if !s.Watch {
		items += len(m.unused())
	}
	return items, bytes, context.Cause(ctx)
}

// path is where a file of that name is.
func (s Source) path(name string) string { return filepath.Join(s.Root, filepath.FromSlash(name)) }

// reach reports whether the folder itself is there. Error: importer.ErrStop.
func (s Source) reach() error {
	info, err := os.Stat(s.Root)
	if err == nil && !info.IsDir() {
		err = errors.New("it is no folder")
	}
	if err != nil {
		return fmt.Errorf("%w: read the folder %s: %w", importer.ErrStop, s.Root, cause(err))
	}
	return nil
}

// cause drops from err what the sentence around it says: what was done, and
// with which file.
func cause(err error) error {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	if e := (*os.LinkError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// origin is the Ref of items: the file that their audio is, and what is expected
// of it.
type origin struct {
	name string
	// size in bytes, if sized; changes of what was listed count as passing, other
	// sizes than a document vouches for as damage.
	size  int64
	sized bool
	// vouched says that a document vouches for size, and for sha256 unless "".
	vouched bool
	sha256  string
	// again, if not nil, has it listed again.
	again func()
}

// Retry lists an item again whose failure was told, while watching; see
// importer.Retrier.
func (s Source) Retry(it *importer.Item) {
	if o, ok := it.Ref.(*origin); ok && o.again != nil {
		o.again()
	}
}

// begun is when the call of a file began, as far as that is known.
func begun(call recording.Call, f file) recording.Seconds {
	if at, known := call.Start(); known {
		return at
	}
	return recording.SecondsOf(f.modified)
}
