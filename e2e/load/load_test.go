//go:build e2e

package load_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/auth"
)

// The accounts of the load, of the slow clients, and of the client that must go on being
// served.
const (
	busyAccount  = "b0000000000000000000000000000001"
	slowAccount  = "b0000000000000000000000000000002"
	otherAccount = "b0000000000000000000000000000003"
)

// TestLoad runs CLIENTS clients (1,000) for SECONDS (60) against make run. As many clients
// read audio slowly, upload audio slowly, or send nothing or half a header, on the ports of the
// API and of the S3 server. Every answer to the others must be right, or a 429 or 503 with
// Retry-After. Clients of another account must go on being served by both. At the end, memory,
// goroutines and descriptors must be back where they were.
func TestLoad(t *testing.T) {
	clients, seconds := setting(t, "CLIENTS", 1000), setting(t, "SECONDS", 60)
	bin := given.Programs(t, "github.com/callrecordings/api/local")
	data := filepath.Join(t.TempDir(), "data")
	server := given.StartBox(t, filepath.Join(bin, "local"), data, given.Ports(t), "LOG_LEVEL=warn")
	w := &world{t: t, url: server.URL, s3: server.S3, tokens: tokens(t, data), clients: &http.Client{
		Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	w.prepare()

	w.clients.CloseIdleConnections()
	time.Sleep(5 * time.Second)
	idle := measure(t, server.PID())
	t.Logf("idle: %s", idle)
	w.end = time.Now().Add(time.Duration(seconds) * time.Second)
	var running sync.WaitGroup
	for i := range clients {
		running.Go(func() { w.mixed(i) })
	}
	for _, k := range w.slow {
		for range k.clients(clients) {
			running.Go(func() { w.slowly(k) })
		}
	}
	running.Go(w.observe)
	running.Go(w.play)
	time.Sleep(time.Until(w.end) * 2 / 5) // the API cuts off slow bodies after 30 s, all at once
	t.Logf("under load: %s", measure(t, server.PID()))
	w.heldBy(clients)
	running.Wait()
	w.clients.CloseIdleConnections()
	w.report(seconds)

	after := w.settled(server.PID(), idle.descriptors)
	t.Logf("afterwards: %s", after)
	if after.descriptors > idle.descriptors+20 {
		t.Errorf("%d descriptors are open, %d before the load", after.descriptors, idle.descriptors)
	}
	if after.memory > idle.memory+64<<20 {
		t.Errorf("%d MB of memory, %d MB before the load", after.memory>>20, idle.memory>>20)
	}
	before, left := idleGoroutines(t, bin), server.Goroutines()
	t.Logf("goroutines: %d, of an idle server %d", left, before)
	if left > before+10 {
		t.Errorf("%d goroutines are left, an idle server has %d", left, before)
	}
}

// setting returns a number from the environment.
func setting(t *testing.T, name string, byDefault int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return byDefault
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: want a number of 1 or more", name, text)
	}
	return n
}

// tokens returns a token of each account.
func tokens(t *testing.T, data string) map[string]string {
	t.Helper()
	dir, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, account := range []string{busyAccount, slowAccount, otherAccount} {
		if all[account], err = auth.Sign(dir.Keys.Token, auth.Claims{Account: account, Expires: time.Now().Add(6 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// idleGoroutines returns the number of goroutines of a server that has answered one
// request.
func idleGoroutines(t *testing.T, bin string) int {
	t.Helper()
	server := given.StartBox(t, filepath.Join(bin, "local"), filepath.Join(t.TempDir(), "idle"), given.Ports(t))
	time.Sleep(2 * time.Second)
	return server.Goroutines()
}

// usage is the usage of resources by a process.
type usage struct {
	descriptors int
	memory      int64 // bytes in RAM
}

// String implements fmt.Stringer.
func (u usage) String() string {
	return fmt.Sprintf("%d descriptors, %d MB", u.descriptors, u.memory>>20)
}

// measure returns the current usage of a process.
func measure(t *testing.T, pid int) usage {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	var total, resident int64
	if _, err := fmt.Sscan(string(text), &total, &resident); err != nil {
		t.Fatal(err)
	}
	return usage{descriptors: len(files), memory: resident * int64(os.Getpagesize())}
}

// settled returns the usage of the server once its descriptors are at most the given number,
// or after three minutes: it closes connections without requests after two.
func (w *world) settled(pid, descriptors int) usage {
	w.t.Helper()
	used := measure(w.t, pid)
	for end := time.Now().Add(3 * time.Minute); used.descriptors > descriptors && time.Now().Before(end); used = measure(w.t, pid) {
		time.Sleep(time.Second)
	}
	time.Sleep(5 * time.Second) // the server returns memory a little later
	return measure(w.t, pid)
}
