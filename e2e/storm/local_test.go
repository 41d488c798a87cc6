//go:build e2e

package storm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"callrecordings/e2e/given"
	"callrecordings/e2e/pbx"
	"callrecordings/local/datadir"
)

// TestStormLocal sends the recordings to the server of make run, which it
// repeatedly kills and restarts on the same data folder.
func TestStormLocal(t *testing.T) {
	bin := given.Programs(t, "callrecordings/local", "callrecordings/cmd/recordings")
	data := filepath.Join(t.TempDir(), "data")
	// The ports are below the ephemeral range: while the server is down, an outgoing
	// connection could take an ephemeral port.
	const port = 18700
	log, err := os.Create(filepath.Join(bin, "local.log"))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var server *exec.Cmd
	start := func() {
		server = exec.Command(filepath.Join(bin, "local"), "--empty")
		server.Env = append(os.Environ(), "DATA_DIR="+data, "HOST=127.0.0.1", "PORT="+strconv.Itoa(port), "S3_PORT="+strconv.Itoa(port+1))
		server.Stdout, server.Stderr = log, log
		if err := server.Start(); err != nil {
			t.Error(err)
		}
	}
	end := func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	}
	start()
	t.Cleanup(end)
	p := place{url: "http://127.0.0.1:" + strconv.Itoa(port), every: 400 * time.Millisecond, rest: patience, ways: append(ways, forms), kill: func() bool {
		mu.Lock()
		defer mu.Unlock()
		end()
		start()
		return true
	}}
	given.Await(t, p.url, log.Name())
	dir, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	p.s3 = pbx.S3{
		Endpoint: "http://127.0.0.1:" + strconv.Itoa(port+1), Bucket: datadir.Bucket, Region: "us-east-1",
		ID: dir.Keys.S3AccessKeyID, Secret: dir.Keys.S3SecretAccessKey,
	}
	p.events = eventLog(t, filepath.Join(data, "events.jsonl"))
	p.open(t, dir.Keys.Token, filepath.Join(bin, "recordings"), "--data-dir", data)
	storm(t, p, uploadCount(t, 2000))
	if t.Failed() {
		text, _ := os.ReadFile(log.Name())
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, `"level":`) && !strings.Contains(line, `"level":"INFO"`) {
				t.Log(strings.TrimSpace(line))
			}
		}
	}
}
