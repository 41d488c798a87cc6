//go:build e2e

package guides_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
)

// learn opens a tutorial for a newcomer. The variables of the service are not set.
func learn(t *testing.T, page string) *walk {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains([]string{"URL", "TOKEN", "ACCOUNT_ID", "USER_ID", "DATA_DIR", "HOST", "PORT", "S3_PORT", "TABLE_NAME", "BUCKET_NAME", "TOKEN_KEYS"}, name)
	})
	// The empty replacement in walk.here leaves commands as they are.
	to := &target{env: append(env, "REPOSITORY="+root), command: "go run ./cmd/recordings"}
	return &walk{target: to, t: t, dir: t.TempDir(), page: blocks(t, page), vars: map[string]string{}}
}

// clone runs the block that clones the repository. Later blocks run in the clone.
func (w *walk) clone() {
	w.t.Helper()
	w.follow("sh", "clone")
	w.dir = filepath.Join(w.dir, "call-recordings")
}

// through runs the sh blocks of the page in their order, but not clone and those with
// the given infos. It returns the last output of each info. A block that waits for audio
// is retried for at most one minute, because the emulator may take longer than AWS.
func (w *walk) through(except ...string) map[string]string {
	w.t.Helper()
	outputs := map[string]string{}
	for _, b := range w.page {
		if b.lang == "sh" && b.info != "clone" && !slices.Contains(except, b.info) {
			for end := time.Now().Add(time.Minute); strings.Contains(b.text, "Prefer: wait") && time.Now().Before(end); {
				if _, err := w.run(b.text); err == nil {
					break
				}
			}
			outputs[b.info] = w.must(b)
		}
	}
	return outputs
}

// serve runs the block with the info serve until the test ends, and waits until the
// server has written demo.env. It differs from the page in the port, because another
// server may be running.
func (w *walk) serve() {
	w.t.Helper()
	log, err := os.Create(filepath.Join(w.t.TempDir(), "log"))
	if err != nil {
		w.t.Fatal(err)
	}
	port := strconv.Itoa(given.Ports(w.t))
	for _, b := range w.page {
		if b.info != "serve" {
			continue
		}
		cmd := exec.Command("bash", "-ec", b.text)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = w.dir, append(slices.Clone(w.env), "PORT="+port), log, log
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := cmd.Start(); err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { // as Ctrl-C does, to all processes of the group
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
			_ = cmd.Wait()
		})
	}
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(w.dir, ".data", "demo.env")); err == nil {
			break
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(log.Name())
			w.t.Fatalf("the server did not start:\n%s", text)
		}
	}
	given.Await(w.t, "http://127.0.0.1:"+port, log.Name())
}

func TestFirstRecording(t *testing.T) {
	w := learn(t, "tutorials/first-recording.md")
	w.clone()
	w.serve()
	outputs := w.through("serve", "events")
	page, _, _ := strings.Cut(strings.TrimPrefix(outputs["player"], "file://"), "#")
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "<audio") {
		t.Errorf("%q is not the address of a page that plays audio: %v", outputs["player"], err)
	}
	w.events("Created", "Completed", "Changed", "Deleted")
}

// events repeats the block with the info events until it prints a line for each event,
// for at most ten seconds.
func (w *walk) events(names ...string) {
	w.t.Helper()
	i := slices.IndexFunc(w.page, func(b block) bool { return b.info == "events" })
	if i < 0 {
		w.t.Fatal("the page has no block with the info events")
	}
	out := ""
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		out = w.must(w.page[i])
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if len(lines) != len(names) {
			continue
		}
		for n, name := range names {
			if !strings.Contains(lines[n], `"Recording `+name+`"`) {
				w.t.Errorf("the event %d is %s, want Recording %s", n+1, lines[n], name)
			}
		}
		return
	}
	w.t.Errorf("want the events %v, got\n%s", names, out)
}

