//go:build e2e

package storm_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/e2e/pbx"
	"github.com/callrecordings/api/local/datadir"
)

// TestStormLocal sends the recordings to the server of make run, which it
// repeatedly kills and restarts on the same data folder.
func TestStormLocal(t *testing.T) {
	bin := given.Programs(t, "github.com/callrecordings/api/local", "github.com/callrecordings/api/cmd/recordings")
	data := filepath.Join(t.TempDir(), "data")
	server := given.StartBox(t, filepath.Join(bin, "local"), data, localPort)
	p := place{url: server.URL, every: 400 * time.Millisecond, rest: patience, ways: append(ways, forms), kill: func() bool {
		server.Kill()
		return true
	}}
	p.openLocal(t, server, bin, data)
	storm(t, p, uploadCount(t, 2000))
	logFailures(t, server)
}

// localPort is below the ephemeral range: while the server is down, an outgoing
// connection could take an ephemeral port.
const localPort = 18700

// openLocal prepares p for the server of make run.
func (p *place) openLocal(t *testing.T, server *given.Box, bin, data string) {
	t.Helper()
	dir, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	p.s3 = pbx.S3{
		Endpoint: server.S3, Bucket: datadir.Bucket, Region: "us-east-1",
		ID: dir.Keys.S3AccessKeyID, Secret: dir.Keys.S3SecretAccessKey,
	}
	p.events = eventLog(t, filepath.Join(data, "events.jsonl"))
	p.open(t, dir.Keys.Token, filepath.Join(bin, "recordings"), "--data-dir", data)
}

// logFailures prints the warnings and errors of the server if the test has failed.
func logFailures(t *testing.T, server *given.Box) {
	t.Helper()
	if t.Failed() {
		text, _ := os.ReadFile(server.Log)
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, `"level":`) && !strings.Contains(line, `"level":"INFO"`) {
				t.Log(strings.TrimSpace(line))
			}
		}
	}
}
