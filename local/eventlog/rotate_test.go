package eventlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/notify"
	"github.com/callrecordings/api/shared/recording"
)

// perFile is the size limit in these tests, so that a file has three events.
const perFile = 600

func numbered(n int) notify.Event {
	return notify.Event{
		Type: notify.Created, Time: time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC),
		Account: "a", ID: fmt.Sprintf("202601-%06d", n), Revision: "r", State: recording.Pending,
	}
}

func openLog(t *testing.T, path string, o Options) *Log {
	t.Helper()
	o.Failed = func(err error) { t.Logf("Failed: %v", err) }
	l, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// send sends the events with the numbers from first to last, one at a time.
func send(t *testing.T, l *Log, first, last int) {
	t.Helper()
	for i := first; i <= last; i++ {
		if n, err := l.Send(t.Context(), []notify.Event{numbered(i)}); n != 1 || err != nil {
			t.Fatalf("Send = %d, %v, want 1", n, err)
		}
	}
}

// files returns the names of the files in the folder of path, in the order of their
// events.
func files(t *testing.T, path string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(filepath.Dir(path), "events-*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	if _, err := os.Stat(path); err == nil {
		names = append(names, path)
	}
	return names
}

// logged returns the numbers of the events in all files, in order.
func logged(t *testing.T, path string) []int {
	t.Helper()
	var all []int
	for _, name := range files(t, path) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			var e struct{ Detail struct{ ID string } }
			if json.Unmarshal([]byte(line), &e) != nil {
				continue // a line that a kill has cut
			}
			n, err := strconv.Atoi(strings.TrimPrefix(e.Detail.ID, "202601-"))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, n)
		}
	}
	return all
}

// upTo returns the numbers from first to last.
func upTo(first, last int) []int {
	var all []int
	for i := first; i <= last; i++ {
		all = append(all, i)
	}
	return all
}

// The oldest files are removed; the others keep their names and their order.
func TestRotation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	l := openLog(t, path, Options{MaxBytes: perFile, Keep: 2})
	send(t, l, 1, 7)
	if got := len(files(t, path)); got != 3 {
		t.Fatalf("%d files after 7 events, want 3", got)
	}
	first, err := os.ReadFile(l.numbered(2))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	send(t, openLog(t, path, Options{MaxBytes: perFile, Keep: 2}), 8, 10) // after a restart
	if _, err := os.Stat(l.numbered(1)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the oldest of three renamed files: %v, want it removed", err)
	}
	if again, err := os.ReadFile(l.numbered(2)); err != nil || string(again) != string(first) {
		t.Errorf("%s has changed from %q to %q, %v", l.numbered(2), first, again, err)
	}
	if got, want := logged(t, path), upTo(4, 10); !slices.Equal(got, want) {
		t.Errorf("events = %d, want %d", got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != perm {
		t.Errorf("the new file: %v, %v, want mode 0600", info.Mode(), err)
	}
}

// Without a limit, the file grows.
func TestNoRotation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	send(t, openLog(t, path, Options{}), 1, 50)
	if got := files(t, path); len(got) != 1 {
		t.Errorf("files = %q, want one", got)
	}
}

// If the file cannot be renamed, events are written to it further, and it is renamed
// as soon as that works.
func TestAFileThatCannotBeRenamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	broken := true
	l := openLog(t, path, Options{MaxBytes: perFile, Keep: 5, rename: func(from, to string) error {
		if broken {
			return errors.New("used by another process")
		}
		return os.Rename(from, to)
	}})
	var failures int
	l.o.Failed = func(error) { failures++ }
	send(t, l, 1, 5)
	if got := files(t, path); len(got) != 1 || failures == 0 {
		t.Errorf("files = %q after %d reported failures, want one, and a report", got, failures)
	}
	broken = false
	send(t, l, 6, 12)
	if got, want := logged(t, path), upTo(1, 12); !slices.Equal(got, want) || len(files(t, path)) < 2 {
		t.Errorf("events = %d in %q, want %d in several files", got, files(t, path), want)
	}
}

// An operator may rename or remove the file while the server runs.
func TestAFileThatTheOperatorRenames(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	l := openLog(t, path, Options{})
	send(t, l, 1, 2)
	if err := os.Rename(path, filepath.Join(filepath.Dir(path), "events-00000001.jsonl")); err != nil {
		t.Fatal(err)
	}
	send(t, l, 3, 4)
	if got, want := logged(t, path), upTo(1, 4); !slices.Equal(got, want) || len(files(t, path)) != 2 {
		t.Errorf("events = %d in %q, want %d in two files", got, files(t, path), want)
	}
}

// A linked file is renamed where it is, and the link leads to the new one.
func TestALinkedFile(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "events.jsonl")
	path := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	send(t, openLog(t, link, Options{MaxBytes: perFile, Keep: 9}), 1, 7)
	if got, want := logged(t, path), upTo(1, 7); !slices.Equal(got, want) || len(files(t, path)) != 3 {
		t.Errorf("events = %d in %q, want %d in three files", got, files(t, path), want)
	}
}

// follower is a reader that follows the file by its name, as docs/reference/events.md describes.
type follower struct {
	path string
	file *os.File
	text string
}

// read reads all new lines. It reads the file to its end before it opens the one that
// has taken its name.
func (f *follower) read(t *testing.T) {
	t.Helper()
	for {
		if f.file == nil {
			var err error
			if f.file, err = os.Open(f.path); err != nil {
				return
			}
		}
		there, err := os.Stat(f.path)
		moved := err != nil
		if err == nil {
			ours, err := f.file.Stat()
			moved = err != nil || !os.SameFile(there, ours)
		}
		buffer := make([]byte, 1<<16)
		n, _ := f.file.Read(buffer)
		for ; n > 0; n, _ = f.file.Read(buffer) {
			f.text += string(buffer[:n])
		}
		if !moved {
			return
		}
		_ = f.file.Close()
		f.file = nil
	}
}

// A reader that follows the file by its name misses no event.
func TestAFollowerMissesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	l := openLog(t, path, Options{MaxBytes: perFile, Keep: 1})
	f := &follower{path: path}
	for i := range 100 {
		send(t, l, i, i)
		if i%2 == 1 {
			f.read(t)
		}
	}
	_ = f.file.Close()
	if got := strings.Count(f.text, "\n"); got != 100 {
		t.Errorf("the follower read %d events, want 100", got)
	}
}

// All files together are bounded, while several senders write, and when fewer files are to
// be kept than before.
func TestAllFilesAreBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	l := openLog(t, path, Options{MaxBytes: perFile, Keep: 5})
	most := 0
	for range 10 {
		var sending sync.WaitGroup
		for sender := range 4 {
			sending.Go(func() {
				for i := range 5 {
					if n, err := l.Send(t.Context(), []notify.Event{numbered(10*sender + i)}); n != 1 || err != nil {
						t.Errorf("Send = %d, %v", n, err)
					}
				}
			})
		}
		sending.Wait()
		most = max(most, len(files(t, path)))
	}
	if most != 6 {
		t.Errorf("up to %d files, want 6: the current one and 5 renamed ones", most)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	send(t, openLog(t, path, Options{MaxBytes: perFile, Keep: 2}), 1, 6)
	if got := len(files(t, path)); got != 3 {
		t.Errorf("%d files when 2 renamed ones are to be kept, want 3", got)
	}
}
