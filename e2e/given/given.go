// Package given is what tests of the whole are given: the variables that e2e/run
// sets, the programs of this module, and ports for these to listen on.
package given

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// Variable is the value of a variable that e2e/run sets. The test fails without
// it: it is no reason to skip that what a test needs is missing.
func Variable(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s is not set; make e2e sets it", name)
	}
	return value
}

// Programs builds commands of this module, by their import paths, and returns the
// folder that they are in for as long as the test runs.
func Programs(t testing.TB, packages ...string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	args := append([]string{"build", "-o", folder + string(os.PathSeparator)}, packages...)
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil { //nolint:gosec // tests name them
		t.Fatalf("building %v: %v\n%s", packages, err, out)
	}
	return folder
}

// Ports returns a port of this machine that is free, and whose successor is free
// as well.
func Ports(t testing.TB) int {
	t.Helper()
	var on net.ListenConfig
	for range 50 {
		first, err := on.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := first.Addr().(*net.TCPAddr).Port
		second, err := on.Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+1)))
		_ = first.Close()
		if err == nil {
			_ = second.Close()
			return port
		}
	}
	t.Fatal("no two free ports in a row")
	return 0
}

// Await waits, for a minute at most, until something answers at url, whatever it
// says. log is the file that tells why nothing does.
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
	t.Fatalf("nothing answers at %s:\n%s", url, text)
}
