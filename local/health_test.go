package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/callrecordings/api/e2e/given"
	"github.com/callrecordings/api/shared/version"
)

// The health check succeeds while the server serves, and fails otherwise.
func TestHealth(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	n := given.Ports(t)
	port, s3Port := strconv.Itoa(n), strconv.Itoa(n+1)
	p := launchWith(t, dir, []string{"PORT=" + port, "S3_PORT="}, "--empty")
	settings := func(edit ...string) map[string]string {
		vars := map[string]string{"HOST": "0.0.0.0", "PORT": port, "S3_PORT": s3Port, "DATA_DIR": dir}
		for i := 0; i < len(edit); i += 2 {
			vars[edit[i]] = edit[i+1]
		}
		return vars
	}
	want := "serving at " + p.vars["URL"] + "\n"
	if code, stdout, stderr := runWith(t.Context(), settings(), "--health"); code != 0 || stdout != want || stderr != "" {
		t.Errorf("--health = %d, %q, %q, want 0 and %q", code, stdout, stderr, want)
	}
	for name, c := range map[string]struct {
		vars map[string]string
		want string
	}{
		"another program on the S3 port": {settings("S3_PORT", port), "recordings-server: the S3 server: http://127.0.0.1:" + port + "/ answers 401"},
		"another folder":                 {settings("DATA_DIR", t.TempDir()), "recordings-server: the API: "},
		"no port":                        {settings("PORT", "0"), "recordings-server: a health check needs the ports"},
	} {
		if code, stdout, stderr := runWith(t.Context(), c.vars, "--health"); code != 1 || stdout != "" || !strings.HasPrefix(stderr, c.want) {
			t.Errorf("%s: --health = %d, %q, %q, want 1 and %q", name, code, stdout, stderr, c.want)
		}
	}
	stop(t, p, syscall.SIGINT)
	if code, _, stderr := runWith(t.Context(), settings(), "--health"); code != 1 || !strings.Contains(stderr, "refused") {
		t.Errorf("--health without a server = %d, %q, want 1", code, stderr)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if code, stdout, _ := runWith(t.Context(), nil, "--version"); code != 0 || stdout != "recordings-server "+version.Number+"\n" {
		t.Errorf("--version = %d, %q, want 0 and the version", code, stdout)
	}
}
