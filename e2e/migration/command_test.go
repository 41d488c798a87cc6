//go:build e2e

package migration_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// workers is the number of recordings that an import copies concurrently.
const workers = "16"

// command runs the recordings command against a target.
type command struct {
	path string
	args []string // options that select the target
	dir  string   // working folder
	peak int64    // peak memory of any run, in kB
}

// report is the summary that an import prints.
type report struct {
	Found    int64   `json:"found"`
	Twice    int64   `json:"found_twice"`
	Copied   int64   `json:"copied"`
	Known    int64   `json:"already_there"`
	Silent   int64   `json:"without_audio"`
	External int64   `json:"external"`
	Deleted  int64   `json:"deleted_here"`
	Refused  int64   `json:"refused"`
	Failed   int64   `json:"failed"`
	NotTried int64   `json:"not_tried"`
	Lists    int64   `json:"parts_of_the_list_not_read"`
	Bytes    int64   `json:"audio_bytes"`
	Seconds  float64 `json:"seconds"`
	Waits    int64   `json:"waits_for_the_target"`
}

// verified is the summary that a verification prints.
type verified struct {
	Found, Same, Missing, Different int64
	Damaged                         int64 `json:"audio_missing_or_different"`
	Unchecked                       int64 `json:"not_checked"`
	Refused                         int64 `json:"refused"`
	More                            int64 `json:"here_only"`
}

// imports returns a command that imports from k.
func (c *command) imports(t *testing.T, k *standIn, more ...string) *exec.Cmd {
	t.Helper()
	args := append([]string{
		"import", "kazoo", "--url", k.url, "--account", account, "--since", "2025-06-01", "--until", "2026-11-01",
		"--rate", "5000", "--concurrency", workers, "--json",
	}, more...)
	cmd := exec.CommandContext(t.Context(), c.path, append(args, c.args...)...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), "KAZOO_API_KEY="+key)
	return cmd
}

// killed starts the import several times and kills it after a random time between
// shortest and longest. Every third time, two imports run concurrently. It returns
// the number of kills, and how often k delivered audio again while two imports
// ran concurrently, because both then do the same work.
func (c *command) killed(t *testing.T, k *standIn, times int, shortest, longest time.Duration) (kills, duplicated int) {
	t.Helper()
	for i := range times {
		_, before := k.fetched()
		var running []*exec.Cmd
		for range 1 + (i+1)%3/2 {
			cmd := c.imports(t, k, "--report", "-")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			running = append(running, cmd)
		}
		time.Sleep(shortest + rand.N(longest-shortest))
		for _, cmd := range running {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // counted below only if it was killed
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
				kills++
			}
			c.note(cmd)
		}
		if _, after := k.fetched(); len(running) > 1 {
			duplicated += after - before
		}
	}
	return kills, duplicated
}

// note updates the peak memory usage after a run.
func (c *command) note(cmd *exec.Cmd) {
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.peak = max(c.peak, usage.Maxrss)
	}
}

// finish runs an import to its end and checks its exit code.
func (c *command) finish(t *testing.T, k *standIn, code int, more ...string) (r report, v verified) {
	t.Helper()
	cmd := c.imports(t, k, more...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	c.note(cmd)
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, %v, want %d\n%s%s", got, err, code, tail(string(out)), tail(errs.String()))
	}
	for line := range bytes.Lines(out) {
		var l struct {
			Report   *report
			Verified *verified
		}
		if err := json.Unmarshal(line, &l); err != nil {
			t.Errorf("%q is not JSON: %v", line, err)
		}
		if l.Report != nil {
			r = *l.Report
		}
		if l.Verified != nil {
			v = *l.Verified
		}
	}
	return r, v
}

// run runs another subcommand to its end and returns its output.
func (c *command) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.path, args...)
	cmd.Dir = c.dir
	out, err := cmd.CombinedOutput()
	c.note(cmd)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, tail(string(out)))
	}
	return string(out)
}

// named returns, by ID, the reasons of all recordings with the given outcome in the
// report file.
func (c *command) named(t *testing.T, outcome string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, "import-report.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range bytes.Lines(text) {
		var l struct{ Outcome, ID, Name, Reason string }
		if err := json.Unmarshal(line, &l); err != nil {
			t.Errorf("%q is not JSON: %v", line, err)
		}
		if l.Outcome == outcome {
			found[l.ID+l.Name] = l.Reason
		}
	}
	return found
}

// tail returns the last 20 lines of text.
func tail(text string) string {
	lines := strings.SplitAfter(text, "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "")
}
