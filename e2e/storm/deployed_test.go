//go:build e2e

package storm_test

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/e2e/pbx"
)

// TestStormDeployed sends the recordings to a deployment and repeatedly kills its
// functions with the command in KILL_FUNCTIONS.
func TestStormDeployed(t *testing.T) {
	kill := given.Variable(t, "KILL_FUNCTIONS")
	p := place{
		// LocalStack delivers about five messages a second to a function.
		url: given.Variable(t, "URL"), every: 4 * time.Second, rest: 15 * time.Minute, ways: ways,
		kill: func() bool { return exec.CommandContext(t.Context(), "sh", "-c", kill).Run() == nil },
		s3: pbx.S3{
			Endpoint: given.Variable(t, "AWS_ENDPOINT_URL"), Bucket: given.Variable(t, "BUCKET_NAME"), Region: given.Variable(t, "AWS_REGION"),
			ID: given.Variable(t, "AWS_ACCESS_KEY_ID"), Secret: given.Variable(t, "AWS_SECRET_ACCESS_KEY"),
		},
	}
	p.open(t, []byte(given.Variable(t, "TOKEN_KEYS")), filepath.Join(given.Programs(t, "github.com/callrecordings/api/cmd/recordings"), "recordings"))
	storm(t, p, uploadCount(t, 2000))
}
