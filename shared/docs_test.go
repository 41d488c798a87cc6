package shared_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// kazooPage describes Kazoo. The files that it names are in Kazoo's source, not in
// this repository.
const kazooPage = "docs/kazoo.md"

var (
	// fenced matches a code block, indented or not; code matches an inline code span.
	fenced = regexp.MustCompile("(?ms)^ *```.*?^ *```[ \t]*$")
	code   = regexp.MustCompile("`[^`\n]*`")
	// link matches an inline link, definition the target of a reference link.
	link       = regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)`)
	definition = regexp.MustCompile(`(?m)^ {0,3}\[[^\]]+\]:\s+(\S+)`)
	// heading matches a heading, linkText a link in it, and anchorTag an anchor
	// written in HTML.
	heading   = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	linkText  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	anchorTag = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
	// address matches a URL, with or without its scheme. Its path is not in this
	// repository.
	address = regexp.MustCompile(`(?:[a-z0-9]+://|[\w-]+(?:\.[\w-]+)*\.(?:com|org|net)/)[^\s)>"]+`)
	// word matches text that may be a file name.
	word = regexp.MustCompile("[^\\s`\"'(),;:|<>\\[\\]]+")
	// fileName matches a file name by its extension. treePath matches the path of a
	// file or folder, relative to the root.
	fileName = regexp.MustCompile(`^[\w./-]*\w\.(?:go|md|ya?ml|sh|toml|mod|py|js|html|template)$`)
	treePath = regexp.MustCompile(`^(?:\.ci|\.githooks|\.github|bench|cmd|docs|e2e|environments|events|front|functions|local|shared|tools)/[\w./-]*\w/?$`)
)

// tree returns the paths of the repository's files, relative to the root, with
// slashes. It omits hidden folders that are not tracked, and folders that builds and
// make run create.
func tree(t *testing.T) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := strings.HasPrefix(name, ".") && !slices.Contains([]string{".", ".ci", ".githooks", ".github"}, name)
			if hidden || name == "bin" || name == "data" {
				return fs.SkipDir
			}
			return nil
		}
		files = append(files, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// pages returns the text of the Markdown files by path.
func pages(t *testing.T, files []string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range files {
		if path.Ext(name) == ".md" {
			text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(text)
		}
	}
	if len(all) == 0 {
		t.Fatal("found no Markdown files")
	}
	return all
}

// exists reports whether a path of the repository is a file or a folder.
func exists(name string) bool {
	_, err := os.Stat(filepath.Join("..", filepath.FromSlash(name)))
	return err == nil
}

// anchors returns the anchors of a page. Forges derive them from the headings:
// lower case, with hyphens for spaces and without punctuation. The second heading
// with the same text gets the suffix -1, the third -2.
func anchors(page string) map[string]bool {
	all, seen := map[string]bool{}, map[string]int{}
	page = fenced.ReplaceAllString(page, "")
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, linkText.ReplaceAllString(m[1], "$1"))
		n := seen[slug]
		seen[slug]++
		if n > 0 {
			slug = fmt.Sprintf("%s-%d", slug, n)
		}
		all[slug] = true
	}
	for _, m := range anchorTag.FindAllStringSubmatch(page, -1) {
		all[m[1]] = true
	}
	return all
}

// brokenLinks returns the relative links on the page called name that lead to a
// missing file or anchor. all holds the text of every page.
func brokenLinks(name string, all map[string]string) (broken []string) {
	text := code.ReplaceAllString(fenced.ReplaceAllString(all[name], ""), "")
	for _, m := range slices.Concat(link.FindAllStringSubmatch(text, -1), definition.FindAllStringSubmatch(text, -1)) {
		target, anchor, _ := strings.Cut(m[1], "#")
		if address.MatchString(m[1]) || strings.HasPrefix(target, "mailto:") {
			continue
		}
		file := name
		if target != "" {
			file = path.Join(path.Dir(name), target)
		}
		page, read := all[file]
		if !read && !exists(file) || read && anchor != "" && !anchors(page)[anchor] {
			broken = append(broken, m[1])
		}
	}
	return broken
}

// missingFiles returns the file names and paths in a text that do not exist.
// Names may be relative to the folder of the text, to the root, or to a folder of
// docs. If anywhere is true, a name without a path may belong to any of files.
func missingFiles(folder, text string, files []string, anywhere bool) (missing []string) {
	bases := []string{folder, ".", "docs", "docs/tutorials", "docs/how-to", "docs/reference", "docs/explanation"}
	for _, w := range word.FindAllString(address.ReplaceAllString(text, ""), -1) {
		w = strings.TrimRight(w, ".")
		if !fileName.MatchString(w) && !treePath.MatchString(w) {
			continue
		}
		w = strings.TrimSuffix(w, "/")
		found := slices.ContainsFunc(bases, func(base string) bool { return exists(path.Join(base, w)) }) ||
			anywhere && slices.ContainsFunc(files, func(f string) bool { return path.Base(f) == w })
		if !found {
			missing = append(missing, w)
		}
	}
	return missing
}

func TestLinksInDocumentsResolve(t *testing.T) {
	t.Parallel()
	all := pages(t, tree(t))
	for name := range all {
		for _, target := range brokenLinks(name, all) {
			t.Errorf("%s links to %s, which does not exist", name, target)
		}
	}
}

