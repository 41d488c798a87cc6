//go:build e2e

package release_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/shared/version"
)

// root is the folder of the repository.
const root = "../.."

// target is the release that runs on this machine.
const target = "linux/" + runtime.GOARCH

// once builds the release of target.
var once sync.Once

// build builds the release of target, once for all tests, and returns its folder.
func build(t *testing.T) (dist string) {
	t.Helper()
	once.Do(func() { command(t, root, "make", "-s", "release", "TARGETS="+target) })
	return filepath.Join(root, "dist")
}

// command runs a program in a folder and returns its standard output. The test fails
// if its exit code is not 0.
func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out)
}

// sums returns SHA256SUMS, after checking it.
func sums(t *testing.T, dist string) string {
	t.Helper()
	command(t, dist, "sha256sum", "--check", "--strict", "SHA256SUMS")
	text, err := os.ReadFile(filepath.Join(dist, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The archive unpacks to the programs, which run, and to their README.
func TestReleaseArchive(t *testing.T) {
	dist := build(t)
	name := "recordings-" + version.Number + "-" + strings.ReplaceAll(target, "/", "-")
	if lines := sums(t, dist); strings.Count(lines, "\n") != 3 || !strings.Contains(lines, "  "+name+".tar.gz\n") {
		t.Errorf("SHA256SUMS is %q, want the archive and two bills of materials", lines)
	}
	work := t.TempDir()
	archive, err := filepath.Abs(filepath.Join(dist, name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	command(t, work, "tar", "xzf", archive)
	unpacked := filepath.Join(work, name)
	for name, want := range map[string]string{"README.md": "(docs/how-to/run-on-one-machine.md)", "LICENSE": "All rights reserved", "docs/contract.md": "# "} {
		if text, err := os.ReadFile(filepath.Join(unpacked, name)); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s has %d bytes, %v, want some with %q", name, len(text), err, want)
		}
	}
	checkMessages(t, unpacked)
	for _, p := range []string{"recordings", "recordings-server"} {
		if got, want := command(t, work, filepath.Join(unpacked, p), "--version"), p+" "+version.Number+"\n"; got != want {
			t.Errorf("%s --version = %q, want %q", p, got, want)
		}
		checkBill(t, filepath.Join(dist, p+strings.TrimPrefix(name, "recordings")+".cdx.json"))
	}
	serve(t, unpacked)
}

// checkMessages checks that the server's messages begin with the name that it has in the
// archive.
func checkMessages(t *testing.T, unpacked string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(unpacked, "recordings-server"), "--empty")
	cmd.Env = append(os.Environ(), "PORT=none")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.HasPrefix(string(out), "recordings-server: settings: PORT ") {
		t.Errorf("a server with an invalid port ended with %v and printed %q", err, out)
	}
}

// checkBill checks that a bill of materials names modules with their versions.
func checkBill(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var bill struct {
		BOMFormat  string
		Components []struct{ Name, Version string }
		Metadata   struct {
			Component struct{ Licenses []struct{ Expression string } }
		}
	}
	if err := json.Unmarshal(text, &bill); err != nil {
		t.Fatal(err)
	}
	if l := bill.Metadata.Component.Licenses; len(l) != 1 || l[0].Expression != "LicenseRef-Proprietary" {
		t.Errorf("%s has the licenses %v", path, l)
	}
	found := map[string]string{}
	for _, c := range bill.Components {
		found[c.Name] = c.Version
	}
	if bill.BOMFormat != "CycloneDX" || found["modernc.org/sqlite"] == "" || found["std"] == "" {
		t.Errorf("%s has the format %q and the components %v, want SQLite and Go's library", path, bill.BOMFormat, found)
	}
}

// serve starts the server of an unpacked archive, adds a recording with the other
// program, and checks that the server is healthy.
func serve(t *testing.T, unpacked string) {
	t.Helper()
	port := given.Ports(t)
	env := append(os.Environ(), "DATA_DIR="+filepath.Join(t.TempDir(), "data"), "PORT="+strconv.Itoa(port), "S3_PORT="+strconv.Itoa(port+1), "TOKEN_KEYS=")
	server := exec.Command(filepath.Join(unpacked, "recordings-server"), "--empty")
	var log bytes.Buffer
	server.Env, server.Stdout, server.Stderr = env, &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	given.Await(t, "http://127.0.0.1:"+strconv.Itoa(port), os.DevNull)
	audio, err := filepath.Abs(filepath.Join(root, "local/demo/01-appointment.mp3"))
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"recordings-server", "--health"}, {"recordings", "add", audio, "--account", "A"}} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(unpacked, args[0]), args[1:]...)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
	}
	if err := server.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil || !strings.Contains(log.String(), filepath.Join(unpacked, "recordings")+" add FILE") {
		t.Errorf("the server ended with %v and printed %s, want how to add a file with the program beside it", err, log.String())
	}
}

// A copy of the source in another folder gives the same archive and the same bills of
// materials.
func TestReleaseIsReproducible(t *testing.T) {
	want := sums(t, build(t))
	files := strings.Fields(command(t, root, "git", "ls-files"))
	there := t.TempDir()
	command(t, root, "cp", append(append([]string{"--parents"}, files...), there)...)
	t.Setenv("SOURCE_DATE_EPOCH", strings.TrimSpace(command(t, root, "git", "log", "-1", "--format=%ct")))
	command(t, there, "make", "-s", "release", "TARGETS="+target)
	if got := sums(t, filepath.Join(there, "dist")); got != want {
		t.Errorf("SHA256SUMS in another folder:\n%s\nwant:\n%s", got, want)
	}
}
