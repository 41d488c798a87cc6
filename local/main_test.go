package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/local/datadir"
	"github.com/callrecordings/api/shared/incoming/upload"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

// A second start finds the same data, account and users. It does not add the demo
// recordings again, and does not restore deleted ones.
func TestASecondStartFindsTheSame(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first := launch(t, dir)
	before := ids(t, first.vars)
	if len(before) != len(samples) {
		t.Fatalf("%d recordings, want %d", len(before), len(samples))
	}
	if a := call(t, first.vars, http.MethodDelete, "/recordings/"+before[3], ""); a.status != http.StatusOK {
		t.Fatalf("DELETE = %d, want 200", a.status)
	}
	before = append(before[:3:3], before[4:]...)
	stop(t, first, syscall.SIGINT)

	second := launch(t, dir)
	if after := ids(t, second.vars); !cmp.Equal(after, before) {
		t.Errorf("recordings = %q, want %q", after, before)
	}
	for _, name := range []string{"ACCOUNT_ID", "USER_ID"} {
		if second.vars[name] != first.vars[name] {
			t.Errorf("%s = %q, want %q", name, second.vars[name], first.vars[name])
		}
	}
	if info, err := os.Stat(filepath.Join(dir, envFile)); err != nil || info.Mode() != 0o600 {
		t.Errorf("demo.env = %v, %v, want mode 0600", info.Mode(), err)
	}
	stop(t, second, syscall.SIGTERM)
}

// stop signals the server, which must end with exit code 0 within ten seconds.
func stop(t *testing.T, p *process, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	if err := p.wait(t, 10*time.Second); err != nil {
		t.Errorf("after %v: %v, want exit code 0: %s", s, err, p.stderr)
	}
}

// A kill in the middle of writing loses no acknowledged change.
func TestAKillLosesNoAcknowledgedChange(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	p := launch(t, dir)
	all := ids(t, p.vars)
	kept := make(chan map[string]int, len(all))
	var acknowledged atomic.Int64
	for _, id := range all { // one writer for each recording, until the server is killed
		go func() {
			last := 0
			for n := 1; ; n++ {
				a, err := ask(t.Context(), p.vars, http.MethodPatch, "/recordings/"+id, fmt.Sprintf(`{"data":{"user_metadata":{"n":%d}}}`, n))
				if err != nil || a.status != http.StatusOK {
					break
				}
				last = n
				acknowledged.Add(1)
			}
			kept <- map[string]int{id: last}
		}()
	}
	for end := time.Now().Add(20 * time.Second); acknowledged.Load() < int64(len(all)) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.wait(t, 10*time.Second)

	p = launch(t, dir)
	total := 0
	for range all {
		for id, n := range <-kept {
			total += n
			var got struct {
				Meta struct{ N int } `json:"user_metadata"`
			}
			if err := json.Unmarshal(call(t, p.vars, http.MethodGet, "/recordings/"+id, "").Data, &got); err != nil {
				t.Fatal(err)
			}
			if got.Meta.N < n || got.Meta.N > n+1 { // the last change may be stored but not acknowledged
				t.Errorf("%s: n = %d, want the acknowledged %d", id, got.Meta.N, n)
			}
		}
	}
	if total == 0 {
		t.Error("nothing was written before the kill")
	}
	stop(t, p, syscall.SIGINT)
}

// hang sends a request that does not end before the test, and returns when it has arrived.
func hang(t *testing.T, p *process) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(p.vars["URL"], "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := fmt.Fprint(c, "PATCH /v2 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	call(t, p.vars, http.MethodGet, "/recordings", "")
}

// A second signal ends the process at once, even with requests in progress.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := launch(t, filepath.Join(t.TempDir(), "data"), "--empty")
	hang(t, p) // keeps the server from stopping
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for {
		time.Sleep(20 * time.Millisecond)
		_ = p.cmd.Process.Signal(syscall.SIGINT)
		select {
		case err := <-p.ended:
			var exit *exec.ExitError // the server's own end has an exit code
			if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
				t.Errorf("ended with %v, want by the signal: %s", err, p.stderr)
			}
			return
		default:
		}
	}
}

