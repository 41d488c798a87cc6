package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// code is a file with lines that look alike.
const code = `package p

const limit = 2 + 3

func first(n int) bool {
	return n < limit
}

func (s *Store[K]) Second(n []int) bool {
	return n[0] < limit && n[1] < limit
}
`

func parse(t *testing.T) *source {
	t.Helper()
	s, err := parseSource("p/p.go", code)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNamesOfMutants(t *testing.T) {
	t.Parallel()
	s := parse(t)
	for _, c := range []struct {
		line, column   int
		function, text string
	}{
		{3, 17, "-", "const limit = 2 [+] 3"},
		{6, 11, "first", "return n [<] limit"},
		{10, 14, "Store.Second", "return n[0] [<] limit && n[1] < limit"},
		{10, 22, "Store.Second", "return n[0] < limit [&&] n[1] < limit"},
	} {
		want := name{"p/p.go", c.function, "KIND", c.text}
		got := s.name("KIND", c.line, c.column)
		if got != want {
			t.Errorf("name = %s, want %s", got, want)
		}
		if !s.has(got) {
			t.Errorf("the file has no line for %s", got)
		}
	}
	for _, gone := range []name{
		{"p/p.go", "first", "KIND", "return n [<=] limit"},
		{"p/p.go", "second", "KIND", "return n [<] limit"}, // the line is in another function
	} {
		if s.has(gone) {
			t.Errorf("the file has a line for %s, want none", gone)
		}
	}
}

func TestParseExcuses(t *testing.T) {
	t.Parallel()
	got, err := parseExcuses("# A comment.\n\na.go F KIND\n\tif a [<] b {\n\tThe reason\n\tin two lines.\n\nb.go - KIND\n\tconst c = 1 [+] 2\n\tAnother reason.\n")
	want := excuses{
		{"a.go", "F", "KIND", "if a [<] b {"}:      "The reason in two lines.",
		{"b.go", "-", "KIND", "const c = 1 [+] 2"}: "Another reason.",
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(name{})); err != nil || diff != "" {
		t.Errorf("parseExcuses: %v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{
		"a.go F KIND\n\tif a [<] b {\n", // no reason
		"a.go KIND\n\tif a [<] b {\n\tA reason.\n",
		"a.go F KIND\n\tx\n\tA reason.\n\na.go F KIND\n\tx\n\tAnother reason.\n",
	} {
		if _, err := parseExcuses(bad); err == nil {
			t.Errorf("parseExcuses(%q) = nil, want an error", bad)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	s := parse(t)
	at := func(line, column int, status string) mutant {
		return mutant{s.name("KIND", line, column), status, line, column}
	}
	excused, revived := s.name("KIND", 6, 11), s.name("KIND", 3, 17)
	all := excuses{
		excused: "why", revived: "why",
		name{"p/q/other.go", "-", "KIND", "x"}: "another package",
		name{"p/p.go", "-", "KIND", "gone"}:    "the line is gone",
	}
	r := judge("p", regexp.MustCompile(""), []mutant{
		at(6, 11, "LIVED"), at(3, 17, "KILLED"), at(10, 14, "KILLED"), at(10, 22, "LIVED"), at(10, 30, "NOT VIABLE"),
	}, all)
	if r.killed != 2 || r.excused != 1 || r.invalid != 1 || r.total() != 4 || r.percent() != 75 || r.passes() {
		t.Errorf("judge = %+v, %.1f %%", r, r.percent())
	}
	if len(r.survivors) != 1 || r.survivors[0].line != "return n[0] < limit [&&] n[1] < limit" {
		t.Errorf("survivors %v, want the && of Second", r.survivors)
	}
	var stale []string
	for _, n := range r.stale {
		stale = append(stale, n.line)
	}
	slices.Sort(stale)
	if want := []string{"const limit = 2 [+] 3", "gone"}; !slices.Equal(stale, want) {
		t.Errorf("stale excuses %q, want %q", stale, want)
	}
	good := judge("p", regexp.MustCompile(""), []mutant{at(6, 11, "LIVED"), at(3, 17, "LIVED")}, excuses{excused: "why", revived: "why"})
	if !good.passes() {
		t.Errorf("with excuses for all survivors, judge = %+v, want it to pass", good)
	}
	if r := judge("p", regexp.MustCompile("other"), nil, all); !r.passes() {
		t.Errorf("judge of other files = %+v, want no stale excuse", r)
	}
}

// Every excuse is about a line that exists, in a package of the scope.
//
//nolint:paralleltest // it changes the working folder, as the command expects it
func TestExcusesAreCurrent(t *testing.T) {
	t.Chdir("..")
	text, err := os.ReadFile(excuseFile)
	if err != nil {
		t.Fatal(err)
	}
	all, err := parseExcuses(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range all {
		if folder := filepath.ToSlash(filepath.Dir(n.file)); !slices.Contains(scope, folder) {
			t.Errorf("%s: %s is not in the scope", n, folder)
		}
		if src, err := readSource(n.file); err != nil {
			t.Errorf("%s: %v", n, err)
		} else if !src.has(n) {
			t.Errorf("%s: the function has no such line (any more)", n)
		}
	}
}

// Every named mutant can still be put in.
//
//nolint:paralleltest // it changes the working folder, as the command expects it
func TestNamedMutantsApply(t *testing.T) {
	t.Chdir("..")
	titles := map[string]bool{}
	for _, m := range named {
		changed, err := m.apply()
		if err != nil {
			t.Errorf("%s: %v", m.title, err)
		} else if _, err := parseSource(m.file, changed); err != nil {
			t.Errorf("%s: %v", m.title, err)
		}
		if titles[m.title] {
			t.Errorf("%s: the title occurs twice", m.title)
		}
		titles[m.title] = true
		for folder := range strings.FieldsSeq(m.tests) {
			if found, err := filepath.Glob(filepath.Join(folder, "*_test.go")); err != nil || len(found) == 0 {
				t.Errorf("%s: %s has no tests", m.title, folder)
			}
		}
	}
}
