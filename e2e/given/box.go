package given

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Box is the server of make run as a process on a data folder. Its methods may be
// called concurrently.
type Box struct {
	// URL is the base URL of the API, S3 that of the built-in S3 server.
	URL, S3 string
	// Log is the file with the output of all runs.
	Log string

	t       testing.TB
	data    string
	port    int
	log     *os.File
	mu      sync.Mutex
	program string
	more    []string
	cmd     *exec.Cmd
}

// StartBox starts a server on a data folder, without demo recordings, and waits until
// it answers. It uses a port and the next one. more holds further environment
// variables. The server is killed when the test ends. The test fails if another server
// has the port, because that one would answer.
func StartBox(t testing.TB, program, data string, port int, more ...string) *Box {
	t.Helper()
	if other, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
		_ = other.Close()
		t.Fatalf("another server has port %d", port)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "local.log"))
	if err != nil {
		t.Fatal(err)
	}
	host := "http://127.0.0.1:"
	b := &Box{
		URL: host + strconv.Itoa(port), S3: host + strconv.Itoa(port+1), Log: log.Name(),
		t: t, program: program, data: data, port: port, log: log, more: more,
	}
	b.start()
	t.Cleanup(func() {
		b.end(os.Kill)
		_ = log.Close()
	})
	Await(t, b.URL, b.Log)
	return b
}

// start starts the process.
func (b *Box) start() {
	b.cmd = exec.CommandContext(context.WithoutCancel(b.t.Context()), b.program, "--empty") //nolint:gosec // tests choose the program
	b.cmd.Env = append(os.Environ(), "DATA_DIR="+b.data, "HOST=127.0.0.1", "PORT="+strconv.Itoa(b.port), "S3_PORT="+strconv.Itoa(b.port+1))
	b.cmd.Env = append(b.cmd.Env, b.more...)
	b.cmd.Stdout, b.cmd.Stderr = b.log, b.log
	if err := b.cmd.Start(); err != nil {
		b.t.Error(err)
	}
}

// end sends a signal to the process and waits until it has ended.
func (b *Box) end(signal os.Signal) {
	if b.cmd.Process != nil && b.cmd.ProcessState == nil {
		_ = b.cmd.Process.Signal(signal)
		_ = b.cmd.Wait()
	}
}

// Kill kills the process (SIGKILL) and starts it again at once.
func (b *Box) Kill() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end(os.Kill)
	b.start()
}

// CutOff kills the process, calls meanwhile, and starts the process again. It waits
// until the server answers.
func (b *Box) CutOff(meanwhile func()) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end(os.Kill)
	meanwhile()
	b.start()
	Await(b.t, b.URL, b.Log)
}

// Stop ends the process with SIGTERM. The test fails if the process has already
// ended, or returns an error.
func (b *Box) Stop() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	hung := time.AfterFunc(time.Minute, func() { _ = b.cmd.Process.Kill() })
	defer hung.Stop()
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		b.t.Errorf("stop the server: %v", err)
	}
	if err := b.cmd.Wait(); err != nil {
		text, _ := os.ReadFile(b.Log)
		b.t.Errorf("the server ended with %v\n%s", err, text[max(0, len(text)-2000):])
	}
}

// PID returns the ID of the process.
func (b *Box) PID() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cmd.Process.Pid
}

// Goroutines ends the process and returns how many goroutines it had: SIGQUIT makes a Go
// program print them.
func (b *Box) Goroutines() int {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end(syscall.SIGQUIT)
	text, err := os.ReadFile(b.Log)
	if err != nil {
		b.t.Fatal(err)
	}
	n := bytes.Count(text, []byte("\ngoroutine "))
	if n == 0 {
		b.t.Fatal("the server printed no goroutines")
	}
	return n
}
