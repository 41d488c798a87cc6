package openapi_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/callrecordings/api/shared/api"
)

// document holds the parts of the definition that the tests read.
type document struct {
	Info struct {
		Version string `json:"version"`
	} `json:"info"`
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Parameters map[string]parameter `json:"parameters"`
		Schemas    struct {
			Error struct {
				Properties struct {
					Error struct {
						Enum []string `json:"enum"`
					} `json:"error"`
				} `json:"properties"`
				DependentSchemas struct {
					Error struct {
						AnyOf []any `json:"anyOf"`
					} `json:"error"`
				} `json:"dependentSchemas"`
			} `json:"Error"`
		} `json:"schemas"`
		SecuritySchemes map[string]parameter `json:"securitySchemes"`
	} `json:"components"`
}

type parameter struct {
	Name string `json:"name"`
	In   string `json:"in"`
}

// read parses openapi.yaml, because openapi.json may be out of date until this test run
// has generated it.
func read(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(fromYAML(t), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestVersionMatchesTheCode(t *testing.T) {
	t.Parallel()
	if got := read(t).Info.Version; got != api.Version {
		t.Errorf("info.version = %s, want %s", got, api.Version)
	}
}

// The definition has the paths and methods of the routes. It leaves preflights out, which
// are answered on every path.
func TestRoutesMatchTheCode(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, r := range api.Routes {
		path := documented(r.Path)
		want = append(want, r.Method+" "+path)
	}
	d := read(t)
	for path, item := range d.Paths {
		for method := range item {
			if method != "parameters" {
				got = append(got, strings.ToUpper(method)+" "+path)
			}
		}
	}
	same(t, "routes", got, want)
}

// Only public routes need no token.
func TestPublicRoutesMatchTheCode(t *testing.T) {
	t.Parallel()
	d := read(t)
	for _, r := range api.Routes {
		var operation struct {
			Security *[]json.RawMessage `json:"security"`
		}
		if err := json.Unmarshal(d.Paths[documented(r.Path)][strings.ToLower(r.Method)], &operation); err != nil {
			t.Fatal(err)
		}
		if public := operation.Security != nil && len(*operation.Security) == 0; public != r.Public {
			t.Errorf("%s %s: public = %t, want %t", r.Method, r.Path, public, r.Public)
		}
	}
}

// documented returns a route's path as the definition writes it. OpenAPI has no
// parameters that span several segments.
func documented(path string) string { return strings.Replace(path, "{proxy+}", "{name}", 1) }

// undefined lists the errors that the definition omits, each with the reason.
var undefined = map[string]string{
	"502 bad_gateway": "an internal error of the local server, which a deployment never returns",
}

// The definition has the errors of the code, of the local server's gateway and of the
// gateway responses in template.yaml.
func TestErrorsMatchTheCode(t *testing.T) {
	t.Parallel()
	want := append(errorsOf(t, "../api"), errorsOf(t, "../gateway")...)
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"error":"(\d+)","message":"(\w+)"`).FindAllStringSubmatch(string(template), -1) {
		want = append(want, m[1]+" "+m[2])
	}
	want = slices.DeleteFunc(want, func(e string) bool { return undefined[e] != "" })
	envelope := read(t).Components.Schemas.Error
	var got, statuses []string
	for _, of := range envelope.DependentSchemas.Error.AnyOf {
		status := find(of, "error", "enum")
		statuses = append(statuses, status...)
		for _, code := range find(of, "message", "enum") {
			got = append(got, status[0]+" "+code)
		}
	}
	same(t, "errors", got, want)
	same(t, "statuses of errors", envelope.Properties.Error.Enum, statuses)
}

// The definition has the states and reasons of package recording.
func TestStatesMatchTheCode(t *testing.T) {
	t.Parallel()
	var d struct {
		Components struct {
			Schemas struct {
				RecordingState struct {
					Properties map[string]struct {
						Enum []string `json:"enum"`
					} `json:"properties"`
				}
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(fromYAML(t), &d); err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]string{"state": "State", "reason": "Reason"} {
		var want []string
		inspect(t, "../recording", func(n ast.Node) {
			if spec, ok := n.(*ast.ValueSpec); ok && len(spec.Values) == 1 && receiver(spec.Type) == kind {
				want = append(want, textOf(spec.Values[0]))
			}
		})
		if len(want) < 4 {
			t.Fatalf("%s: found %q", kind, want)
		}
		same(t, name, d.Components.Schemas.RecordingState.Properties[name].Enum, want)
	}
}

// find collects the values of a property's keyword, at any depth.
func find(v any, property, keyword string) []string {
	var all []string
	switch v := v.(type) {
	case []any:
		for _, member := range v {
			all = append(all, find(member, property, keyword)...)
		}
	case map[string]any:
		if p, ok := v[property].(map[string]any); ok {
			switch text := p[keyword].(type) {
			case string:
				all = append(all, text)
			case []any:
				for _, t := range text {
					all = append(all, fmt.Sprint(t))
				}
			}
		}
		for _, member := range v {
			all = append(all, find(member, property, keyword)...)
		}
	}
	return all
}

// errorsOf returns the pairs of a status and an error code in a package. It finds
// them in calls and literals that have http.Status… directly before the code.
func errorsOf(t *testing.T, dir string) []string {
	t.Helper()
	isCode := regexp.MustCompile(`^[a-z]+([_ ][a-z]+)*$`)
	var all []string
	inspect(t, dir, func(n ast.Node) {
		var parts []ast.Expr
		switch n := n.(type) {
		case *ast.CallExpr:
			parts = n.Args
		case *ast.CompositeLit:
			parts = n.Elts
		}
		for i := 0; i+1 < len(parts); i++ {
			status, code := statusOf(value(parts[i])), textOf(value(parts[i+1]))
			if status >= http.StatusBadRequest && isCode.MatchString(code) {
				all = append(all, strconv.Itoa(status)+" "+code)
			}
		}
	})
	if len(all) == 0 {
		t.Fatalf("no errors found in %s", dir)
	}
	return all
}

// inspect walks the syntax trees of a package, without its tests.
func inspect(t *testing.T, dir string, f func(ast.Node)) {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no code in %s: %v", dir, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool { f(n); return true })
	}
}

// value returns the value of an element of a literal, with or without a key.
func value(e ast.Expr) ast.Expr {
	if kv, ok := e.(*ast.KeyValueExpr); ok {
		return kv.Value
	}
	return e
}

// textOf returns the value of a string literal, or "" for any other expression.
func textOf(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
		if text, err := strconv.Unquote(lit.Value); err == nil {
			return text
		}
	}
	return ""
}

// statusOf returns the value of http.Status…, or 0 for any other expression.
func statusOf(e ast.Expr) int {
	s, ok := e.(*ast.SelectorExpr)
	if !ok || !strings.HasPrefix(s.Sel.Name, "Status") {
		return 0
	}
	name := strings.TrimPrefix(s.Sel.Name, "Status")
	switch name {
	case "RequestedRangeNotSatisfiable", "RequestEntityTooLarge":
		return map[string]int{"RequestedRangeNotSatisfiable": 416, "RequestEntityTooLarge": 413}[name]
	}
	for status := http.StatusBadRequest; status < 600; status++ {
		if strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(status)) == name {
			return status
		}
	}
	return 0
}

// same fails the test with the differences between two sets, if there are any.
func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	for _, s := range got {
		if !slices.Contains(want, s) {
			t.Errorf("%s: the definition has %q, the code does not", what, s)
		}
	}
	for _, s := range want {
		if !slices.Contains(got, s) {
			t.Errorf("%s: the code has %q, the definition does not", what, s)
		}
	}
}
