//go:build e2e

// Package invoke_test sends every sample event in events/ to its function with
// `sam local invoke` and compares the answer with the golden file in
// events/testdata. The table and the bucket are in an emulator; e2e/run sets them
// up.
package invoke_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/events/sample"
	"github.com/callrecordings/api/shared/media/s3media"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store/dynamo"
)

func TestSamLocalInvoke(t *testing.T) {
	table := seed(t)
	vars := variables(t)
	events, err := filepath.Glob("../../events/*.json")
	if err != nil || len(events) == 0 {
		t.Fatalf("no events: %v", err)
	}
	// All events use the same recordings, so those that create some, or a link, come after
	// the others, and those that delete come last.
	slices.SortStableFunc(events, func(a, b string) int { return turn(a) - turn(b) })
	for _, event := range events {
		name := strings.TrimSuffix(filepath.Base(event), ".json")
		t.Run(name, func(t *testing.T) {
			golden, err := os.ReadFile(filepath.Join("../../events/testdata", name+".golden"))
			if err != nil {
				t.Fatal(err)
			}
			got, want := outline(t, invoke(t, name, event, vars)), outline(t, golden)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("sam local invoke (-golden +got):\n%s", diff)
			}
		})
	}
	for _, id := range []string{sample.Arriving, sample.Dropped} {
		if r, err := table.Get(t.Context(), sample.Account, id); err != nil || r.Audio.Condition() != recording.Ready {
			t.Errorf("after its event, recording %s is %+v, %v, want ready", id, r, err)
		}
	}
}

// turn returns when an event has its turn: the events with the lowest number are first.
func turn(event string) int {
	switch name := filepath.Base(event); {
	case strings.HasPrefix(name, "delete-"):
		return 2
	case strings.HasPrefix(name, "create-"), name == "share-make.json":
		return 1
	}
	return 0
}

// withBucket copies an event, replaces the sample bucket name with the emulator's
// bucket, and returns the path of the copy.
func withBucket(t *testing.T, event string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Clean(event))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "event.json")
	text = bytes.ReplaceAll(text, []byte(`\"name\":\"sample\"`), []byte(`\"name\":\"`+given.Variable(t, "BUCKET_NAME")+`\"`))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// seed stores the sample recordings and returns the table.
func seed(t *testing.T) *dynamo.Store {
	t.Helper()
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: given.Variable(t, "AWS_ACCESS_KEY_ID"), SecretAccessKey: given.Variable(t, "AWS_SECRET_ACCESS_KEY")}, nil
	})
	region, endpoint := given.Variable(t, "AWS_REGION"), given.Variable(t, "LOCALSTACK_ENDPOINT")
	table, err := dynamo.Open(dynamo.Options{Region: region, Endpoint: endpoint, Table: given.Variable(t, "TABLE_NAME"), Credentials: credentials})
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := s3media.Open(s3media.Options{Region: region, Endpoint: endpoint, Bucket: given.Variable(t, "BUCKET_NAME"), Credentials: credentials})
	if err != nil {
		t.Fatal(err)
	}
	if err := sample.Seed(t.Context(), table, bucket); err != nil {
		t.Fatal(err)
	}
	return table
}

// variables writes the file with the functions' environment variables for sam local,
// and returns its path. The file is a copy of the one from e2e/run, with the keys of
// the samples.
func variables(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(given.Variable(t, "SAM_VARS"))
	if err != nil {
		t.Fatal(err)
	}
	var vars struct{ Parameters map[string]string }
	if err := json.Unmarshal(text, &vars); err != nil {
		t.Fatal(err)
	}
	vars.Parameters["TOKEN_KEYS"], vars.Parameters["CURSOR_KEY"] = sample.Keys, sample.CursorKey
	if text, err = json.Marshal(vars); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "vars.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// invoke runs the function of an event in its container and returns the answer.
func invoke(t *testing.T, name, event, vars string) []byte {
	t.Helper()
	folder, _, _ := strings.Cut(name, "-")
	event = withBucket(t, event)
	args := []string{"local", "invoke", strings.ToUpper(folder[:1]) + folder[1:] + "Function", "--event", event, "--env-vars", vars}
	cmd := exec.CommandContext(t.Context(), "sam", append(args, strings.Fields(given.Variable(t, "INVOKE_FLAGS"))...)...)
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.Bytes())
	}
	return out
}

// outline returns the parts of an answer that do not depend on the clock,
// revisions or the machine: status, content type, failures of a batch, and the
// body's envelope.
func outline(t *testing.T, answer []byte) map[string]any {
	t.Helper()
	var a struct {
		StatusCode        int                 `json:"statusCode"`
		MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
		Body              string              `json:"body"`
		Failures          []any               `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	o := map[string]any{"status": a.StatusCode, "type": strings.Join(a.MultiValueHeaders["Content-Type"], ","), "failures": a.Failures}
	var envelope struct {
		Status, Message, Error string
		PageSize               int `json:"page_size"`
	}
	if json.Unmarshal([]byte(a.Body), &envelope) == nil {
		o["envelope"] = envelope
	}
	return o
}
