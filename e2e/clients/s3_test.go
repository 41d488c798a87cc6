//go:build e2e

package clients_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The AWS CLI uploads and moves files of more than 8 MB in parts. Before version 2, a
// move in parts loses the metadata, so the first move passes the metadata explicitly.
// The second move is a single CopyObject, which keeps the metadata.
func TestAWSCLIKeepsMetadata(t *testing.T) {
	m := open(t)
	dir := t.TempDir()
	audio := bytes.Repeat([]byte("0123456789a"), 1<<20)
	file := filepath.Join(dir, "audio")
	if err := os.WriteFile(file, audio, 0o600); err != nil {
		t.Fatal(err)
	}
	from, to := "clients/from call 1.mp3", "clients/moved/to+1.mp3"
	want := map[string]string{"call-id": "a-1@10.0.0.4", "from": "+15550142"}
	const metadata = "call-id=a-1@10.0.0.4,from=+15550142"

	m.aws(t, "s3", "cp", "--only-show-errors", "--content-type", "audio/mpeg", "--metadata", metadata, file, m.at(from))
	m.wantHead(t, from, len(audio), want)
	m.wantListed(t, "clients/", "11534336 from call 1.mp3")

	m.aws(t, "s3", "mv", "--only-show-errors", "--content-type", "audio/mpeg", "--metadata", metadata, "--metadata-directive", "REPLACE", m.at(from), m.at(to))
	m.wantHead(t, to, len(audio), want)
	m.wantListed(t, "clients/", "PRE moved/")
	m.wantListed(t, "clients/moved/", "11534336 to+1.mp3")

	m.configure(t, "s3 =\n  multipart_threshold = 64MB\n")
	m.aws(t, "s3", "mv", "--only-show-errors", m.at(to), m.at(from))
	m.wantHead(t, from, len(audio), want)

	back := filepath.Join(dir, "back")
	m.aws(t, "s3", "mv", "--only-show-errors", m.at(from), back)
	if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, audio) {
		t.Errorf("%d bytes came back, %v, want the %d bytes of the upload", len(got), err, len(audio))
	}
	if left := m.aws(t, "s3api", "list-objects-v2", "--bucket", m.bucket, "--prefix", "clients/", "--query", "length(Contents || `[]`)"); strings.TrimSpace(string(left)) != "0" {
		t.Errorf("%s objects are left, want 0", left)
	}
}

// at returns the S3 URI of a key.
func (m *machine) at(key string) string { return "s3://" + m.bucket + "/" + key }

// head is what head-object prints of an object.
type head struct {
	ContentLength int
	ContentType   string
	Metadata      map[string]string
}

// headOf returns an object's size, type and metadata.
func (m *machine) headOf(t *testing.T, key string) (h head) {
	t.Helper()
	out := m.aws(t, "s3api", "head-object", "--bucket", m.bucket, "--key", key, "--output", "json")
	if err := json.Unmarshal(out, &h); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return h
}

// wantHead checks an object's size, type and metadata.
func (m *machine) wantHead(t *testing.T, key string, size int, metadata map[string]string) {
	t.Helper()
	head := m.headOf(t, key)
	if head.ContentLength != size || head.ContentType != "audio/mpeg" || !maps.Equal(head.Metadata, metadata) {
		t.Errorf("head-object %s = %+v, want %d bytes of audio/mpeg with %v", key, head, size, metadata)
	}
}

// wantListed checks that aws s3 ls prints one line for prefix, and that it ends with
// want.
func (m *machine) wantListed(t *testing.T, prefix, want string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(m.aws(t, "s3", "ls", m.at(prefix)))), "\n")
	if len(lines) != 1 || !strings.HasSuffix(lines[0], want) {
		t.Errorf("aws s3 ls %s = %q, want one line that ends with %q", prefix, lines, want)
	}
}
