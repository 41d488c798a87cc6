package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// numberVariable has the number of the mutant that a program with all mutants executes.
const numberVariable = "MUTATE_NUMBER"

// ensemble is a package with all its mutants in one program, so that a mutant costs no
// compilation. Mutants are numbered from 1; 0 is the original.
type ensemble struct {
	folder string
	// tool is the command go, and temp a folder for files.
	tool, temp string
	mutants    []mutant
	set        *token.FileSet
	files      map[string]*rewriter
	// nodes have the tokens that the mutants replace.
	nodes []ast.Node
	// alone are the mutants that get a program of their own.
	alone []bool
}

// load parses the package, finds the node of each mutant, and decides which mutants join.
func (e *ensemble) load(ctx context.Context) error {
	info, err := e.parse(ctx)
	if err != nil {
		return err
	}
	for _, r := range e.files {
		r.info = info
	}
	e.nodes, e.alone = make([]ast.Node, len(e.mutants)), make([]bool, len(e.mutants))
	for i := range e.mutants {
		m := &e.mutants[i]
		r := e.files[m.file]
		ast.Inspect(r.tree, func(n ast.Node) bool {
			if _, at, ok := tokenOf(n); ok {
				if p := e.set.Position(at); p.Line == m.at && p.Column == m.column {
					e.nodes[i] = n
				}
			}
			return true
		})
		switch n := e.nodes[i]; {
		case n == nil:
			return fmt.Errorf("no token for the mutant %s", m.name)
		case !r.viable(n, m.kind):
			m.status = notViable
		default:
			m.status, e.alone[i] = "", !r.joins(n)
		}
	}
	return nil
}

// parse parses the package and checks its types.
func (e *ensemble) parse(ctx context.Context) (*types.Info, error) {
	list := func(args ...string) (string, error) {
		out, err := exec.CommandContext(ctx, e.tool, append([]string{"list"}, append(args, "./"+e.folder)...)...).Output() //nolint:gosec // the command go
		if err != nil {
			return "", fmt.Errorf("list %s: %w", e.folder, err)
		}
		return string(out), nil
	}
	names, err := list("-f", `{{join .GoFiles " "}}`)
	if err != nil {
		return nil, err
	}
	lines, err := list("-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}")
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for line := range strings.Lines(lines) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[path] = file
	}
	e.set, e.files = token.NewFileSet(), map[string]*rewriter{}
	var trees []*ast.File
	for name := range strings.FieldsSeq(names) {
		r, err := newRewriter(e.set, e.folder+"/"+name)
		if err != nil {
			return nil, err
		}
		trees = append(trees, r.tree)
		e.files[e.folder+"/"+name] = r
	}
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: importer.ForCompiler(e.set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
	if _, err := config.Check(e.folder, e.set, trees, info); err != nil {
		return nil, fmt.Errorf("check the types: %w", err)
	}
	return info, nil
}

// newRewriter parses a file.
func newRewriter(set *token.FileSet, path string) (*rewriter, error) {
	text, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		return nil, fmt.Errorf("read the code: %w", err)
	}
	tree, err := parser.ParseFile(set, filepath.Base(path), text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse the code: %w", err)
	}
	return &rewriter{set: set, text: text, tree: tree}, nil
}

// build compiles the tests with all mutants that join. Mutants in places that do not compile
// get programs of their own.
func (e *ensemble) build(ctx context.Context) error {
	const tries = 30 // the compiler reports ten errors at a time
	for range tries {
		overlay, err := e.overlay()
		if err != nil {
			return err
		}
		output, err := e.compile(ctx, overlay, "all")
		if err == nil {
			return nil
		}
		if !e.demote(string(output)) {
			return fmt.Errorf("compile the mutants: %w: %s", err, output)
		}
	}
	return errors.New("compile the mutants: too many errors")
}

// errorPlace matches the file and the line of an error of the compiler.
var errorPlace = regexp.MustCompile(`(?m)^(?:\S*/)?(?:all-)?(\w+\.go):(\d+):\d+: `)

