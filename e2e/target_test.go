package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/e2e/given"
)

// target is the API under test, with access to its data.
type target struct {
	// name selects the rows of the exceptions table.
	name string
	url  string
	// jwks holds the private keys that the target trusts.
	jwks string
	// env is the environment that makes the recordings command use the same data.
	env []string
	// storage is the target's bucket.
	storage storage
	// audit is the target's setting AUDIT. For a deployment, the variable AUDIT has it.
	audit string
	// bin is the folder that contains the recordings command.
	bin string
}

// passedOn lists the variables that select a deployment for the recordings
// command.
var passedOn = []string{
	"TABLE_NAME", "BUCKET_NAME", "TOKEN_KEYS", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "HOME",
}

// openTarget returns the deployment that the environment names. Without URL it
// starts the local server on a new data folder and stops it when the test ends.
func openTarget(t *testing.T) target {
	t.Helper()
	tg := target{name: os.Getenv("TARGET"), url: strings.TrimSuffix(os.Getenv("URL"), "/"), bin: given.Programs(t, "github.com/callrecordings/api/cmd/recordings")}
	if tg.url == "" {
		startLocal(t, &tg)
		return tg
	}
	for _, name := range passedOn {
		tg.env = append(tg.env, name+"="+os.Getenv(name))
	}
	tg.jwks, tg.storage, tg.audit = os.Getenv("TOKEN_KEYS"), deployedStorage(), os.Getenv("AUDIT")
	return tg
}

// startLocal starts the server of make run on free ports, without demo
// recordings, and returns its data folder.
func startLocal(t *testing.T, tg *target) (data string) {
	t.Helper()
	tg.name, tg.audit = "run", "all"
	data = filepath.Join(t.TempDir(), "data")
	port := given.Ports(t)
	// Do not use CommandContext: the test's context ends before the cleanup that
	// stops the server.
	server := exec.Command(filepath.Join(given.Programs(t, "github.com/callrecordings/api/local"), "local"), "--empty")
	server.Env = append(os.Environ(), "DATA_DIR="+data, "TOKEN_KEYS=", "HOST=127.0.0.1", "PORT="+strconv.Itoa(port), "S3_PORT="+strconv.Itoa(port+1), "AUDIT=all")
	log, err := os.Create(filepath.Join(t.TempDir(), "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		_ = server.Process.Signal(os.Interrupt)
		if err := server.Wait(); err != nil {
			text, _ := os.ReadFile(log.Name())
			t.Errorf("the local server did not stop cleanly: %v\n%s", err, text)
		}
		_ = log.Close()
	})
	tg.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	given.Await(t, tg.url, log.Name())
	tg.env = []string{"DATA_DIR=" + data, "HOME=" + os.Getenv("HOME")}
	tg.jwks, tg.storage = localKeys(t, data), localStorage(t, data, port+1)
	return data
}

// envFile reads the NAME=value lines that make run writes to demo.env.
func envFile(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	values := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok {
			values[name] = strings.Trim(value, `"'`)
		}
	}
	return values, nil
}