func TestFilesNamedInDocumentsExist(t *testing.T) {
	t.Parallel()
	files := tree(t)
	for name, text := range pages(t, files) {
		if name == kazooPage {
			continue
		}
		for _, missing := range missingFiles(path.Dir(name), fenced.ReplaceAllString(text, ""), files, true) {
			t.Errorf("%s names %s, which does not exist", name, missing)
		}
	}
}

// codePage shows the packages as a tree.
const codePage = "docs/explanation/code.md"

// codeTree returns the tree of codePage, a line for each file or folder.
func codeTree(t *testing.T) string {
	t.Helper()
	_, rest, _ := strings.Cut(pages(t, tree(t))[codePage], "```\n")
	block, _, ok := strings.Cut(rest, "\n```")
	if !ok {
		t.Fatalf("%s has no code block", codePage)
	}
	return block
}

// All files and folders in the tree of codePage exist.
func TestTheTreeExists(t *testing.T) {
	t.Parallel()
	for line := range strings.Lines(codeTree(t)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name = strings.TrimSuffix(name, "/"); !exists(name) {
			t.Errorf("%s shows %s, which does not exist", codePage, name)
		}
	}
}

// inTree reports whether a tree shows a package: on its own line, with the last two parts of
// its path in the text of a line, or below a folder such as functions/internal/. A folder at
// the root does not stand for the packages below it.
func inTree(block, name string) bool {
	for line := range strings.Lines(block) {
		shown, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.TrimSuffix(strings.TrimSuffix(shown, "/"), "/main.go") == name {
			return true
		}
		if strings.Count(shown, "/") > 1 && strings.HasSuffix(shown, "/") && strings.HasPrefix(name, shown) {
			return true
		}
	}
	dir, last := path.Split(name)
	return dir != "" && slices.Contains(word.FindAllString(block, -1), path.Base(dir)+"/"+last)
}

// The tree of codePage shows every package that the product links, every function, and every
// folder at the root that has packages.
func TestTheTreeIsComplete(t *testing.T) {
	t.Parallel()
	block, all := codeTree(t), map[string]goList{}
	for _, p := range packagesIn(t, "..") {
		all[strings.TrimPrefix(p.ImportPath, module)] = p
	}
	linked := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		if linked[name] {
			return
		}
		linked[name] = true
		for _, i := range all[name].Imports {
			if ours, mine := strings.CutPrefix(i, module); mine {
				add(ours)
			}
		}
	}
	roots := map[string]bool{}
	for name, p := range all {
		root, _, _ := strings.Cut(name, "/")
		roots[root] = true
		if p.Name == "main" && slices.Contains([]string{"functions", "cmd", "local"}, root) {
			add(name)
		}
	}
	for name := range linked {
		function, ok := strings.CutPrefix(name, "functions/")
		listed := ok && all[name].Name == "main" && slices.Contains(word.FindAllString(block, -1), function)
		if !listed && !inTree(block, name) {
			t.Errorf("%s does not show %s", codePage, name)
		}
	}
	for root := range roots {
		if !strings.Contains("\n"+block, "\n"+root+"/") && !strings.Contains(block, " "+root+" ") {
			t.Errorf("%s shows nothing in %s", codePage, root)
		}
	}
	if len(linked) < 80 {
		t.Errorf("the product links %d packages; the test expects more", len(linked))
	}
}

func TestFilesNamedInPackageCommentsExist(t *testing.T) {
	t.Parallel()
	files, comments := tree(t), 0
	for _, name := range files {
		if path.Ext(name) != ".go" || strings.Contains(name, "/testdata/") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", filepath.FromSlash(name)), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if f.Doc == nil {
			continue
		}
		comments++
		for _, missing := range missingFiles(path.Dir(name), f.Doc.Text(), files, false) {
			t.Errorf("the package comment in %s names %s, which does not exist", name, missing)
		}
	}
	if comments == 0 {
		t.Fatal("found no package comments")
	}
}

// The checks above do find broken references.
func TestBrokenReferencesAreFound(t *testing.T) {
	t.Parallel()
	all := map[string]string{"docs/page.md": "# A page\n\n## Set-up, in `sh`\n\n## Twice\n\n## Twice\n\n" +
		"[good](how-to/operate.md), [good](../README.md), [good](#set-up-in-sh), [good](#twice-1), [good](https://example.com/no.md), `[code](no.md)`\n" +
		"[bad](no.md), [bad](#no), [bad](page.md#twice-2)\n\n```\n[code](no.md)\n# No\n```\n\n[reference]: no/where.md\n"}
	if got, want := brokenLinks("docs/page.md", all), []string{"no.md", "#no", "page.md#twice-2", "no/where.md"}; !slices.Equal(got, want) {
		t.Errorf("brokenLinks = %q, want %q", got, want)
	}
	text := "See imports_test.go, docs/how-to/operate.md, operate.md, shared/store and `{name}.go` (https://example.com/no.go).\n" +
		"Not no.go, shared/no, docs/no.md, nor main.go."
	for anywhere, want := range map[bool][]string{
		false: {"no.go", "shared/no", "docs/no.md", "main.go"},
		true:  {"no.go", "shared/no", "docs/no.md"},
	} {
		if got := missingFiles("shared", text, []string{"local/main.go"}, anywhere); !slices.Equal(got, want) {
			t.Errorf("missingFiles(anywhere %t) = %q, want %q", anywhere, got, want)
		}
	}
}
