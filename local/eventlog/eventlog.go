// Package eventlog writes events to a file, one JSON object per line. Locally it
// takes the place of the event bus in the cloud (docs/reference/events.md). A [Log] is a
// [notify.Sink].
//
// The file is append-only. It can be read at any time, for example with `tail -f`,
// and two processes can write to it at once. Send accepts an event only after its
// line is on the disk. If a process dies in the middle of a line, the next write
// begins a new line, and the event is sent again. Readers must therefore skip lines
// that are empty or not valid JSON.
//
// The log never removes anything. To start a new file, rename the old one and
// restart the server.
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

// perm makes the file readable only by its owner: events are about private calls.
const perm = 0o600

// Log is a file of events. It is safe for concurrent use.
type Log struct {
	mu   sync.Mutex
	file *os.File
}

var _ notify.Sink = (*Log)(nil)

// Open opens the file at path and creates it if necessary. Its folder must exist.
func Open(path string) (*Log, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, perm)
	if err != nil {
		return nil, fmt.Errorf("cannot write events to %s: %w", path, cause(err))
	}
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot write events to %s: %w", path, cause(err)), file.Close())
	}
	return &Log{file: file}, nil
}

// syncFolder syncs the folder, so that a new file also survives a crash.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Close closes the file.
func (l *Log) Close() error { return l.file.Close() }

// Send appends the events, with one write per line, and then syncs the file; see
// [notify.Sink]. If the sync fails, no event counts as accepted. Send ignores
// ctx, because a disk has no timeout. Error: notify.ErrUnavailable.
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

// cause removes the operation and the path from err, because the wrapping message
// already contains them.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
