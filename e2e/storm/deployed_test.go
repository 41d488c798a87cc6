//go:build e2e

package storm_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"callrecordings/e2e/pbx"
)

// TestStormDeployed is against a deployment, whose functions are killed again and
// again by the command that KILL_FUNCTIONS has.
func TestStormDeployed(t *testing.T) {
	set := map[string]string{}
	for _, name := range []string{
		"URL", "BUCKET_NAME", "TOKEN_KEYS", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "KILL_FUNCTIONS",
	} {
		if set[name] = os.Getenv(name); set[name] == "" {
			t.Fatalf("%s is not set; make e2e sets it", name)
		}
	}
	bin := filepath.Join(t.TempDir(), "recordings")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "callrecordings/cmd/recordings").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := place{
		// LocalStack hands some five messages a second to a function.
		url: set["URL"], every: 4 * time.Second, rest: 15 * time.Minute, ways: ways,
		kill: func() bool { return exec.CommandContext(t.Context(), "sh", "-c", set["KILL_FUNCTIONS"]).Run() == nil },
		s3: pbx.S3{
			Endpoint: set["AWS_ENDPOINT_URL"], Bucket: set["BUCKET_NAME"], Region: set["AWS_REGION"],
			ID: set["AWS_ACCESS_KEY_ID"], Secret: set["AWS_SECRET_ACCESS_KEY"],
		},
	}
	p.open(t, []byte(set["TOKEN_KEYS"]), func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), bin, args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	})
	storm(t, p, uploadsOf(t, 2000))
}
