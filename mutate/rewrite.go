package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// changes has the replacement for each token, by kind of mutant. They are those of Gremlins.
var changes = map[string]map[token.Token]token.Token{
	"ARITHMETIC_BASE":         {token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL},
	"CONDITIONALS_BOUNDARY":   {token.GEQ: token.GTR, token.GTR: token.GEQ, token.LEQ: token.LSS, token.LSS: token.LEQ},
	"CONDITIONALS_NEGATION":   {token.EQL: token.NEQ, token.NEQ: token.EQL, token.GEQ: token.LSS, token.LSS: token.GEQ, token.GTR: token.LEQ, token.LEQ: token.GTR},
	"INCREMENT_DECREMENT":     {token.INC: token.DEC, token.DEC: token.INC},
	"INVERT_ASSIGNMENTS":      {token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN, token.MUL_ASSIGN: token.QUO_ASSIGN, token.QUO_ASSIGN: token.MUL_ASSIGN, token.REM_ASSIGN: token.REM_ASSIGN},
	"INVERT_BITWISE":          {token.AND: token.OR, token.OR: token.AND, token.XOR: token.AND, token.AND_NOT: token.AND, token.SHL: token.SHR, token.SHR: token.SHL},
	"INVERT_BWASSIGN":         {token.AND_ASSIGN: token.OR_ASSIGN, token.OR_ASSIGN: token.AND_ASSIGN, token.XOR_ASSIGN: token.AND_ASSIGN, token.AND_NOT_ASSIGN: token.AND_ASSIGN, token.SHL_ASSIGN: token.SHR_ASSIGN, token.SHR_ASSIGN: token.SHL_ASSIGN},
	"INVERT_LOGICAL":          {token.LAND: token.LOR, token.LOR: token.LAND},
	"INVERT_LOOPCTRL":         {token.BREAK: token.CONTINUE, token.CONTINUE: token.BREAK},
	"REMOVE_SELF_ASSIGNMENTS": {},
}

// choice is a mutant in the text that has all of them: a number chooses it at run time.
type choice struct {
	number int
	kind   string
}

// helpers is a file for the package. The number of the mutant comes from the environment, so
// that programs that the tests start have the mutant as well.
const helpers = `package %s

import (
	mutantOS "os"
	mutantStrconv "strconv"
)

var mutantNumber = func() int { n, _ := mutantStrconv.Atoi(mutantOS.Getenv("%s")); return n }()

type mutantInteger interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

type mutantReal interface {
	mutantInteger | ~float32 | ~float64
}
`

// operators are the functions of helpers for an operator and its replacement.
var operators = []struct{ old, new token.Token }{
	{token.ADD, token.SUB},
	{token.SUB, token.ADD},
	{token.MUL, token.QUO},
	{token.QUO, token.MUL},
	{token.REM, token.MUL},
	{token.AND, token.OR},
	{token.OR, token.AND},
	{token.XOR, token.AND},
	{token.AND_NOT, token.AND},
}

// helperFile returns the file with the helpers for a package.
func helperFile(pkg string) string {
	var b strings.Builder
	fmt.Fprintf(&b, helpers, pkg, numberVariable)
	for _, o := range operators {
		kind := "mutantReal"
		if o.old != token.ADD && o.old != token.SUB && o.old != token.MUL && o.old != token.QUO {
			kind = "mutantInteger"
		}
		fmt.Fprintf(&b, "\nfunc mutant%d[T %s](number int, x, y T) T {\n\tif mutantNumber == number {\n\t\treturn x %s y\n\t}\n\treturn x %s y\n}\n", o.old, kind, o.new, o.old)
	}
	return b.String()
}

// rewriter writes a file with its mutants.
type rewriter struct {
	set  *token.FileSet
	info *types.Info
	text []byte
	tree *ast.File
	// at has the mutants by the position of their token.
	at map[token.Pos][]choice
}

// tokenOf returns the token that a mutant of n replaces; ok is false if there is none.
func tokenOf(n ast.Node) (tok token.Token, at token.Pos, ok bool) {
	switch n := n.(type) {
	case *ast.AssignStmt:
		return n.Tok, n.TokPos, true
	case *ast.BinaryExpr:
		return n.Op, n.OpPos, true
	case *ast.BranchStmt:
		return n.Tok, n.TokPos, true
	case *ast.IncDecStmt:
		return n.Tok, n.TokPos, true
	case *ast.UnaryExpr:
		return n.Op, n.OpPos, true
	}
	return token.ILLEGAL, token.NoPos, false
}

