//go:build e2e

package release_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/shared/version"
)

// image is the name that this test gives the image, and container that of the
// container and its volume.
const image, container = "call-recordings-e2e", "call-recordings-e2e"

// start starts the container as docs/how-to/run-on-one-machine.md does, but on other
// ports, and checked every second. The volume keeps its data.
func start(t *testing.T, port int) {
	t.Helper()
	command(t, root, "docker", "run", "-d", "--name", container, "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
		"--health-interval", "1s", "-e", "S3_PORT="+strconv.Itoa(port+1),
		"-p", fmt.Sprintf("127.0.0.1:%d:8000", port), "-p", fmt.Sprintf("127.0.0.1:%d:%d", port+1, port+1), "-v", container+":/data", image)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if state(t, ".State.Health.Status") == "healthy" {
			return
		}
	}
	t.Fatalf("the container is not healthy: %s\n%s", state(t, "json .State"), command(t, root, "docker", "logs", container))
}

// state returns what docker inspect prints for a template.
func state(t *testing.T, template string) string {
	t.Helper()
	return strings.TrimSpace(command(t, root, "docker", "inspect", "--format", "{{"+template+"}}", container))
}

// stop stops the container, which must end with exit code 0, and removes it.
func stop(t *testing.T) {
	t.Helper()
	command(t, root, "docker", "stop", container)
	if code := state(t, ".State.ExitCode"); code != "0" {
		t.Errorf("the container ended with code %s, want 0\n%s", code, command(t, root, "docker", "logs", container))
	}
	command(t, root, "docker", "rm", container)
}

// The image runs on a read-only disk, not as root. It becomes healthy, keeps its data in a
// volume, and signs URLs that work outside.
func TestImage(t *testing.T) {
	build(t)
	t.Setenv("IMAGE", image)
	remove := func() {
		for _, args := range [][]string{{"rm", "-f", container}, {"volume", "rm", container}, {"rmi", image + ":latest", image + ":" + version.Number}} {
			_ = exec.CommandContext(context.Background(), "docker", args...).Run() // most are not there at first
		}
	}
	remove()
	t.Cleanup(remove)
	command(t, root, "make", "-s", "image")
	port := given.Ports(t)
	start(t, port)
	if user, label := state(t, ".Config.User"), state(t, `index .Config.Labels "org.opencontainers.image.version"`); user != "65532:65532" || label != version.Number {
		t.Errorf("the user is %q and the version %q, want 65532:65532 and %s", user, label, version.Number)
	}
	token := strings.TrimSpace(command(t, root, "docker", "exec", container, "/recordings", "token", "--account", "A"))
	id := create(t, port, token)
	play(t, port, token, id)
	stop(t)
	start(t, port)
	play(t, port, token, id)
	// A second server on the volume does not start.
	second := exec.CommandContext(t.Context(), "docker", "run", "--rm", "-v", container+":/data", image)
	if out, err := second.CombinedOutput(); err == nil || !strings.Contains(string(out), "another server is already running on the data folder /data") {
		t.Errorf("a second container: %v, %s, want that it refuses", err, out)
	}
	stop(t)
}

// send sends a request to the container, by the name localhost, and returns the answer.
// It follows redirects.
func send(t *testing.T, method string, port int, path, token, contentType string, body io.Reader) (status int, text []byte, url string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, fmt.Sprintf("http://localhost:%d/v2/accounts/A/recordings%s", port, path), body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", token)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err = io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, text, answer.Request.URL.Host
}

// create stores a recording through a presigned upload, and returns its ID.
func create(t *testing.T, port int, token string) string {
	t.Helper()
	status, text, _ := send(t, http.MethodPut, port, "", token, "application/json", strings.NewReader(`{"data":{"from":"1001@pbx.example.com"},"upload":{"content_type":"audio/mpeg"}}`))
	var created struct {
		Data struct {
			ID       string
			ReadOnly struct {
				Upload struct {
					URL     string
					Headers map[string]string
				}
			} `json:"_read_only"`
		}
	}
	if err := json.Unmarshal(text, &created); err != nil || status != http.StatusCreated {
		t.Fatalf("PUT = %d, %v: %s", status, err, text)
	}
	upload := created.Data.ReadOnly.Upload
	args := []string{"-sS", "--fail", "-T", "local/demo/01-appointment.mp3"}
	for name, value := range upload.Headers {
		args = append(args, "-H", name+": "+value)
	}
	command(t, root, "curl", append(args, upload.URL)...)
	return created.Data.ID
}

// play loads the audio through a redirect to the S3 server.
func play(t *testing.T, port int, token, id string) {
	t.Helper()
	status, audio, host := send(t, http.MethodGet, port, "/"+id+"?accept=audio/mpeg&delivery=redirect", token, "", nil)
	for i := 0; status == http.StatusNotFound && i < 50; i++ { // the audio has not been examined yet
		time.Sleep(100 * time.Millisecond)
		status, audio, host = send(t, http.MethodGet, port, "/"+id+"?accept=audio/mpeg&delivery=redirect", token, "", nil)
	}
	if want := "localhost:" + strconv.Itoa(port+1); status != http.StatusOK || len(audio) == 0 || host != want {
		t.Errorf("the audio: %d, %d bytes from %s, want 200 from %s", status, len(audio), host, want)
	}
}
