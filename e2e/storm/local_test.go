//go:build e2e

package storm_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"callrecordings/e2e/pbx"
	"callrecordings/local/datadir"
)

// TestStormLocal is against what make run starts, killed again and again and
// started over the same folder.
func TestStormLocal(t *testing.T) {
	bin := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin+"/", "callrecordings/local", "callrecordings/cmd/recordings").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data := filepath.Join(t.TempDir(), "data")
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
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if resp, err := http.Get(p.url); err == nil {
			_ = resp.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not start")
		}
	}
	dir, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	p.s3 = pbx.S3{
		Endpoint: "http://127.0.0.1:" + strconv.Itoa(port+1), Bucket: datadir.Bucket, Region: "us-east-1",
		ID: dir.Keys.S3AccessKeyID, Secret: dir.Keys.S3SecretAccessKey,
	}
	p.open(t, dir.Keys.Token, func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "recordings"), append(args, "--data-dir", data)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	})
	storm(t, p, uploadsOf(t, 2000))
	if t.Failed() {
		text, _ := os.ReadFile(log.Name())
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, `"level":`) && !strings.Contains(line, `"level":"INFO"`) {
				t.Log(strings.TrimSpace(line))
			}
		}
	}
}
