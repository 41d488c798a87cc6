package eventlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// prepare makes l.file the file at l.path, with room for more events.
func (l *Log) prepare() error {
	if l.closed {
		return os.ErrClosed
	}
	if err := l.follow(); err != nil {
		return err
	}
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	if l.o.MaxBytes > 0 && info.Size() >= l.limit && info.Mode().IsRegular() {
		return l.rotate(info.Size())
	}
	return nil
}

// follow opens the file again if the name no longer leads to it, because another
// process has renamed it.
func (l *Log) follow() error {
	if l.file == nil {
		return l.open()
	}
	there, err := os.Stat(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		ours, err := l.file.Stat()
		if err != nil {
			return err
		}
		if os.SameFile(there, ours) {
			return nil
		}
	}
	return l.reopen()
}

// reopen closes the file and opens the one that has its name now. All lines of the old
// file are synced already.
func (l *Log) reopen() error {
	_ = l.file.Close()
	l.file = nil
	return l.open()
}

// rotate renames the file to the next number, begins a new one, and removes old ones.
// If the file cannot be renamed, it is written to further, and the next try is when it
// has grown by a tenth of its limit.
func (l *Log) rotate(size int64) error {
	l.limit = size + l.o.MaxBytes/10 + 1
	numbers, err := l.numbers()
	if err != nil {
		l.failed(err)
		return nil
	}
	next := 1
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	// Windows renames no open file.
	if err := l.file.Close(); err != nil {
		return err
	}
	l.file = nil
	renamed := l.o.rename(l.path, l.numbered(next))
	if err := l.open(); err != nil { // which also syncs the folder
		return err
	}
	if renamed != nil {
		l.failed(fmt.Errorf("begin a new file of events: %w", renamed))
		return nil
	}
	l.limit = l.o.MaxBytes
	l.prune(append(numbers, next))
	return nil
}

// prune removes the oldest of the renamed files.
func (l *Log) prune(numbers []int) {
	keep := max(1, l.o.Keep)
	for _, n := range numbers[:max(0, len(numbers)-keep)] {
		if err := os.Remove(l.numbered(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.failed(fmt.Errorf("remove an old file of events: %w", err))
		}
	}
}

// numbered returns the path of a renamed file: "events-00000001.jsonl" for
// "events.jsonl". Names sort like numbers.
func (l *Log) numbered(n int) string {
	head, ext := l.parts()
	return fmt.Sprintf("%s-%08d%s", head, n, ext)
}

// parts returns the path without its extension, and the extension.
func (l *Log) parts() (head, ext string) {
	ext = filepath.Ext(l.path)
	return strings.TrimSuffix(l.path, ext), ext
}

// numbers returns the numbers of the renamed files in ascending order.
func (l *Log) numbers() ([]int, error) {
	entries, err := os.ReadDir(filepath.Dir(l.path))
	if err != nil {
		return nil, fmt.Errorf("list the files of events: %w", err)
	}
	head, ext := l.parts()
	var all []int
	for _, e := range entries {
		digits, named := strings.CutPrefix(e.Name(), filepath.Base(head)+"-")
		digits, ended := strings.CutSuffix(digits, ext)
		n, err := strconv.Atoi(digits)
		if named && ended && err == nil && n > 0 && filepath.Join(filepath.Dir(l.path), e.Name()) == l.numbered(n) {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// failed reports an error that does not keep events from being written.
func (l *Log) failed(err error) {
	if l.o.Failed != nil {
		l.o.Failed(err)
	}
}
