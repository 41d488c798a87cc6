package shared_test

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The limits of files of code (CONTRIBUTING.md, House numbers).
const (
	maxFile    = 400
	medianFile = 150
	maxMain    = 40 // of a Lambda function, exclusive
)

// codeFile matches files of code. Data for tests does not count as code.
var codeFile = regexp.MustCompile(`\.(?:go|js|css|html|py|sh)$`)

func TestFilesOfCodeAreShort(t *testing.T) {
	t.Parallel()
	var sizes []int
	for _, name := range tree(t) {
		if !codeFile.MatchString(name) || strings.Contains(name, "testdata/") {
			continue
		}
		n := strings.Count(source(t, name), "\n")
		sizes = append(sizes, n)
		if n > maxFile {
			t.Errorf("%s has %d lines, want at most %d: split it by subject", name, n, maxFile)
		}
		if function, _ := path.Match("functions/*/main.go", name); function && n >= maxMain {
			t.Errorf("%s has %d lines, want fewer than %d", name, n, maxMain)
		}
	}
	slices.Sort(sizes)
	if len(sizes) < 1000 {
		t.Fatalf("found %d files of code; the test expects more", len(sizes))
	}
	if median := sizes[len(sizes)/2]; median >= medianFile {
		t.Errorf("the files of code have a median of %d lines, want fewer than %d", median, medianFile)
	}
}

// majorVersion matches the end of a module's path that names its major version.
var majorVersion = regexp.MustCompile(`/v\d+$`)

// CONTRIBUTING.md gives the reason for each module that go.mod requires directly.
func TestEachDependencyHasAReason(t *testing.T) {
	t.Parallel()
	_, after, _ := strings.Cut(source(t, "CONTRIBUTING.md"), "\n## Dependencies\n")
	reasons, _, ok := strings.Cut(after, "\n## ")
	if !ok {
		t.Fatal("CONTRIBUTING.md has no section Dependencies")
	}
	named := map[string]bool{}
	for _, row := range tables(reasons)[0] {
		for _, span := range code.FindAllString(row[0], -1) {
			named[path.Base(strings.Trim(span, "`"))] = true
		}
	}
	direct, _, _ := strings.Cut(source(t, "go.mod"), "// indirect")
	required := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(direct, -1)
	if len(required) < 20 {
		t.Fatalf("found %d modules in go.mod; the test expects more", len(required))
	}
	for _, m := range required {
		if module := majorVersion.ReplaceAllString(m[1], ""); !named[path.Base(module)] {
			t.Errorf("CONTRIBUTING.md gives no reason for %s", module)
		}
	}
}
