package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callrecordings/api/local/datadir"
)

// A second server on the same folder does not start and does not disturb the first.
// The recordings command still works. The lock ends with its process, even by a kill.
func TestASecondServerDoesNotStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	first := launch(t, path, "--empty")
	code, stdout, stderr := runWith(t.Context(), map[string]string{"PORT": "0", "DATA_DIR": path})
	want := "recordings-server: another server is already running on the data folder " + path + "; stop it first, or choose another folder with DATA_DIR=…\n"
	if code != 1 || stdout != "" || stderr != want {
		t.Errorf("a second server: %d, %q, %q, want 1 and %q", code, stdout, stderr, want)
	}
	dir, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	r := add(t, dir, "01-appointment.mp3")
	if got := strings.Join(ids(t, first.vars), " "); got != r.ID {
		t.Errorf("recordings = %q, want the one added beside the server, %q", got, r.ID)
	}
	if err := first.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.wait(t, 10*time.Second)
	stop(t, launch(t, path, "--empty"), syscall.SIGINT)
}
