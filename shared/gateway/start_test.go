package gateway

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// startVariable turns the test binary into a Lambda function.
const startVariable = "GATEWAY_TEST_START"

func TestMain(m *testing.M) {
	if os.Getenv(startVariable) != "" {
		Start(handlerFunc(func(w http.ResponseWriter, r *http.Request) {
			deadline, _ := r.Context().Deadline()
			w.Header().Set("Content-Type", "application/json")
			if r.URL.Path == "/panic" {
				panic("boom")
			}
			_, _ = fmt.Fprintf(w, `{"path":%q,"left":%t}`, r.URL.EscapedPath(), time.Until(deadline) > 20*time.Second)
		}))
	}
	os.Exit(m.Run())
}

// A function handles one event after another, even after a panic and after a payload
// that is not an event.
func TestStart(t *testing.T) {
	t.Parallel()
	posts := make(chan string)
	api := httptest.NewServer(&fakeRuntime{
		events: []string{rest("GET", "/100%"), rest("GET", "/panic"), `{"Records":[]}`, v2("GET", "/last")}, posts: posts,
	})
	defer api.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), startVariable+"=1", runtimeAPI+"="+strings.TrimPrefix(api.URL, "http://"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`/response {"statusCode":200,"multiValueHeaders":{"Content-Type":["application/json"]},"body":"{\"path\":\"/100%25\",\"left\":true}","isBase64Encoded":false}`,
		`/response {"statusCode":500,`, `/error {"errorMessage":"not an event of API Gateway`,
		`/response {"statusCode":200,"headers":{"Content-Type":"application/json"},"body":"{\"path\":\"/last\"`,
	} {
		select {
		case got := <-posts:
			if !strings.HasPrefix(got, want) {
				t.Errorf("posted %s, want %s", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing posted, want %s; stderr: %s", want, &stderr)
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// fakeRuntime implements the part of Lambda's runtime API that a function needs.
type fakeRuntime struct {
	events []string
	posts  chan string
	next   int
}

func (l *fakeRuntime) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const prefix = "/2018-06-01/runtime/invocation/"
	if r.Method == http.MethodPost {
		body, _ := io.ReadAll(r.Body)
		l.posts <- r.URL.Path[strings.LastIndex(r.URL.Path, "/"):] + " " + string(body)
		w.WriteHeader(http.StatusAccepted)
		return
	}
	if r.URL.Path != prefix+"next" || l.next == len(l.events) {
		<-r.Context().Done()
		return
	}
	w.Header().Set("Lambda-Runtime-Aws-Request-Id", "id-"+strconv.Itoa(l.next))
	w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(29*time.Second).UnixMilli(), 10))
	_, _ = io.WriteString(w, l.events[l.next])
	l.next++
}

func TestStartOutsideLambda(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{startVariable + "=1", "GOCOVERDIR=" + t.TempDir()}
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "AWS_LAMBDA_RUNTIME_API is not set") || bytes.Count(out, []byte("\n")) != 1 {
		t.Errorf("outside Lambda: %v, %q, want one sentence and exit code 1", err, out)
	}
}