func TestDeployAndImport(t *testing.T) {
	to := open(t)
	w := learn(t, "tutorials/deploy-and-import.md")
	w.clone()
	// make deploy writes this file. e2e/run has deployed already, or started make run.
	variables := []byte("URL=" + to.url + "\nDATA_DIR=" + os.Getenv("DATA_DIR") + "\n")
	skip := []string{"deploy", "destroy", "aws"}
	if to.cloud {
		var err error
		if variables, err = os.ReadFile("../../.deploy/localstack.env"); err != nil {
			t.Fatal(err)
		}
		skip = skip[:2]
	}
	if err := os.MkdirAll(filepath.Join(w.dir, ".deploy"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, ".deploy", "dev.env"), variables, 0o600); err != nil {
		t.Fatal(err)
	}
	outputs := w.through(skip...)
	for _, want := range []string{"out-15550178-1002-20260124-093005-1769247005.12.mp3", "in-1001-15550142-20260124-091205-1769245925.11.mp3"} {
		if _, err := os.Stat(filepath.Join(w.dir, "monitor/2026/01/24", want)); err != nil {
			t.Error(err)
		}
	}
	exported, err := filepath.Glob(filepath.Join(w.dir, "backup/202601/*.mp3"))
	if err != nil || len(exported) != 2 {
		t.Errorf("the export has the audio %v, want two files (%v)\n%s", exported, err, outputs[""])
	}
	w.want(document(t, w, to), map[string]any{
		"call_id": "1769247005.12", "direction": "outbound", "caller_id_number": "1002", "callee_id_number": "15550178", "start": float64(beganAt),
	})
}

// document returns the recording that the page has downloaded last.
func document(t *testing.T, w *walk, to *target) map[string]any {
	t.Helper()
	out, err := w.run(`printf '%s %s %s' "$ACCOUNT_ID" "$TOKEN" "$ID"`)
	if err != nil {
		t.Fatal(err)
	}
	var account, token, id string
	if f := strings.Fields(out); len(f) == 3 {
		account, token, id = f[0], f[1], f[2]
	}
	w.url, w.vars["ACCOUNT_ID"], w.vars["TOKEN"] = to.url, account, token
	for _, r := range w.list() {
		if r["id"] == id {
			return r
		}
	}
	t.Fatalf("%s has no recording %q (%s)", account, id, http.StatusText(http.StatusNotFound))
	return nil
}

// TestRequests runs the requests of the API's overview, on demo audio.
func TestRequests(t *testing.T) {
	w := open(t).begin(t, "reference/requests.md", 5)
	demo, err := filepath.Abs("../../local")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(demo, filepath.Join(w.dir, "local")); err != nil {
		t.Fatal(err)
	}
	w.vars["URL"] = w.url
	for i := range w.page { // an emulator cannot be reached at the address that its gateway shows to functions
		w.page[i].text = strings.Replace(w.page[i].text, `$(jq -r .data.url link.json)`, `$URL$(jq -r '.data.url | .[index("/v2/"):]' link.json)`, 1)
	}
	w.through()
	sent, err := os.ReadFile("../../local/demo/01-appointment.mp3")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(w.dir, "recording.mp3")); err != nil || string(got) != string(sent) {
		t.Errorf("the page downloaded %d bytes, want the %d that it sent (%v)", len(got), len(sent), err)
	}
	if got, err := os.ReadFile(filepath.Join(w.dir, "part.mp3")); err != nil || string(got) != string(sent[:1000]) {
		t.Errorf("the range has %d bytes, want the first 1000 (%v)", len(got), err)
	}
	if all := w.list(); len(all) != 1 {
		t.Errorf("%d recordings are left, want one: the page creates two and deletes one", len(all))
	}
}

// TestLaptop runs the commands that prepare the guides for make run, with the data
// folder of the server as .data.
func TestLaptop(t *testing.T) {
	to := open(t)
	w := learn(t, "how-to/connect.md")
	data, err := filepath.Abs(given.Variable(t, "DATA_DIR"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(data, filepath.Join(w.dir, ".data")); err != nil {
		t.Fatal(err)
	}
	w.follow("sh", "laptop")
	out, err := w.run(`printf '%s %s %s %s' "$URL" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$BUCKET_NAME"`)
	if want := strings.Join([]string{to.url, to.s3.ID, to.s3.Secret, to.s3.Bucket}, " "); err != nil || out != want {
		t.Errorf("the commands set %q, want %q (%v)", out, want, err)
	}
	w.command = to.command[strings.LastIndexByte(to.command, ' ')+1:]
	if out, err := w.run(`go run ./cmd/recordings storage-secret create --account "$ACCOUNT_ID" --label laptop --url "$URL" --data-dir .data`); err != nil || !strings.Contains(out, to.url+"/v2/storage/") {
		t.Errorf("storage-secret create prints %q (%v)", out, err)
	}
}
