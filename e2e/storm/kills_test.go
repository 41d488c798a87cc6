//go:build e2e

package storm_test

import (
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
)

// killed is the state of TestKills.
type killed struct {
	place
	t      *testing.T
	client *http.Client
	// server is the server under test, program the recordings command, data the data
	// folder, and work a folder for files to add and import.
	server              *given.Box
	program, data, work string
	operations          atomic.Int64
	mu                  sync.Mutex
	calls               []*call
	revoked             []string // URLs with revoked storage secrets
}

// TestKills sends a mixed load to the server of make run and kills it KILLS times,
// 60 by default. After one undisturbed start, everything that was acknowledged must be
// there, and nothing else: no audio without a recording, no names or numbers of
// deleted callers, no revoked secrets.
func TestKills(t *testing.T) {
	kills := killCount(t)
	bin := given.Programs(t, "github.com/callrecordings/api/local", "github.com/callrecordings/api/cmd/recordings")
	work := t.TempDir()
	k := &killed{
		t: t, client: &http.Client{Timeout: time.Minute},
		program: filepath.Join(bin, "recordings"), data: filepath.Join(work, "data"), work: work,
	}
	k.server = given.StartBox(t, filepath.Join(bin, "local"), k.data, localPort+2)
	k.url = k.server.URL
	k.openLocal(t, k.server, bin, k.data)
	begun := time.Now()
	k.load(kills)
	t.Logf("%d kills in %v: %d calls, %d operations", kills, time.Since(begun).Round(time.Second), len(k.calls), k.operations.Load())

	k.checkCalls()
	k.checkRevoked()
	k.checkDelivered()
	k.server.Stop()
	k.afterADay()
	k.checkObjects()
	k.checkTraces()
	logFailures(t, k.server)
}

// killCount returns the number of kills: KILLS if set, otherwise 60.
func killCount(t *testing.T) int {
	t.Helper()
	text := os.Getenv("KILLS")
	if text == "" {
		return 60
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// load sends calls, one after the other in each worker, and kills the server n times
// in the meantime. The last kill comes when all calls have been acknowledged, so their
// arrivals, purges and events may still wait.
func (k *killed) load(n int) {
	var next atomic.Int64
	var working sync.WaitGroup
	done := make(chan struct{})
	for range workers {
		working.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					k.live(int(next.Add(1) - 1))
				}
			}
		})
	}
	for range n - 1 {
		time.Sleep(50*time.Millisecond + rand.N(650*time.Millisecond))
		k.server.Kill()
	}
	close(done)
	working.Wait()
	k.server.Kill()
}

// afterADay lets the upkeep of the next day remove leftovers and overwrite traces: it makes
// unfinished files old, and runs the server with a clock that is a day ahead.
func (k *killed) afterADay() {
	k.t.Helper()
	old := time.Now().Add(-72 * time.Hour)
	for _, name := range []string{"audio/tmp", "audio/uploads"} {
		entries, err := os.ReadDir(filepath.Join(k.data, name))
		if err != nil {
			k.t.Fatal(err)
		}
		for _, e := range entries {
			if err := os.Chtimes(filepath.Join(k.data, name, e.Name()), old, old); err != nil {
				k.t.Error(err)
			}
		}
		if len(entries) > 0 {
			k.t.Logf("%s: %d leftovers", name, len(entries))
		}
	}
	later := filepath.Join(k.t.TempDir(), "later")
	if out, err := given.TestBinary(k.t, "github.com/callrecordings/api/local", later); err != nil {
		k.t.Fatalf("%v\n%s", err, out)
	}
	before := k.leftovers()
	server := given.StartBox(k.t, later, k.data, localPort+4, "LOCAL_TEST_AS_SERVER=1", "LOCAL_TEST_AHEAD=25h")
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if len(k.leftovers()) == 0 && len(k.searchTraces().found) == 0 {
			break
		}
	}
	server.Stop()
	k.t.Logf("leftovers: %d before the upkeep of the next day, %d after it", len(before), len(k.leftovers()))
}
