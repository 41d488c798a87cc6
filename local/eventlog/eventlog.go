// Package eventlog keeps events in a file, a line of JSON for each, where the
// cloud has a bus (docs/events.md). A [Log] is a [notify.Sink].
//
// The file is only appended to, so it may be read, and followed by `tail -f`,
// at any time, and written to by two processes at once. A line is on the disk
// before Send reports its event. A process that dies in the middle of a line
// leaves a piece of one: whoever writes next begins a new line, and the event
// comes again; so readers skip a line that is no JSON, or empty.
//
// Nothing is ever removed. Whoever wants a new file renames this one and starts
// the server again.
package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"callrecordings/shared/notify"
)

// perm: nobody but the owner of the folder reads about recordings.
const perm = 0o600

// Log is one file of events. It is safe for concurrent use.
type Log struct {
	mu   sync.Mutex
	file *os.File
}

var _ notify.Sink = (*Log)(nil)

// Open opens the file at path, made if it is not there; the folder has to be.
func Open(path string) (*Log, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, perm)
	if err != nil {
		return nil, fmt.Errorf("the events cannot be kept in %s: %w", path, cause(err))
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("the events cannot be kept in %s: %w", path, cause(err)), file.Close())
	}
	return &Log{file: file}, nil
}

// syncFolder makes the name of a new file survive a crash, too.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }

// Send appends the events, a write for each line, and syncs the file once; see
// [notify.Sink]. When the sync fails none counts as accepted. It does not look
// at ctx: a disk has no time-out. Error: notify.ErrUnavailable.
func (l *Log) Send(_ context.Context, events []notify.Event) (accepted int, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	written, err := l.append(events)
	if synced := l.file.Sync(); synced != nil {
		written, err = 0, errors.Join(err, synced)
	}
	if err != nil {
		return written, fmt.Errorf("%w: %s: %w", notify.ErrUnavailable, l.file.Name(), cause(err))
	}
	return written, nil
}

// append writes the lines and returns how many are whole.
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

// cause drops from err what the sentence around it says: what was done, and
// with which file.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
