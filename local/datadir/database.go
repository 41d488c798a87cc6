package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/callrecordings/api/shared/store/sqlite"
)

// databaseFile is the name of the database in the folder.
const databaseFile = "recordings.db"

// ErrLost means that the folder has audio, but no database.
var ErrLost = errors.New("the data folder has audio, but its database is missing or empty")

// checkDatabase returns ErrLost if there is audio, but the database is missing or
// empty. A new database would show no recordings, and their audio would look like
// that of interrupted uploads. A new folder never has audio before it has a database.
func (d *Dir) checkDatabase() error {
	info, err := os.Stat(d.File(databaseFile))
	if err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil // present, or an error that opening it explains
	}
	if info, err := os.Stat(d.File(databaseFile + "-wal")); err == nil && info.Size() > 0 {
		return nil // killed while it was new: its first pages are in there
	}
	audio, err := d.hasAudio()
	if err != nil || !audio {
		return err
	}
	return fmt.Errorf("%w; restore %s from a backup, or move %s away to start without recordings",
		ErrLost, d.File(databaseFile), d.File("audio"))
}

// hasAudio reports whether the bucket has any object.
func (d *Dir) hasAudio() (bool, error) {
	found := errors.New("found")
	err := filepath.WalkDir(filepath.Join(d.File("audio"), "objects", Bucket), func(_ string, e fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case e.IsDir() && strings.HasPrefix(e.Name(), "."): // the server's own files
			return fs.SkipDir
		case e.Type().IsRegular():
			return found
		}
		return nil
	})
	if errors.Is(err, found) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("the audio of the data folder cannot be read: %w", err)
	}
	return false, nil
}

// adviceError is an error of a damaged database with advice on how to recover.
type adviceError struct{ error }

// Unwrap returns the error without the advice.
func (a adviceError) Unwrap() error { return errors.Unwrap(a.error) }

// Explain adds the file and advice on how to recover to an error that a damaged
// database has caused. It returns any other error unchanged.
func (d *Dir) Explain(err error) error {
	if _, explained := errors.AsType[adviceError](err); explained || !errors.Is(err, sqlite.ErrDamaged) {
		return err
	}
	file := d.File(databaseFile)
	return adviceError{fmt.Errorf("%w; restore %s from a backup, or recover what it holds with `sqlite3 %s .recover | sqlite3 recovered.db`"+
		" and put that in its place, without the old -wal and -shm files", err, file, file)}
}
