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
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// numberVariable has the number of the mutant that a program with all mutants executes.
const numberVariable = "MUTATE_NUMBER"

// ensemble has all mutants of a package in one program, so that a mutant costs no compilation.
type ensemble struct {
	p       *program
	folder  string
	tool    string
	temp    string
	mutants []mutant
	set     *token.FileSet
	files   map[string]*rewriter
	nodes   []ast.Node
	// alone are the mutants that get a program of their own.
	alone []bool
	// limits bound the runs of the tests.
	limits []time.Duration
}

// together tests the mutants that Gremlins would make.
func (p *program) together(ctx context.Context, folder string) ([]mutant, error) {
	mutants, err := p.mutate(ctx, folder, "--dry-run")
	if err != nil {
		return nil, err
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		return nil, err
	}
	e := &ensemble{p: p, folder: folder, tool: tool, temp: filepath.Join(p.temp, strings.ReplaceAll(folder, "/", "-")), mutants: mutants, set: token.NewFileSet(), files: map[string]*rewriter{}}
	if err := os.MkdirAll(e.temp, 0o700); err != nil {
		return nil, err
	}
	if err := e.load(ctx); err != nil {
		return nil, err
	}
	if err := e.build(ctx); err != nil {
		return nil, err
	}
	return mutants, e.run(ctx)
}

// load parses the package, finds the node of each mutant, and decides which join.
func (e *ensemble) load(ctx context.Context) error {
	list := exec.CommandContext(ctx, e.tool, "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", "./"+e.folder)
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("list the imports: %w", err)
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if path, file, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			exports[path] = file
		}
	}
	names, err := exec.CommandContext(ctx, e.tool, "list", "-f", "{{join .GoFiles \" \"}}", "./"+e.folder).Output()
	if err != nil {
		return fmt.Errorf("list the files: %w", err)
	}
	var trees []*ast.File
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	for name := range strings.FieldsSeq(string(names)) {
		path := e.folder + "/" + name
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		tree, err := parser.ParseFile(e.set, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		trees = append(trees, tree)
		e.files[path] = &rewriter{set: e.set, info: info, text: text, tree: tree}
	}
	config := types.Config{Importer: importer.ForCompiler(e.set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })}
	if _, err := config.Check(e.folder, e.set, trees, info); err != nil {
		return fmt.Errorf("check the types: %w", err)
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
			m.status = "NOT VIABLE"
		default:
			m.status, e.alone[i] = "", !r.joins(n)
		}
	}
	return nil
}

var errorPlace = regexp.MustCompile(`(?m)^(?:\S*/)?([\w]+\.go):(\d+):\d+: `)

