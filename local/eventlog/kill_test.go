package eventlog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/shared/notify"
)

// killAt is the variable that makes this test binary write events, into a file in its
// working directory, until it is killed. It names where it kills itself.
const killAt = "EVENTLOG_TEST_KILL"

// TestMain runs the child of the tests that kill.
func TestMain(m *testing.M) {
	if kill := os.Getenv(killAt); kill != "" {
		child("events.jsonl", kill)
	}
	os.Exit(m.Run())
}

// child sends events with ascending numbers, and prints the number of each that is
// accepted.
func child(path, kill string) {
	die := func(where string) {
		if where == kill {
			p, _ := os.FindProcess(os.Getpid())
			_ = p.Kill()
			time.Sleep(time.Minute)
		}
	}
	l, err := Open(path, Options{MaxBytes: perFile, Keep: 1000, rename: func(from, to string) error {
		die("before the rename")
		err := os.Rename(from, to)
		die("after the rename")
		return err
	}})
	if err != nil {
		panic(err)
	}
	first, _ := strconv.Atoi(os.Getenv("EVENTLOG_TEST_FIRST"))
	senders, _ := strconv.Atoi(os.Getenv("EVENTLOG_TEST_SENDERS"))
	var next atomic.Int64
	next.Store(int64(first))
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() {
			for {
				i := int(next.Add(1) - 1)
				if _, err := l.Send(context.Background(), []notify.Event{numbered(i)}); err != nil {
					panic(err)
				}
				fmt.Println(i)
			}
		})
	}
	sending.Wait()
}

// run runs the child until it is killed, at most for a time, and returns the number of
// the last event that it has acknowledged.
func run(t *testing.T, path, kill string, first int, most time.Duration) int {
	t.Helper()
	last := first - 1
	for _, n := range runSenders(t, path, kill, 1, first, most) {
		last = n
	}
	return last
}

// runSenders runs the child with several senders until it is killed, at most for a time
// after its first acknowledgment, and returns the numbers of the events that it has acknowledged.
func runSenders(t *testing.T, path, kill string, senders, first int, most time.Duration) (acknowledged []int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Dir = filepath.Dir(path)
	cmd.Env = append(os.Environ(), killAt+"="+kill, "EVENTLOG_TEST_FIRST="+strconv.Itoa(first), "EVENTLOG_TEST_SENDERS="+strconv.Itoa(senders))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var timer *time.Timer // from the first acknowledgment, because a busy machine starts slowly
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // the last line may be cut off
		}
		if timer == nil {
			timer = time.AfterFunc(most, func() { _ = cmd.Process.Kill() })
		}
		if n, err := strconv.Atoi(strings.TrimSuffix(line, "\n")); err == nil {
			acknowledged = append(acknowledged, n)
		}
	}
	_ = cmd.Wait()
	if timer != nil {
		timer.Stop()
	}
	return acknowledged
}

// Several senders at once, and kills, lose no acknowledged event while the file is rotated,
// and write none to two files. No file is longer than the limit and one line.
func TestKillsOfConcurrentSenders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	const apart = 1_000_000 // between the numbers of two processes
	want := map[int]bool{}
	for i := 0; i < 6 || (i < 60 && (len(want) < 10 || len(files(t, path)) < 4)); i++ {
		kill := []string{"outside", "before the rename", "after the rename"}[i%3]
		for _, n := range runSenders(t, path, kill, 8, i*apart, time.Duration(100+50*i)*time.Millisecond) {
			want[n] = true
		}
	}
	got := map[int]int{}
	for _, n := range logged(t, path) {
		if got[n]++; got[n] > 1 {
			t.Errorf("event %d is there %d times", n, got[n])
		}
	}
	for n := range want {
		if got[n] == 0 {
			t.Errorf("event %d was acknowledged, but is in no file", n)
		}
	}
	if len(want) < 10 || len(files(t, path)) < 4 {
		t.Errorf("%d events were acknowledged, in %d files; the test shows little", len(want), len(files(t, path)))
	}
	for _, name := range files(t, path) {
		if info, err := os.Stat(name); err != nil || info.Size() > 2*perFile {
			t.Errorf("%s: %d bytes, %v", filepath.Base(name), info.Size(), err)
		}
	}
}

// A kill, also between the renaming of a file and the creation of the next, loses no
// acknowledged event, and the next process goes on.
func TestAKillLosesNoEvent(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.jsonl")
	next, renames := 1, 0
	for i, kill := range []string{"after the rename", "before the rename", "after the rename", "outside", "outside", "outside"} {
		last := run(t, path, kill, next, time.Duration(50+30*i)*time.Millisecond)
		for last < next && kill != "outside" { // a slow machine: the child was killed before its first event
			next = len(logged(t, path)) + 1
			last = run(t, path, kill, next, 10*time.Second)
		}
		if _, err := os.Stat(path); kill == "after the rename" && errors.Is(err, os.ErrNotExist) {
			renames++
		}
		got := logged(t, path)
		if want := upTo(1, last); len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Fatalf("killed %s: events = %d, want all up to the acknowledged %d", kill, got, last)
		}
		next = len(got) + 1 // the last one may be stored but not acknowledged
	}
	if renames == 0 {
		t.Error("no kill was between the renaming and the creation of a file")
	}
}
