// Package given holds setup helpers for the end-to-end tests. It reads the variables
// that e2e/run sets, builds programs of this module, and finds free ports for them.
package given

import (
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// Variable returns the value of an environment variable that e2e/run sets. If it
// is not set, the test fails rather than skips, so that a broken setup is noticed.
func Variable(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set; make e2e sets it", name)
	}
	return value
}

// Programs builds the commands with the given import paths and returns the folder
// that holds them. The folder is removed when the test ends.
func Programs(t testing.TB, packages ...string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	args := append([]string{"build", "-o", folder + string(os.PathSeparator)}, packages...)
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil { //nolint:gosec // tests name them
		t.Fatalf("building %v: %v\n%s", packages, err, out)
	}
	return folder
}

// The ports that Ports tries lie below those that Linux gives to connections and to
// listeners on port 0, so that no other test gets one before the server listens on it.
const firstPort, lastPort = 20_000, 32_000

// Ports returns a TCP port on 127.0.0.1 that is free, as is the next one. The local server listens
// on both.
func Ports(t testing.TB) int {
	t.Helper()
	var on net.ListenConfig
	for range 50 {
		port := firstPort + 2*rand.IntN((lastPort-firstPort)/2) //nolint:gosec // no secret
		first, err := on.Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		second, err := on.Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+1)))
		_ = first.Close()
		if err == nil {
			_ = second.Close()
			return port
		}
	}
	t.Fatal("found no two consecutive free ports")
	return 0
}

// Await waits at most one minute until a server answers at url, with any status.
// If there is no answer, the test fails and prints the log file named log.
func Await(t testing.TB, url, log string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if resp, err := http.DefaultClient.Do(r); err == nil {
			_ = resp.Body.Close()
			return
		}
	}
	text, _ := os.ReadFile(log)
	t.Fatalf("no answer from %s:\n%s", url, text)
}

// TestBinary builds the test binary of a package as the file at path. It returns the
// output of the go command.
func TestBinary(t testing.TB, name, path string) ([]byte, error) {
	t.Helper()
	return exec.CommandContext(t.Context(), "go", "test", "-c", "-o", path, name).CombinedOutput() //nolint:gosec // tests name it
}
