package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path"
	"strings"
)

// name identifies a mutant without line numbers, so that an excuse outlives changes
// elsewhere in its file, but not changes of its own line.
type name struct {
	// file is the path from the root of the repository.
	file string
	// function is "Store.Put" for a method, and "-" outside functions.
	function string
	// kind is Gremlins' name for the change: CONDITIONALS_BOUNDARY.
	kind string
	// line is the text of the line without the space around it. The token that the mutant
	// replaces is in brackets: "if n [<] limit {".
	line string
}

// String returns the name as excuses.txt has it.
func (n name) String() string {
	return fmt.Sprintf("%s %s %s\n\t%s", n.file, n.function, n.kind, n.line)
}

// The statuses of mutants.
const (
	killed    = "KILLED"
	lived     = "LIVED"
	notViable = "NOT VIABLE" // it does not compile
)

// mutant is a change of the code, with the result of the tests.
type mutant struct {
	name
	// status is KILLED, TIMED OUT, LIVED, NOT COVERED or NOT VIABLE (it does not compile).
	status     string
	at, column int
}

// gremlinsReport is the part of Gremlins' report that mutate reads.
type gremlinsReport struct {
	Files []struct {
		Name      string `json:"file_name"`
		Mutations []struct {
			Type         string
			Line, Column int
		}
	}
}

// readReport returns the mutants of a folder from Gremlins' report on it.
func readReport(text []byte, folder string) ([]mutant, error) {
	var report gremlinsReport
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("parse the report: %w", err)
	}
	var mutants []mutant
	for _, f := range report.Files {
		src, err := readSource(path.Join(folder, f.Name))
		if err != nil {
			return nil, err
		}
		for _, m := range f.Mutations {
			mutants = append(mutants, mutant{src.name(m.Type, m.Line, m.Column), "", m.Line, m.Column})
		}
	}
	return mutants, nil
}

// source is a file of code.
type source struct {
	path  string
	lines []string
	set   *token.FileSet
	tree  *ast.File
}

func readSource(file string) (*source, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the code: %w", err)
	}
	return parseSource(file, string(text))
}

func parseSource(file, text string) (*source, error) {
	s := &source{path: file, lines: strings.Split(text, "\n"), set: token.NewFileSet()}
	var err error
	if s.tree, err = parser.ParseFile(s.set, file, text, parser.SkipObjectResolution); err != nil {
		return nil, fmt.Errorf("parse the code: %w", err)
	}
	return s, nil
}

// name returns the name of the mutant at a line and a column, which count from 1.
func (s *source) name(kind string, line, column int) name {
	text := s.lines[line-1]
	before, after := text[:column-1], text[column-1:]
	n := tokenLength(after)
	return name{s.path, s.function(line), kind, strings.TrimSpace(before + "[" + after[:n] + "]" + after[n:])}
}

// tokenLength returns the length of the operator or keyword at the beginning of text.
func tokenLength(text string) int {
	var s scanner.Scanner
	set := token.NewFileSet()
	s.Init(set.AddFile("", set.Base(), len(text)), []byte(text), func(token.Position, string) {}, 0)
	_, t, _ := s.Scan()
	return min(len(t.String()), len(text))
}

// function returns the function at a line.
func (s *source) function(line int) string {
	for _, d := range s.tree.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || line < s.set.Position(f.Pos()).Line || line > s.set.Position(f.End()).Line {
			continue
		}
		if f.Recv == nil {
			return f.Name.Name
		}
		return receiver(f.Recv.List[0].Type) + "." + f.Name.Name
	}
	return "-"
}

// receiver returns the name of a receiver's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return "?"
}

// has reports whether the file has a line that the mutant n can change.
func (s *source) has(n name) bool {
	line := strings.NewReplacer("[", "", "]", "").Replace(n.line)
	for i, text := range s.lines {
		bare := strings.NewReplacer("[", "", "]", "").Replace(strings.TrimSpace(text))
		if bare == line && s.function(i+1) == n.function {
			return true
		}
	}
	return false
}
