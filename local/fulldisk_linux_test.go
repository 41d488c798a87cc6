package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fullDisk mounts a small disk. Mounting requires root; without permission, the test
// is skipped.
func fullDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m")
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) {
		t.Skip("mounting a disk is not allowed here")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A server starts on a full disk, after a stop as well as after a kill, and serves
// lists and audio. Changes are 503. When there is space again, they work.
func TestAFullDiskServesReads(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *process){
		"after a stop": func(t *testing.T, p *process) { stop(t, p, syscall.SIGINT) },
		"after a kill": func(t *testing.T, p *process) {
			_ = p.cmd.Process.Kill()
			_ = p.wait(t, 10*time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := fullDisk(t)
			dir := filepath.Join(disk, "data")
			p := launch(t, dir)
			all := ids(t, p.vars)
			end(t, p)
			fill := filepath.Join(disk, "fill")
			f, err := os.Create(fill)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(f, endless{}); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("filling the disk: %v, want %v", err, syscall.ENOSPC)
			}
			_ = f.Close()

			p = launch(t, dir)
			p.vars["URL"] = greeted(t, p) // demo.env is that of the first start
			if got := ids(t, p.vars); len(got) != len(all) {
				t.Errorf("%d recordings, want %d", len(got), len(all))
			}
			if got := download(t, p.vars, "/recordings/"+all[0]); !bytes.Equal(got, demoFile(t, "01-appointment.mp3")) {
				t.Errorf("%d bytes of audio, want those of the file", len(got))
			}
			const change = `{"data":{"user_metadata":{"tag":"x"}}}`
			if a := call(t, p.vars, http.MethodPatch, "/recordings/"+all[0], change); a.status != http.StatusServiceUnavailable {
				t.Errorf("PATCH on a full disk = %d, want 503", a.status)
			}
			if err := os.Remove(fill); err != nil {
				t.Fatal(err)
			}
			if a := call(t, p.vars, http.MethodPatch, "/recordings/"+all[0], change); a.status != http.StatusOK {
				t.Errorf("PATCH with space again = %d, want 200", a.status)
			}
			stop(t, p, syscall.SIGINT)
		})
	}
}

// greeted returns the address in the greeting.
func greeted(t *testing.T, p *process) string {
	t.Helper()
	_, rest, _ := strings.Cut(p.greeting, " is ready at ")
	url, _, found := strings.Cut(rest, "\n")
	if !found {
		t.Fatalf("no address in %s: %s", p.greeting, p.stderr)
	}
	return url
}

// endless is a reader of zeros.
type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }
