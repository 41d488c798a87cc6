package datadir

import (
	"errors"
	"fmt"
)

// lockFile is the file that a server holds locked. It stays in the folder after the
// server ends; only the lock counts.
const lockFile = "server.lock"

// ErrLocked means that another server is running on the folder.
var ErrLocked = errors.New("another server is already running on the data folder")

// errHeld is the error of lock if another process holds the lock.
var errHeld = errors.New("held by another process")

// Lock reserves the folder for one server until unlock is called. The operating
// system releases the lock when the process ends, however it ends. The recordings
// command does not need the lock, so it works beside a running server. Error:
// ErrLocked if another server has the lock.
func (d *Dir) Lock() (unlock func() error, err error) {
	f, err := lock(d.File(lockFile))
	switch {
	case errors.Is(err, errHeld):
		return nil, fmt.Errorf("%w %s; stop it first, or choose another folder with DATA_DIR=…", ErrLocked, d.Path)
	case err != nil:
		return nil, fmt.Errorf("the data folder %s cannot be locked: %w", d.Path, cause(err))
	}
	return f.Close, nil
}
