// Package eventlog writes events to a file, one JSON object per line. Locally it
// takes the place of the event bus in the cloud (docs/reference/events.md). A [Log] is a
// [notify.Sink].
//
// The file is append-only. It can be read at any time, for example with `tail -F`.
// Two processes can write to it at once, unless it is rotated. Send accepts an event only after its
// line is on the disk. If a process dies in the middle of a line, the next write
// begins a new line, and the event is sent again. Readers must therefore skip lines
// that are empty or not valid JSON.
//
// # Rotation
//
// A file that has reached [Options.MaxBytes] is renamed, and a new one is begun. The
// renamed files are numbered without end: events-00000001.jsonl, then
// events-00000002.jsonl. So a renamed file never changes its name or its content again,
// until it is removed as the oldest of more than [Options.Keep]. Only one process may
// write to a file that is rotated; the lock of the data folder ensures that.
//
// A line is in exactly one file, and the files in the order of their numbers, followed
// by the current one, hold all lines in order. A kill between the renaming and the new
// file loses nothing: the next write creates the file. The operator may rename the
// file, too; the next write notices and begins a new one.
package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/callrecordings/api/shared/notify"
)

// perm makes the file readable only by its owner: events are about private calls.
const perm = 0o600

// Options limit the space that events take up.
type Options struct {
	// MaxBytes limits the size of a file: a larger one is renamed and a new one begun. A file
	// may exceed it by the events of one Send. 0 means that the file is never renamed.
	MaxBytes int64
	// Keep is how many renamed files are kept. At least one is.
	Keep int
	// Failed, if not nil, is called if the file could not be renamed, or an old one not
	// removed. Events are still written, and a later Send tries again.
	Failed func(error)

	rename func(from, to string) error // replaces os.Rename in tests
	sync   func(*os.File) error        // replaces (*os.File).Sync in tests, because they cannot cut the power
}

// Log is a file of events. It is safe for concurrent use.
type Log struct {
	o    Options
	path string // without symbolic links, so that a linked file is renamed where it is

	mu     sync.Mutex
	file   *os.File // nil if it has to be opened again
	limit  int64    // the file is renamed when it has this size
	closed bool
}

var _ notify.Sink = (*Log)(nil)

// Open opens the file at path and creates it if necessary. Its folder must exist.
func Open(path string, o Options) (*Log, error) {
	if o.rename == nil {
		o.rename = os.Rename
	}
	if o.sync == nil {
		o.sync = (*os.File).Sync
	}
	l := &Log{o: o, path: path, limit: o.MaxBytes}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("cannot write events to %s: %w", path, cause(err))
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot write events to %s: %w", path, cause(err)), l.file.Close())
	}
	l.path = resolved
	return l, nil
}

// open opens the file for appending, and creates it if necessary. A new file survives
// a power cut.
func (l *Log) open() error {
	file, err := os.OpenFile(l.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, perm)
	if err != nil {
		return err
	}
	if err := l.syncFolder(); err != nil {
		return errors.Join(err, file.Close())
	}
	l.file = file
	return nil
}

// Close closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// Send appends the events, with one write per line, and then syncs the file; see
// [notify.Sink]. If the sync fails, no event counts as accepted. Send ignores
// ctx, because a disk has no timeout. Error: notify.ErrUnavailable.
func (l *Log) Send(_ context.Context, events []notify.Event) (accepted int, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.prepare(); err != nil {
		return 0, fmt.Errorf("%w: %s: %w", notify.ErrUnavailable, l.path, cause(err))
	}
	written, err := l.append(events)
	if synced := l.o.sync(l.file); synced != nil {
		written, err = 0, errors.Join(err, synced)
	}
	if err != nil {
		return written, fmt.Errorf("%w: %s: %w", notify.ErrUnavailable, l.path, cause(err))
	}
	return written, nil
}

// append writes the lines and returns how many are complete.
func (l *Log) append(events []notify.Event) (int, error) {
	for i, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			return i, err
		}
		torn, err := l.torn()
		if err != nil {
			return i, err
		}
		if torn {
			line = append([]byte{'\n'}, line...)
		}
		if _, err := l.file.Write(append(line, '\n')); err != nil {
			return i, err
		}
	}
	return len(events), nil
}

// torn reports whether the file ends in the middle of a line.
func (l *Log) torn() (bool, error) {
	info, err := l.file.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	var last [1]byte
	_, err = l.file.ReadAt(last[:], info.Size()-1)
	return last[0] != '\n', err
}

// syncFolder syncs the folder of the file, so that a new or changed name also survives a power cut.
func (l *Log) syncFolder() error {
	if runtime.GOOS == "windows" {
		return nil // a folder cannot be synced there; NTFS logs its names itself
	}
	folder, err := os.Open(filepath.Dir(l.path))
	if err != nil {
		return err
	}
	return errors.Join(l.o.sync(folder), folder.Close())
}

// cause removes the operation and the path from err, because the wrapping message
// already contains them.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
