package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asServer is an environment variable that makes the test binary act as the
// server, so that tests can signal and kill a real process.
// With LOCAL_TEST_AHEAD, a duration, the server's clock is ahead: e2e/storm then sees
// what becomes of leftovers that are removed after a day.
const asServer = "LOCAL_TEST_AS_SERVER=1"

func TestMain(m *testing.M) {
	if os.Getenv("LOCAL_TEST_AS_SERVER") != "" {
		if ahead, err := time.ParseDuration(os.Getenv("LOCAL_TEST_AHEAD")); err == nil {
			now := func() time.Time { return time.Now().Add(ahead) }
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
			code := run(ctx, env{os.Getenv, now, os.Stdout, os.Stderr}, os.Args[1:])
			stop()
			os.Exit(code)
		}
		main()
	}
	os.Exit(m.Run())
}

// process is a server that runs in a separate process.
type process struct {
	cmd  *exec.Cmd
	vars map[string]string // of demo.env
	// greeting is its standard output, stderr its log.
	greeting string
	stderr   *buffer
	ended    chan error
}

// launch starts a server on the data folder and waits until it is ready.
func launch(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	return launchWith(t, dir, nil, args...)
}

// launchWith is like launch, with more environment variables.
func launchWith(t *testing.T, dir string, vars []string, args ...string) *process {
	t.Helper()
	return launchProgram(t, os.Args[0], dir, vars, args...)
}

// launchProgram is like launchWith, with another program that starts the server.
func launchProgram(t *testing.T, program, dir string, vars []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.CommandContext(t.Context(), program, args...), stderr: &buffer{}, ended: make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), asServer, "DATA_DIR="+dir, "PORT=0", "HOST=127.0.0.1", "S3_PORT=0", "TOKEN_KEYS=")
	p.cmd.Env = append(p.cmd.Env, vars...)
	p.cmd.Stderr = p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for !strings.HasPrefix(lines.Text(), "go run") && lines.Scan() { // the greeting's last line
		p.greeting += lines.Text() + "\n"
	}
	go func() {
		_, _ = io.Copy(io.Discard, out)
		p.ended <- p.cmd.Wait()
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.vars = readEnv(t, dir)
	if p.greeting == "" {
		t.Fatalf("the server did not start: %s", p.stderr)
	}
	return p
}

// wait waits for the process to end and returns its error. The test fails if the
// process is still running after most.
func (p *process) wait(t *testing.T, most time.Duration) error {
	t.Helper()
	select {
	case err := <-p.ended:
		return err
	case <-time.After(most):
		t.Fatalf("the server is still running after %s: %s", most, p.stderr)
		return nil
	}
}

// readEnv returns the variables in demo.env.
func readEnv(t *testing.T, dir string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, envFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	vars := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		vars[name] = value
	}
	return vars
}

// buffer is a bytes.Buffer for concurrent use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// answer is the part of an API response that tests need.
type answer struct {
	status   int
	Revision string
	Data     json.RawMessage
}

// call sends a request to the API as the demo account.
func call(t *testing.T, vars map[string]string, method, path, body string) answer {
	t.Helper()
	a, err := ask(t.Context(), vars, method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// ask is like call, but returns an error instead of failing the test.
func ask(ctx context.Context, vars map[string]string, method, path, body string) (answer, error) {
	url := vars["URL"] + "/v2/accounts/" + vars["ACCOUNT_ID"] + path
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("X-Auth-Token", vars["TOKEN"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	a := answer{status: resp.StatusCode}
	return a, json.NewDecoder(resp.Body).Decode(&a)
}

// ids returns the IDs of the account's recordings, newest first.
func ids(t *testing.T, vars map[string]string) []string {
	t.Helper()
	var all []struct{ ID string }
	a := call(t, vars, http.MethodGet, "/recordings?page_size=1000", "")
	if err := json.Unmarshal(a.Data, &all); err != nil || a.status != http.StatusOK {
		t.Fatalf("list: %d, %v", a.status, err)
	}
	var list []string
	for _, one := range all {
		list = append(list, one.ID)
	}
	return list
}
