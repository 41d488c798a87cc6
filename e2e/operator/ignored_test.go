package operator_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	shellBlock = regexp.MustCompile("(?ms)^ *```sh(?: [^\n]*)?\n(.*?)^ *```$")
	// writes matches a redirection to a file, and the output file of curl and openssl.
	writes = regexp.MustCompile(`(?:[^0-9&<>=-]>{1,2} ?|(?: -o| -out| --report) )("?[\w.$/{}-]+"?)`)
)

// Readers run the commands of the documents in a clone. Files that these commands write,
// such as keys and headers with tokens, must not be added to the repository by mistake.
func TestDocumentsWriteOnlyIgnoredFiles(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../../docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, page := range append(append(pages, more...), "../../README.md", "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range shellBlock.FindAllStringSubmatch(string(text), -1) {
			for _, m := range writes.FindAllStringSubmatch(block[1], -1) {
				// Paths outside the clone, and file descriptors, are not of interest.
				if name := strings.Trim(m[1], `"`); !strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "$") {
					files = append(files, name)
				}
			}
		}
	}
	slices.Sort(files)
	files = slices.Compact(files)
	for _, want := range []string{".deploy/prod-new.jwks", "environments/prod.local.yaml", "newest.json"} {
		if !slices.Contains(files, want) {
			t.Errorf("the documents do not write %s, or this test does not find it: %q", want, files)
		}
	}
	dir := t.TempDir()
	text, err := os.ReadFile("../../.gitignore")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"init", "-q"}, append([]string{"check-ignore", "-v", "-n", "--"}, files...)} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil && args[0] == "init" {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(out)) {
			if name, ok := strings.CutPrefix(line, "::\t"); ok {
				t.Errorf("git does not ignore %s", strings.TrimSpace(name))
			}
		}
	}
}
