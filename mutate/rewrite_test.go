package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// program prints what depends on each of its tokens. Comments name the mutants by number.
const arithmetic = `package main

func main() {
	a, b, s := 7, 7, "x"
	print(a <= b && s == "x", " ") // 1 is <, 2 is >, 3 is ||, 4 is !=
	print(a * b - 1, " ")          // 5 is /, 6 is +
	n := 0
	for i := 0; i < 5; i++ { // 7 is >=
		if i == 2 { // 8 is !=
			continue // 9 is break
		}
		n += i // 10 is -=, 11 is =
	}
	n-- // 12 is ++
	print(n)
}
`

// TestRewriter compiles a program with twelve mutants at once. Its number chooses one.
func TestRewriter(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "main.go")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(path, arithmetic)
	r, err := newRewriter(token.NewFileSet(), path)
	if err != nil {
		t.Fatal(err)
	}
	r.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	var config types.Config
	if _, err := config.Check("main", r.set, []*ast.File{r.tree}, r.info); err != nil {
		t.Fatal(err)
	}
	r.at = map[token.Pos][]choice{}
	number := 0
	for _, m := range []struct {
		line  int
		token token.Token
		kinds []string
	}{
		{5, token.LEQ, []string{"CONDITIONALS_BOUNDARY", "CONDITIONALS_NEGATION"}},
		{5, token.LAND, []string{"INVERT_LOGICAL"}},
		{5, token.EQL, []string{"CONDITIONALS_NEGATION"}},
		{6, token.MUL, []string{"ARITHMETIC_BASE"}},
		{6, token.SUB, []string{"ARITHMETIC_BASE"}},
		{8, token.LSS, []string{"CONDITIONALS_NEGATION"}},
		{9, token.EQL, []string{"CONDITIONALS_NEGATION"}},
		{10, token.CONTINUE, []string{"INVERT_LOOPCTRL"}},
		{12, token.ADD_ASSIGN, []string{"INVERT_ASSIGNMENTS", "REMOVE_SELF_ASSIGNMENTS"}},
		{14, token.DEC, []string{"INCREMENT_DECREMENT"}},
	} {
		ast.Inspect(r.tree, func(n ast.Node) bool {
			tok, at, ok := tokenOf(n)
			if !ok || tok != m.token || r.set.Position(at).Line != m.line {
				return true
			}
			for _, kind := range m.kinds {
				if number++; !r.viable(n, kind) || !r.joins(n) {
					t.Errorf("mutant %d does not join", number)
				}
				r.at[at] = append(r.at[at], choice{number, kind})
			}
			return true
		})
	}
	write(path, r.file())
	write(filepath.Join(folder, "zz_mutants.go"), helperFile("main"))
	write(filepath.Join(folder, "go.mod"), "module main\n\ngo 1.26.0\n")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", "main", ".")
	build.Dir = folder
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, output, r.file())
	}
	for number, want := range []string{
		"true 48 7",                                           // the original: 0 + 1 + 3 + 4, less 1
		"false 48 7", "false 48 7", "true 48 7", "false 48 7", // 3 shows only if one side is false
		"true 0 7", "true 50 7", "true 48 -1", "true 48 1", "true 48 0", "true 48 -9", "true 48 3", "true 48 9",
	} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(folder, "main"))
		cmd.Env = append(os.Environ(), numberVariable+"="+strconv.Itoa(number))
		if output, err := cmd.CombinedOutput(); err != nil || string(output) != want {
			t.Errorf("mutant %d prints %q, %v, want %q", number, output, err, want)
		}
	}
}