// replacement returns the token that a mutant has instead of old.
func replacement(kind string, old token.Token) token.Token {
	if kind == "REMOVE_SELF_ASSIGNMENTS" {
		return token.ASSIGN
	}
	return changes[kind][old]
}

// viable reports whether n may be compiled with its token replaced, as far as types show.
func (r *rewriter) viable(n ast.Node, kind string) bool {
	switch n := n.(type) {
	case *ast.UnaryExpr:
		return n.Op == token.SUB
	case *ast.BinaryExpr:
		return r.info.Types[n].IsValue() && (kind != "ARITHMETIC_BASE" || !isString(r.info.TypeOf(n.X)))
	case *ast.AssignStmt:
		return kind != "INVERT_ASSIGNMENTS" || !isString(r.info.TypeOf(n.Lhs[0]))
	}
	return true
}

func isString(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsString != 0
}

// joins reports whether the mutants of n can be in one text with it: those of constants
// cannot, because a variable chooses the mutant.
func (r *rewriter) joins(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		tv := r.info.Types[n]
		return tv.Value == nil && n.Op != token.SHL && n.Op != token.SHR
	case *ast.UnaryExpr:
		return false
	}
	return true
}

// file returns the text of the file with its mutants.
func (r *rewriter) file() string {
	end := r.set.File(r.tree.Pos()).Base() + len(r.text)
	return r.span(r.tree, r.set.File(r.tree.Pos()).Pos(0), token.Pos(end))
}

// render returns the text of a node with its mutants.
func (r *rewriter) render(n ast.Node) string { return r.span(n, n.Pos(), n.End()) }

// span returns the text from one position to another with the mutants in n.
func (r *rewriter) span(n ast.Node, from, to token.Pos) string {
	var b bytes.Buffer
	at := from
	ast.Inspect(n, func(inner ast.Node) bool {
		if inner == nil {
			return false
		}
		_, pos, ok := tokenOf(inner)
		choices := r.at[pos]
		if !ok || len(choices) == 0 {
			return true
		}
		b.Write(r.source(at, inner.Pos()))
		b.WriteString(r.directive(inner.Pos()) + r.site(inner, choices) + r.directive(inner.End()))
		at = inner.End()
		return false
	})
	b.Write(r.source(at, to))
	return b.String()
}

func (r *rewriter) source(from, to token.Pos) []byte {
	f := r.set.File(r.tree.Pos())
	return r.text[f.Offset(from):f.Offset(to)]
}

// directive makes the compiler report the position in the original file.
func (r *rewriter) directive(at token.Pos) string {
	p := r.set.Position(at)
	return fmt.Sprintf("/*line :%d:%d*/", p.Line, p.Column)
}

// site returns the text of a node with mutants of its token.
func (r *rewriter) site(n ast.Node, choices []choice) string {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		x, y := r.render(n.X), r.render(n.Y)
		if i := slices.IndexFunc(operators, func(o struct{ old, new token.Token }) bool { return o.old == n.Op }); i >= 0 {
			return fmt.Sprintf("mutant%d(%d, %s, %s)", n.Op, choices[0].number, x, y)
		}
		return r.chosen("return %s", choices, func(op token.Token) string { return x + " " + op.String() + " " + y }, n.Op, "func() bool")
	case *ast.IncDecStmt:
		x := r.render(n.X)
		return r.chosen("%s", choices, func(op token.Token) string { return x + op.String() }, n.Tok, "func()")
	case *ast.AssignStmt:
		x, y := r.render(n.Lhs[0]), r.render(n.Rhs[0])
		return r.chosen("%s", choices, func(op token.Token) string { return x + " " + op.String() + " " + y }, n.Tok, "func()")
	case *ast.BranchStmt:
		label := ""
		if n.Label != nil {
			label = " " + n.Label.Name
		}
		return fmt.Sprintf("if mutantNumber == %d { %s%s } else { %s%s }", choices[0].number, replacement(choices[0].kind, n.Tok), label, n.Tok, label)
	}
	panic(fmt.Sprintf("a mutant of %T", n))
}

// chosen returns a call of a function that executes the chosen mutant, or the original.
func (r *rewriter) chosen(format string, choices []choice, with func(token.Token) string, old token.Token, signature string) string {
	var b strings.Builder
	b.WriteString(signature + " { switch mutantNumber { ")
	for _, c := range choices {
		fmt.Fprintf(&b, "case %d: "+format+"; ", c.number, with(replacement(c.kind, old)))
	}
	if strings.HasPrefix(format, "return") {
		fmt.Fprintf(&b, "}; "+format+" }()", with(old))
	} else {
		fmt.Fprintf(&b, "default: "+format+" } }()", with(old))
	}
	return b.String()
}
