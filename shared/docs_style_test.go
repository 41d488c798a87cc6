package shared_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/callrecordings/api/shared/config"
)

const (
	// maxWords is the largest number of words in a paragraph, a list item or a table's
	// cell.
	maxWords = 120
	// maxLine is the largest length of a line, in characters. Tables, code, headings and
	// lines with a URL may be longer; inline code does not count.
	maxLine = 120
)

var (
	// bullet matches the beginning of a list item, cell the border between two cells.
	bullet = regexp.MustCompile(`^\s*(?:[-*]|\d+\.) `)
	cell   = regexp.MustCompile(`(?:^|[^\\])\|`)
	// shell matches a code block with commands. Its group is their text.
	shell = regexp.MustCompile("(?ms)^ *```sh[^\n]*\n(.*?)^ *```")
	// used and set match the use of a shell variable, and what gives it a value.
	used = regexp.MustCompile(`\$\{?([A-Z][A-Z0-9_]*)`)
	set  = regexp.MustCompile(`(?m)(?:^|[ ;"])([A-Z][A-Z0-9_]*)=`)
	// named matches a variable that the text names.
	named = regexp.MustCompile("`([A-Z][A-Z0-9_]*)`")
	// target matches a target of make in a command.
	target = regexp.MustCompile(`\bmake (?:-s )?([a-z][a-z0-9-]*)`)
	// dataFile matches a file in the data folder, localPort a port of this machine.
	dataFile  = regexp.MustCompile(`\.data/([\w.-]*\w)`)
	localPort = regexp.MustCompile(`(?:127\.0\.0\.1:|\bports? )(\d{4,5})`)
)

// paragraphs returns the paragraphs, list items, headings and cells of a page, without
// its code.
func paragraphs(page string) (all []string) {
	open := false
	for line := range strings.Lines(fenced.ReplaceAllString(page, "\n")) {
		line = strings.TrimRight(line, "\n")
		switch text := strings.TrimSpace(line); {
		case text == "":
			open = false
		case strings.HasPrefix(text, "|"):
			all = append(all, cell.Split(text, -1)...)
			open = false
		case open && !bullet.MatchString(line) && !strings.HasPrefix(line, "#"):
			all[len(all)-1] += " " + text
		default:
			all = append(all, text)
			open = !strings.HasPrefix(line, "#")
		}
	}
	return all
}

