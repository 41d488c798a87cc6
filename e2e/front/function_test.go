//go:build e2e

package front

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// TestCloudFrontFunction runs the function of front/cloudfront.yaml in Node.js for the
// paths of the rule that CloudFront sends to Kazoo.
func TestCloudFrontFunction(t *testing.T) {
	d := readTemplate(t)
	var targets []int
	var paths []string
	for i, r := range rule {
		if path, _, _ := strings.Cut(r.target, "?"); !d.toRecordings(path) {
			targets, paths = append(targets, i), append(paths, path)
		}
	}
	for i, got := range d.callFunction(t, paths) {
		r, path := rule[targets[i]], paths[i]
		if !r.refused {
			if got.StatusCode != 0 || got.URI != path {
				t.Errorf("%s: status %d and path %q, want the request unchanged", r.target, got.StatusCode, got.URI)
			}
			continue
		}
		if got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", r.target, got.StatusCode)
			continue
		}
		for name, want := range map[string]string{"content-type": "application/json", "cache-control": "no-store", "x-content-type-options": "nosniff", "x-request-id": "id-1"} {
			if value := got.Headers[name].Value; value != want {
				t.Errorf("%s: %s = %q, want %q", r.target, name, value, want)
			}
		}
		var envelope struct {
			RequestID string `json:"request_id"`
			Message   string `json:"message"`
		}
		if err := json.Unmarshal([]byte(got.Body), &envelope); err != nil || envelope.RequestID != "id-1" || envelope.Message != "not_found" {
			t.Errorf("%s: body %s, %v, want the service's 404", r.target, got.Body, err)
		}
	}
}

// verdict is the function's result: a request that goes on to Kazoo, or an answer.
type verdict struct {
	URI        string `json:"uri"`
	StatusCode int    `json:"statusCode"`
	Headers    map[string]struct {
		Value string `json:"value"`
	} `json:"headers"`
	Body string `json:"body"`
}

// callFunction returns the result of the template's function for each path, with events
// as in docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html.
func (d *distribution) callFunction(t *testing.T, paths []string) []verdict {
	t.Helper()
	text, err := json.Marshal(paths)
	if err != nil {
		t.Fatal(err)
	}
	const call = `
process.stdout.write(JSON.stringify(%paths.map((uri) => handler({
  version: '1.0',
  context: { eventType: 'viewer-request', requestId: 'id-1' },
  viewer: { ip: '192.0.2.1' },
  request: { method: 'GET', uri, querystring: {}, headers: {}, cookies: {} },
}))));`
	cmd := exec.CommandContext(t.Context(), "node", "-")
	cmd.Stdin = strings.NewReader(d.function() + strings.Replace(call, "%paths", string(text), 1))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	var results []verdict
	if err := json.Unmarshal(out, &results); err != nil || len(results) != len(paths) {
		t.Fatalf("node printed %s, %v, want %d results", out, err, len(paths))
	}
	return results
}
