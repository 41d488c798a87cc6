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

	"callrecordings/e2e/given"
)

// target is an API to test, and how to reach its data.
type target struct {
	// name selects rows of the exceptions table.
	name string
	url  string
	// jwks holds the private keys that the target trusts.
	jwks string
	// env is what the recordings command needs to find the same data.
	env []string
	// storage is its bucket.
	storage storage
	// bin is the folder with the recordings command.
	bin string
}

// passedOn are the variables that lead the recordings command to a deployment.
var passedOn = []string{
	"TABLE_NAME", "BUCKET_NAME", "TOKEN_KEYS", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "HOME",
}

// openTarget returns the deployment that the environment names, else the local
// server on a fresh data folder, stopped when the test ends.
func openTarget(t *testing.T) target {
	t.Helper()
	tg := target{name: os.Getenv("TARGET"), url: strings.TrimSuffix(os.Getenv("URL"), "/"), bin: given.Programs(t, "callrecordings/cmd/recordings")}
	if tg.url == "" {
		startLocal(t, &tg)
		return tg
	}
	for _, name := range passedOn {
		tg.env = append(tg.env, name+"="+os.Getenv(name))
	}
	tg.jwks, tg.storage = os.Getenv("TOKEN_KEYS"), deployedStorage()
	return tg
}

// startLocal starts what make run starts, on free ports, and returns the data
// folder.
func startLocal(t *testing.T, tg *target) (data string) {
	t.Helper()
	tg.name = "run"
	data = filepath.Join(t.TempDir(), "data")
	port := given.Ports(t)
	// Its own context: the test's ends before the cleanup that stops it.
	server := exec.Command(filepath.Join(given.Programs(t, "callrecordings/local"), "local"), "--empty")
	server.Env = append(os.Environ(), "DATA_DIR="+data, "HOST=127.0.0.1", "PORT="+strconv.Itoa(port), "S3_PORT="+strconv.Itoa(port+1))
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

// envFile reads NAME=value lines, as make run writes them to demo.env.
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