// A hanging request delays the shutdown by only a few seconds.
func TestAHangingRequestDoesNotKeepTheServerRunning(t *testing.T) {
	t.Parallel()
	p := launch(t, filepath.Join(t.TempDir(), "data"), "--empty")
	hang(t, p)
	stop(t, p, syscall.SIGINT)
}

// If another process adds a recording while the server runs, the server plays it
// at once.
func TestARecordingAddedByAnotherProcessPlays(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data")
	p := launch(t, path, "--empty")
	dir, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(t, p.vars); len(got) != 0 {
		t.Fatalf("recordings = %q, want none", got)
	}
	r := add(t, dir, "01-appointment.mp3")
	if got := ids(t, p.vars); !cmp.Equal(got, []string{r.ID}) {
		t.Errorf("recordings = %q, want %q", got, r.ID)
	}
	if got := download(t, p.vars, "/recordings/"+r.ID); !bytes.Equal(got, demoFile(t, "01-appointment.mp3")) {
		t.Errorf("%d bytes, want those of the file", len(got))
	}
	if a := call(t, p.vars, http.MethodDelete, "/recordings/"+r.ID, ""); a.status != http.StatusOK {
		t.Errorf("DELETE = %d, want 200", a.status)
	}
	wantNoAudio(t, dir)
	stop(t, p, syscall.SIGINT)
}