// demote gives the mutants at the lines of these errors programs of their own. It reports
// whether there are any.
func (e *ensemble) demote(output string) bool {
	demoted := false
	for _, place := range errorPlace.FindAllStringSubmatch(output, -1) {
		file := e.folder + "/" + place[1]
		line, _ := strconv.Atoi(place[2])
		at := func(n ast.Node) bool {
			return e.set.Position(n.Pos()).Line <= line && line <= e.set.Position(n.End()).Line
		}
		hit := e.drop(file, at)
		for i := 0; !hit && e.files[file] != nil && i < len(e.files[file].tree.Decls); i++ {
			// A break more or less changes whether a function needs a return at its end.
			if d := e.files[file].tree.Decls[i]; at(d) {
				hit = e.drop(file, func(n ast.Node) bool {
					_, branch := n.(*ast.BranchStmt)
					return branch && d.Pos() <= n.Pos() && n.End() <= d.End()
				})
			}
		}
		demoted = demoted || hit
	}
	return demoted
}

// drop gives the matching mutants of a file programs of their own. It reports whether there
// are any.
func (e *ensemble) drop(file string, match func(ast.Node) bool) bool {
	hit := false
	for i, n := range e.nodes {
		if e.mutants[i].file == file && !e.alone[i] && e.mutants[i].status == "" && match(n) {
			e.alone[i], hit = true, true
		}
	}
	return hit
}

// overlay writes the files with the mutants that join, and returns their overlay.
func (e *ensemble) overlay() (string, error) {
	for _, r := range e.files {
		r.at = map[token.Pos][]choice{}
	}
	for i, m := range e.mutants {
		if m.status == "" && !e.alone[i] {
			_, at, _ := tokenOf(e.nodes[i])
			r := e.files[m.file]
			r.at[at] = append(r.at[at], choice{i + 1, m.kind})
		}
	}
	replace := map[string]string{}
	for path, r := range e.files {
		replace[path] = r.file()
		replace[e.folder+"/zz_mutants.go"] = helperFile(r.tree.Name.Name)
	}
	return e.write("all", replace)
}

// write writes an overlay with these files.
func (e *ensemble) write(name string, replace map[string]string) (string, error) {
	root, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working folder: %w", err)
	}
	paths, files := map[string]string{}, map[string][]byte{}
	for path, text := range replace {
		file := filepath.Join(e.temp, name+"-"+filepath.Base(path))
		paths[filepath.Join(root, filepath.FromSlash(path))], files[file] = file, []byte(text)
	}
	overlay := filepath.Join(e.temp, name+".json")
	if files[overlay], err = json.Marshal(map[string]any{"Replace": paths}); err != nil {
		return "", fmt.Errorf("describe the overlay: %w", err)
	}
	for file, text := range files {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return "", fmt.Errorf("write the mutants: %w", err)
		}
	}
	return overlay, nil
}

// writeAlone writes an overlay with one mutant.
func (e *ensemble) writeAlone(i int, name string) (string, error) {
	m := &e.mutants[i]
	r := e.files[m.file]
	old, at, _ := tokenOf(e.nodes[i])
	offset := e.set.File(at).Offset(at)
	text := bytes.Join([][]byte{r.text[:offset], []byte(replacement(m.kind, old).String()), r.text[offset+len(old.String()):]}, nil)
	return e.write(name, map[string]string{m.file: string(text)})
}

// folders returns the packages whose tests must notice the mutants.
func (e *ensemble) folders() []string { return append([]string{e.folder}, elsewhere[e.folder]...) }

func (e *ensemble) binary(name string, i int) string {
	return filepath.Join(e.temp, name+"-"+strconv.Itoa(i)+".test")
}

// compile compiles the tests with an overlay, and returns the output of the compiler.
func (e *ensemble) compile(ctx context.Context, overlay, name string) ([]byte, error) {
	for i, folder := range e.folders() {
		build := exec.CommandContext(ctx, e.tool, "test", "-c", "-vet=off", "-trimpath", "-ldflags=-s -w", "-overlay", overlay, "-o", e.binary(name, i), "./"+folder) //nolint:gosec // the command go
		if output, err := build.CombinedOutput(); err != nil {
			return output, fmt.Errorf("compile the tests of %s: %w", folder, err)
		}
	}
	return nil, nil
}