// build compiles the tests with all mutants that join. Mutants in places that do not compile
// get programs of their own.
func (e *ensemble) build(ctx context.Context) error {
	for range 30 {
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
	return errors.New("the mutants do not compile")
}

// demote gives the mutants at the lines of these errors programs of their own.
func (e *ensemble) demote(output string) bool {
	demoted := false
	for _, place := range errorPlace.FindAllStringSubmatch(output, -1) {
		line, _ := strconv.Atoi(place[2])
		hit := e.drop(place[1], func(n ast.Node) bool {
			return e.set.Position(n.Pos()).Line <= line && e.set.Position(n.End()).Line >= line
		})
		if !hit { // as "missing return", at the end of the function
			r := e.files[e.folder+"/"+place[1]]
			for _, d := range r.tree.Decls {
				if from, to := e.set.Position(d.Pos()).Line, e.set.Position(d.End()).Line; from <= line && line <= to {
					hit = e.drop(place[1], func(n ast.Node) bool {
						_, branch := n.(*ast.BranchStmt)
						return branch && n.Pos() >= d.Pos() && n.End() <= d.End()
					})
				}
			}
		}
		demoted = demoted || hit
	}
	return demoted
}

func (e *ensemble) drop(file string, match func(ast.Node) bool) bool {
	hit := false
	for i, n := range e.nodes {
		if e.mutants[i].file == e.folder+"/"+file && !e.alone[i] && e.mutants[i].status == "" && match(n) {
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
	pkg := ""
	for i, m := range e.mutants {
		if r := e.files[m.file]; m.status == "" && !e.alone[i] {
			_, at, _ := tokenOf(e.nodes[i])
			r.at[at] = append(r.at[at], choice{i + 1, m.kind})
		}
	}
	replace := map[string]string{}
	for path, r := range e.files {
		replace[path], pkg = r.file(), r.tree.Name.Name
	}
	replace[e.folder+"/zz_mutants.go"] = helperFile(pkg)
	return e.write("all", replace)
}

// write writes an overlay with these files.
func (e *ensemble) write(name string, replace map[string]string) (string, error) {
	root, err := os.Getwd()
	if err != nil {
		return "", err
	}
	paths := map[string]string{}
	for path, text := range replace {
		file := filepath.Join(e.temp, name+"-"+filepath.Base(path))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", err
		}
		paths[filepath.Join(root, filepath.FromSlash(path))] = file
	}
	text, err := json.Marshal(map[string]any{"Replace": paths})
	if err != nil {
		return "", err
	}
	file := filepath.Join(e.temp, name+".json")
	return file, os.WriteFile(file, text, 0o600)
}

func (e *ensemble) folders() []string { return append([]string{e.folder}, elsewhere[e.folder]...) }

func (e *ensemble) binary(name string, i int) string {
	return filepath.Join(e.temp, name+"-"+strconv.Itoa(i)+".test")
}

// compile compiles the tests with an overlay.
func (e *ensemble) compile(ctx context.Context, overlay, name string) ([]byte, error) {
	for i, folder := range e.folders() {
		build := exec.CommandContext(ctx, e.tool, "test", "-c", "-vet=off", "-trimpath", "-ldflags=-s -w", "-overlay", overlay, "-o", e.binary(name, i), "./"+folder)
		if output, err := build.CombinedOutput(); err != nil {
			return output, err
		}
	}
	return nil, nil
}

// test runs the compiled tests in a copy of the repository until one fails.
func (e *ensemble) test(ctx context.Context, root, name string, number int, limit func(int) time.Duration) (killed bool, output string, took []time.Duration) {
	s := standIn{tool: e.tool, environ: []string{numberVariable + "=" + strconv.Itoa(number)}}
	for i, folder := range e.folders() {
		for _, choice := range runs(folder) {
			start := time.Now()
			if output, err := s.execute(ctx, filepath.Join(root, filepath.FromSlash(folder)), limit(len(took)), e.binary(name, i), choice); err != nil {
				return true, output, nil
			}
			took = append(took, time.Since(start))
		}
	}
	return false, "", took
}

// run tests the mutants.
func (e *ensemble) run(ctx context.Context) error {
	roots := make([]string, e.p.workers)
	for i := range roots {
		roots[i] = filepath.Join(e.temp, "copy"+strconv.Itoa(i))
		if err := copyTree(ctx, roots[i]); err != nil {
			return err
		}
	}
	killed, output, took := e.test(ctx, roots[0], "all", 0, func(int) time.Duration { return 10 * time.Minute })
	if killed {
		return fmt.Errorf("the tests fail without a mutant: %s", output)
	}
	for _, d := range took {
		e.limits = append(e.limits, 3*d+hang)
	}
	next := make(chan int)
	var wait sync.WaitGroup
	for w, root := range roots {
		wait.Go(func() {
			for i := range next {
				e.try(ctx, root, i, w)
				m := e.mutants[i]
				_, _ = fmt.Fprintf(e.p.log, "%12s %s at %s:%d:%d\n", m.status, m.kind, filepath.Base(m.file), m.at, m.column)
			}
		})
	}
	for i := range e.mutants {
		next <- i
	}
	close(next)
	wait.Wait()
	return ctx.Err()
}

// copyTree copies the files of the repository.
func copyTree(ctx context.Context, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", `git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$0"`, to)
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("copy the repository: %w: %s", err, output)
	}
	return nil
}

// try tests one mutant.
func (e *ensemble) try(ctx context.Context, root string, i, worker int) {
	m := &e.mutants[i]
	if m.status != "" {
		return
	}
	name, number := "all", i+1
	if e.alone[i] {
		name = "alone" + strconv.Itoa(worker)
		r := e.files[m.file]
		tok, at, _ := tokenOf(e.nodes[i])
		offset := e.set.File(at).Offset(at)
		text := bytes.Join([][]byte{r.text[:offset], []byte(replacement(m.kind, tok).String()), r.text[offset+len(tok.String()):]}, nil)
		overlay, err := e.write(name, map[string]string{m.file: string(text)})
		if err == nil {
			_, err = e.compile(ctx, overlay, name)
		}
		if err != nil {
			m.status = "NOT VIABLE"
			return
		}
	}
	m.status = "LIVED"
	if killed, _, _ := e.test(ctx, root, name, number, func(run int) time.Duration { return e.limits[run] }); killed {
		m.status = "KILLED"
	}
}

var _ = slices.Clone[[]int]