// add adds a demo file to the data folder, as the recordings command does.
func add(t *testing.T, dir *datadir.Dir, name string) *recording.Recording {
	t.Helper()
	data := demoFile(t, name)
	r, err := opened(t, dir).uploader().Add(t.Context(), upload.Request{Account: dir.Keys.Account, Owner: dir.Keys.Users[0]}, bytes.NewReader(data), int64(len(data)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// opened returns an open box on the data folder, without a running API.
func opened(t *testing.T, dir *datadir.Dir) *box {
	t.Helper()
	b := &box{dir: dir, now: time.Now}
	b.settings.Host, b.settings.Port, b.settings.DataDir = "127.0.0.1", "0", dir.Path
	if err := b.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// demoFile returns the content of a demo file.
func demoFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := demoAudio.ReadFile("demo/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// download returns the audio of a recording.
func download(t *testing.T, vars map[string]string, path string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, vars["URL"]+"/v2/accounts/"+vars["ACCOUNT_ID"]+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", vars["TOKEN"])
	req.Header.Set("Accept", "audio/mpeg")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v", path, resp.Status, err)
	}
	return b.Bytes()
}

// wantNoAudio checks that the data folder holds no audio.
func wantNoAudio(t *testing.T, dir *datadir.Dir) {
	t.Helper()
	err := filepath.WalkDir(dir.File("audio/objects"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			t.Errorf("%s is still there", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A start finishes a delete that stored its tombstone but did not purge its audio.
func TestPendingPurgesAreFinishedAtStart(t *testing.T) {
	t.Parallel()
	dir, err := datadir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	r := add(t, dir, "01-appointment.mp3")
	b := opened(t, dir)
	if _, err := b.store.Delete(t.Context(), r.Account, r.ID, store.Deletion{}); err != nil {
		t.Fatal(err)
	}
	p := launch(t, dir.Path, "--empty")
	wantNoAudio(t, dir)
	if pending, err := b.store.PendingPurges(t.Context(), 10); err != nil || len(pending) > 0 {
		t.Errorf("PendingPurges = %v, %v, want none", pending, err)
	}
	stop(t, p, syscall.SIGINT)
}

// A failed start prints one line that explains how to fix the problem.
func TestAFailedStartExplainsItself(t *testing.T) {
	t.Parallel()
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() })
	port := strconv.Itoa(busy.Addr().(*net.TCPAddr).Port)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "recordings.db"), bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	lost := t.TempDir()
	if err := os.MkdirAll(filepath.Join(lost, "audio/objects/recordings/inbox/a"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(lost, "audio/objects/recordings/inbox/a/call.wav"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		env  map[string]string
		args []string
		code int
		want string
	}{
		{"a port in use", map[string]string{"PORT": port}, nil, 1, "recordings-server: port " + port + " of 127.0.0.1 is already in use; choose another with PORT=…\n"},
		{"an S3 port in use", map[string]string{"S3_PORT": port}, nil, 1, "recordings-server: port " + port + " of 127.0.0.1 is already in use; choose another with S3_PORT=…\n"},
		{"a foreign host", map[string]string{"HOST": "192.0.2.1"}, nil, 1, "recordings-server: cannot listen on 192.0.2.1:0: "},
		{"a folder that is a file", map[string]string{"DATA_DIR": file}, nil, 1, "recordings-server: the data folder " + file + " cannot be made: not a directory\n"},
		{"a damaged database", map[string]string{"DATA_DIR": damaged}, nil, 1, "recordings-server: the database of the data folder cannot be used: "},
		{"a lost database", map[string]string{"DATA_DIR": lost}, nil, 1, "recordings-server: the data folder has audio, but its database is missing or empty; restore " + lost + "/recordings.db from a backup, or move " + lost + "/audio away"},
		{"an invalid setting", map[string]string{"PORT": "http"}, nil, 1, `recordings-server: settings: PORT is "http", want a port from 0 to 65535` + "\n"},
		{"an argument", nil, []string{"8080"}, 1, `recordings-server: unexpected argument "8080"; `},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"PORT": "0", "HOST": "127.0.0.1", "DATA_DIR": t.TempDir()}
			for k, v := range c.env {
				env[k] = v
			}
			code, stdout, stderr := runWith(t.Context(), env, c.args...)
			if code != c.code || !strings.HasPrefix(stderr, c.want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
				t.Errorf("run = %d, %q, %q, want %d and %q", code, stdout, stderr, c.code, c.want)
			}
		})
	}
}

// runWith runs the program in this process, with environment variables from vars.
func runWith(ctx context.Context, vars map[string]string, args ...string) (code int, stdout, stderr string) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	code = run(ctx, env{func(name string) string { return vars[name] }, time.Now, &out, &errs}, args)
	return code, out.String(), errs.String()
}

// A stop during the start ends the program cleanly.
func TestAStopDuringTheStart(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, stdout, stderr := runWith(ctx, map[string]string{"PORT": "0", "DATA_DIR": t.TempDir()})
	if code != 0 || stdout != "" || stderr != "" {
		t.Errorf("run = %d, %q, %q, want 0 and nothing printed", code, stdout, stderr)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	code, _, stderr := runWith(t.Context(), nil, "--help")
	if code != 0 || !strings.Contains(stderr, "without the demo recordings") {
		t.Errorf("run --help = %d, %q, want 0 and the flags", code, stderr)
	}
	if code, _, _ := runWith(t.Context(), nil, "--nothing"); code != 2 {
		t.Errorf("run --nothing = %d, want 2", code)
	}
}

// Each request is logged as one line of JSON on standard error, without the token.
func TestRequestsAreLogged(t *testing.T) {
	t.Parallel()
	p := launch(t, filepath.Join(t.TempDir(), "data"), "--empty")
	call(t, p.vars, http.MethodGet, "/recordings?auth_token="+p.vars["TOKEN"], "")
	stop(t, p, syscall.SIGINT)
	text := p.stderr.String()
	var line struct {
		Msg, Route, Account string
		Status              int
	}
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("stderr = %s: %v, want one line of JSON", text, err)
	}
	if line.Msg != "request" || line.Route != "list" || line.Account != p.vars["ACCOUNT_ID"] || line.Status != http.StatusOK {
		t.Errorf("line = %+v, want a list request", line)
	}
	if strings.Contains(text, p.vars["TOKEN"]) {
		t.Error("the token is in the log")
	}
}
