// Package jobtest has what tests of jobs share: recordings to work on, the steps of a job, the
// queue that wakes workers, and a reader of the ZIP files that exports make.
package jobtest

import (
	"archive/zip"
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/job"
)

// Line is a queue in memory. It implements [job.Queue].
type Line struct {
	// Now returns the time when a message is sent.
	Now func() time.Time

	mu       sync.Mutex
	sent     int
	messages []delayed
}

// delayed is a message that is delivered at a time or later.
type delayed struct {
	job.Message

	due time.Time
}

// Wake sends a message.
func (l *Line) Wake(_ context.Context, account string, delay time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	now := l.Now()
	l.messages = append(l.messages, delayed{job.Message{Account: account, ID: strconv.Itoa(l.sent), Sent: now}, now.Add(delay)})
	return nil
}

// Take removes the first message that is due. ok is false if there is none.
func (l *Line) Take() (m job.Message, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.Now()
	i := slices.IndexFunc(l.messages, func(d delayed) bool { return !d.due.After(now) })
	if i < 0 {
		return m, false
	}
	m = l.messages[i].Message
	l.messages = slices.Delete(l.messages, i, i+1)
	return m, true
}

// Len returns the number of messages, due or not.
func (l *Line) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.messages)
}

// Again puts a message that was not handled at the end.
func (l *Line) Again(m job.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.messages = append(l.messages, delayed{m, l.Now()})
}

// maxSlices is how many slices Work does before it counts the work as endless.
const maxSlices = 10_000

// Work does slices until there are no messages. If a slice fails, its message is delivered again.
// before is called before each slice, and while no message is due. It moves the clock.
func (l *Line) Work(t testing.TB, e *job.Engine, before func()) {
	t.Helper()
	for range maxSlices {
		if l.Len() == 0 {
			return
		}
		before()
		m, ok := l.Take()
		if !ok {
			continue
		}
		if _, err := e.Slice(t.Context(), m); err != nil {
			l.Again(m)
		}
	}
	t.Fatal("the work does not end")
}

// Unzip returns the files of a ZIP file by their names. No two names may be equal apart from
// case, because some file systems ignore that.
func Unzip(t testing.TB, text string) map[string]string {
	t.Helper()
	z, err := zip.NewReader(strings.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	files, folded := map[string]string{}, map[string]bool{}
	for _, file := range z.File {
		body, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(body)
		if err != nil {
			t.Fatalf("%s: %v", file.Name, err)
		}
		if name := strings.ToLower(file.Name); folded[name] {
			t.Errorf("two files are named %s, apart from case", file.Name)
		} else {
			folded[name] = true
		}
		files[file.Name] = string(content)
	}
	return files
}
