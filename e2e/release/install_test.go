//go:build e2e

package release_test

import (
	"archive/zip"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/version"
)

// module is the module's path, and release its version as Go writes it.
const (
	module  = "github.com/callrecordings/api"
	release = "v" + version.Number
)

// proxy makes a folder that serves the working tree as the published module, as
// https://go.dev/ref/mod#serving-from-proxy describes it, and returns its URL.
func proxy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	versions := filepath.Join(dir, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(versions, 0o700); err != nil {
		t.Fatal(err)
	}
	definition, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := json.Marshal(map[string]string{"Version": release, "Time": "2026-01-31T09:30:00Z"})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"list": []byte(release + "\n"), release + ".info": info, release + ".mod": definition} {
		if err := os.WriteFile(filepath.Join(versions, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	writeModule(t, filepath.Join(versions, release+".zip"))
	return "file://" + dir
}

// writeModule writes the tracked files of the working tree as a module's zip: without
// those of nested modules, and each below MODULE@VERSION. The go command checks the rest
// of the format (https://go.dev/ref/mod#zip-files).
func writeModule(t *testing.T, path string) {
	t.Helper()
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	files := strings.Split(strings.TrimSuffix(command(t, root, "git", "ls-files", "-z"), "\x00"), "\x00")
	var nested []string
	for _, name := range files {
		if folder, ok := strings.CutSuffix(name, "/go.mod"); ok {
			nested = append(nested, folder+"/")
		}
	}
	archive := zip.NewWriter(out)
	for _, name := range files {
		if slices.ContainsFunc(nested, func(folder string) bool { return strings.HasPrefix(name, folder) }) {
			continue
		}
		in, err := os.Open(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		entry, err := archive.Create(module + "@" + release + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(entry, in); err != nil {
			t.Fatal(err)
		}
		_ = in.Close()
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// Once a version is published, go install makes the command line from it, in a folder
// without any source. The proxy comes first, and then the modules that this machine has.
func TestGoInstall(t *testing.T) {
	known := strings.TrimSpace(command(t, root, "go", "env", "GOMODCACHE"))
	others := strings.TrimSpace(command(t, root, "go", "env", "GOPROXY"))
	empty, cache := t.TempDir(), t.TempDir()
	for _, wanted := range []string{release, "latest"} {
		bin := t.TempDir()
		cmd := exec.CommandContext(t.Context(), "go", "install", module+"/cmd/recordings@"+wanted)
		cmd.Dir = empty
		// With -trimpath, packages compiled for the archives are used again.
		cmd.Env = append(os.Environ(), "GOFLAGS=-modcacherw -trimpath", "CGO_ENABLED=0", "GOBIN="+bin, "GOMODCACHE="+cache, "GOWORK=off",
			"GONOSUMDB="+module, "GOPROXY="+proxy(t)+",file://"+filepath.Join(known, "cache", "download")+","+others)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go install @%s: %v\n%s", wanted, err, out)
		}
		if got, want := command(t, empty, filepath.Join(bin, "recordings"), "--version"), "recordings "+version.Number+"\n"; got != want {
			t.Errorf("@%s: recordings --version = %q, want %q", wanted, got, want)
		}
	}
}