// longLines returns the numbers of a page's lines that are too long.
func longLines(page string) (numbers []int) {
	// Replacing a block's text keeps the numbers of the lines.
	page = fenced.ReplaceAllStringFunc(page, func(block string) string { return strings.Repeat("\n", strings.Count(block, "\n")) })
	n := 0
	for line := range strings.Lines(page) {
		n++
		exempt := strings.HasPrefix(line, "|") || strings.HasPrefix(line, "#") || address.MatchString(line)
		if !exempt && utf8.RuneCountInString(code.ReplaceAllString(strings.TrimRight(line, "\n"), "")) > maxLine {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

func TestParagraphsAndLinesAreShort(t *testing.T) {
	t.Parallel()
	for name, text := range pages(t, tree(t)) {
		for _, p := range paragraphs(text) {
			if words := len(strings.Fields(p)); words > maxWords {
				t.Errorf("%s: a paragraph has %d words, want at most %d: %.60s…", name, words, maxWords, p)
			}
		}
		for _, n := range longLines(text) {
			t.Errorf("%s:%d has more than %d characters", name, n, maxLine)
		}
	}
}

// Each page begins with its title, has no other, and omits no level of headings.
func TestHeadings(t *testing.T) {
	t.Parallel()
	level := regexp.MustCompile(`(?m)^(#{1,6}) +(.+)$`)
	for name, text := range pages(t, tree(t)) {
		if !strings.HasPrefix(text, "# ") {
			t.Errorf("%s does not begin with its title", name)
		}
		above := 0
		for _, m := range level.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			depth := len(m[1])
			if depth > above+1 || depth == 1 && above > 0 {
				t.Errorf("%s: the heading %q has level %d below level %d", name, m[2], depth, above)
			}
			if strings.HasSuffix(m[2], ".") {
				t.Errorf("%s: the heading %q ends with a period", name, m[2])
			}
			above = depth
		}
	}
}

// docs/README.md lists every page that is in the folder of its purpose.
func TestPagesAreInTheIndex(t *testing.T) {
	t.Parallel()
	all := pages(t, tree(t))
	index := all["docs/README.md"]
	for name := range all {
		if dir, _ := path.Split(name); dir == "docs/" || strings.HasPrefix(dir, "docs/") && dir != "docs/adr/" {
			if short := strings.TrimPrefix(name, "docs/"); short != "README.md" && !strings.Contains(index, "]("+short+")") {
				t.Errorf("docs/README.md does not list %s", name)
			}
		}
	}
}

// source returns the text of a file of the repository.
func source(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// defaultOf returns the default of a setting.
func defaultOf(t *testing.T, name string) string {
	t.Helper()
	for _, s := range config.All() {
		if s.Name == name {
			return s.Default
		}
	}
	t.Fatalf("there is no setting %s", name)
	return ""
}

// Readers copy commands. The variables in them get a value: from demo.env, from the file
// that make deploy writes if the page loads it, from the page's own commands, or from the
// reader, if the text names the variable.
func TestVariablesInCommandsAreSet(t *testing.T) {
	t.Parallel()
	known := []string{"PWD"}
	_, demo, ok := strings.Cut(source(t, "local/welcome.go"), "func (g greeting) variables()")
	demo, _, end := strings.Cut(demo, "\n}\n")
	if !ok || !end {
		t.Fatal("local/welcome.go does not write demo.env as this test expects")
	}
	for _, m := range regexp.MustCompile(`([A-Z_]+)=(?:%s|")`).FindAllStringSubmatch(demo, -1) {
		known = append(known, m[1])
	}
	for _, name := range []string{"ACCOUNT_ID", "USER_ID", "TOKEN", "URL"} {
		if !slices.Contains(known, name) {
			t.Errorf("demo.env does not set %s", name)
		}
	}
	deployed := slices.Clone(known)
	for _, m := range regexp.MustCompile(`echo "([A-Z_]+)=`).FindAllStringSubmatch(source(t, "tools/environment"), -1) {
		deployed = append(deployed, m[1])
	}
	for name, text := range pages(t, tree(t)) {
		here := slices.Clone(known)
		// Pages that link there need the variables that it lists.
		if strings.Contains(text, ". .deploy/") || strings.Contains(text, "#before-you-begin") {
			here = slices.Clone(deployed)
		}
		for _, m := range named.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			here = append(here, m[1])
		}
		for _, block := range shell.FindAllStringSubmatch(text, -1) {
			for _, m := range set.FindAllStringSubmatch(block[1], -1) {
				here = append(here, m[1])
			}
			for _, m := range used.FindAllStringSubmatch(block[1], -1) {
				if !slices.Contains(here, m[1]) {
					t.Errorf("%s uses $%s, which nothing sets", name, m[1])
				}
			}
		}
	}
}

func TestMakeTargetsInDocumentsExist(t *testing.T) {
	t.Parallel()
	makefile := source(t, "Makefile")
	for name, text := range pages(t, tree(t)) {
		for _, block := range shell.FindAllStringSubmatch(text, -1) {
			for _, m := range target.FindAllStringSubmatch(block[1], -1) {
				if !strings.Contains(makefile, "\n"+m[1]+": ") {
					t.Errorf("%s runs make %s, which does not exist", name, m[1])
				}
			}
		}
	}
}

// The files in the data folder that documents name are those that make run writes, and
// the ports in the README and the tutorials are its defaults.
func TestDataFilesAndPortsInDocuments(t *testing.T) {
	t.Parallel()
	files, code := tree(t), strings.Builder{}
	for _, name := range files {
		if strings.HasPrefix(name, "local/") && path.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go") {
			code.WriteString(source(t, name))
		}
	}
	if !strings.Contains(source(t, "local/datadir/datadir.go"), `Default = ".data"`) {
		t.Error("the default data folder is no longer .data, which the documents name")
	}
	port, err := strconv.Atoi(defaultOf(t, "PORT"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range pages(t, files) {
		for _, m := range dataFile.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(code.String(), `"`+m[1]+`"`) {
				t.Errorf("%s names .data/%s, which no code in local writes", name, m[1])
			}
		}
		if name != "README.md" && !strings.HasPrefix(name, "docs/tutorials/") {
			continue
		}
		for _, m := range localPort.FindAllStringSubmatch(text, -1) {
			if m[1] != strconv.Itoa(port) && m[1] != strconv.Itoa(port+1) {
				t.Errorf("%s names the port %s, want %d or %d", name, m[1], port, port+1)
			}
		}
	}
	readme := source(t, "README.md")
	for _, row := range []string{"| `" + defaultOf(t, "PORT") + "`, `" + defaultOf(t, "HOST") + "` |", "http://" + defaultOf(t, "HOST") + ":" + defaultOf(t, "PORT")} {
		if !strings.Contains(readme, row) {
			t.Errorf("README.md does not have %q", row)
		}
	}
}

// Pictures load at once, also on a slow line.
func TestImagesAreSmall(t *testing.T) {
	t.Parallel()
	const most = 100_000
	images, err := filepath.Glob("../docs/images/*")
	if err != nil || len(images) == 0 {
		t.Fatalf("found no images: %v", err)
	}
	for _, name := range images {
		if info, err := os.Stat(name); err != nil || info.Size() > most {
			t.Errorf("%s: %v, want at most %d bytes", name, err, most)
		}
	}
}

// The checks above do find faults.
func TestFaultsOfStyleAreFound(t *testing.T) {
	t.Parallel()
	page := "# A page\n\nOne two\nthree.\n- four\n  five\n- six\n\n| seven | eight \\| nine |\n|---|---|\n\n```\nno\n```\nTen.\n"
	want := []string{"# A page", "One two three.", "- four five", "- six", "seven", "eight \\| nine", "Ten."}
	got := slices.DeleteFunc(paragraphs(page), func(p string) bool { return strings.Trim(p, " -") == "" })
	for i := range got {
		got[i] = strings.TrimSpace(got[i])
	}
	if !slices.Equal(got, want) {
		t.Errorf("paragraphs = %q, want %q", got, want)
	}
	long := strings.Repeat("word ", 25)
	if got := longLines("# " + long + "\n\n" + long + "\n```\n" + long + "\n```\n| " + long + "\nhttps://example.com/ " + long + "\n" + long + "\n"); !slices.Equal(got, []int{3, 9}) {
		t.Errorf("longLines = %v, want lines 3 and 9", got)
	}
}
