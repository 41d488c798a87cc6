//go:build e2e

package clients_test

import (
	"bytes"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/local/datadir"
)

// machine is a running make run.
type machine struct {
	url, account, token string
	bucket              string
	env                 []string // for the AWS CLI
}

// open reads the addresses and keys of the running make run.
func open(t *testing.T) *machine {
	t.Helper()
	m := &machine{url: given.Variable(t, "URL"), bucket: datadir.Bucket}
	folder := given.Variable(t, "DATA_DIR")
	dir, err := datadir.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	demo, err := os.ReadFile(filepath.Join(folder, "demo.env"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(demo)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch value = strings.Trim(value, `"'`); name {
		case "ACCOUNT_ID":
			m.account = value
		case "TOKEN":
			m.token = value
		}
	}
	base, err := url.Parse(m.url)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(base.Port())
	if err != nil {
		t.Fatal(err)
	}
	m.env = []string{
		"AWS_ENDPOINT_URL=http://" + net.JoinHostPort(base.Hostname(), strconv.Itoa(port+1)),
		"AWS_ACCESS_KEY_ID=" + dir.Keys.S3AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + dir.Keys.S3SecretAccessKey, "AWS_SESSION_TOKEN=",
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_PAGER=", "AWS_PROFILE=default",
	}
	m.configure(t, "")
	return m
}

// configure replaces the configuration file of the AWS CLI. settings holds the
// settings of the default profile.
func (m *machine) configure(t *testing.T, settings string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("[default]\n"+settings), 0o600); err != nil {
		t.Fatal(err)
	}
	m.env = append(m.env, "AWS_CONFIG_FILE="+file)
}

// aws runs the AWS CLI on the built-in S3 server and returns its output.
func (m *machine) aws(t *testing.T, args ...string) []byte {
	t.Helper()
	return run(t, m.env, "aws", args...)
}

// run runs a client with additional variables and returns its output. The test fails if the client
// is not installed or its exit code is not 0.
func run(t *testing.T, env []string, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, stderr.String())
	}
	return out
}
