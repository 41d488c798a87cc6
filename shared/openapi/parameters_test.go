package openapi_test

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// implicit lists the names that the code reads although the definition has no
// parameters for them, each with the reason.
var implicit = map[string]string{
	"accept header":           "OpenAPI derives it from the media types of the responses",
	"authorization header":    "it is a security scheme",
	"content-type header":     "OpenAPI derives it from the media types of the request body",
	"content-encoding header": "OpenAPI cannot describe content codings; storage rejects all of them",
}

// unread lists the parameters in the definition that the API's code does not read,
// each with the reason.
var unread = map[string]string{
	"fields query":                          "it stands for every public field, which recording.CreationOf reads from the query",
	"origin header":                         "browsers send it, but every origin gets the same response",
	"access-control-request-headers header": "browsers send it, but every preflight gets the same response",
}

// The definition has all parameters that the code reads, through its tables or by name.
func TestParametersMatchTheCode(t *testing.T) {
	t.Parallel()
	var want []string
	for _, folder := range []string{"../api", "../auth", "../httpfield"} {
		want = append(want, namesRead(t, folder)...)
	}
	want = append(want, tabled(t, "../api/query.go", "listParameters", "name")...)
	filters := tabled(t, "../recording/filter.go", "operators", "prefix")
	if len(filters) < 9 {
		t.Fatalf("operators of filters: %q", filters)
	}
	want = append(want, filters...)
	want = slices.DeleteFunc(want, func(name string) bool { return implicit[name] != "" })

	var got []string
	d := read(t)
	for _, p := range d.Components.Parameters {
		switch {
		case p.In == "path":
		case len(p.Schema.PatternProperties) > 0:
			for pattern := range p.Schema.PatternProperties { // ^filter_.+$
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(pattern, "^"), ".+$")+" query")
			}
		default:
			got = append(got, strings.ToLower(p.Name)+" "+p.In)
		}
	}
	for _, p := range d.Components.SecuritySchemes {
		if p.Name != "" {
			got = append(got, strings.ToLower(p.Name)+" "+p.In)
		}
	}
	got = slices.DeleteFunc(got, func(name string) bool { return unread[name] != "" })
	same(t, "parameters", got, want)
}

// namesRead returns the headers and parameters that a package reads by name:
// r.Header.Get("…"), h.Values("…") on a request's headers, query.Get("…"),
// query.first("…"), unescaped(name) == "…".
func namesRead(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	inspect(t, dir, func(n ast.Node) {
		if b, ok := n.(*ast.BinaryExpr); ok && receiver(b.X) == "unescaped" && textOf(b.Y) != "" {
			all = append(all, textOf(b.Y)+" query")
		}
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return
		}
		f, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return
		}
		name := strings.ToLower(textOf(call.Args[len(call.Args)-1]))
		switch of := receiver(f.X); {
		case name == "" || f.Sel.Name != "Get" && f.Sel.Name != "Values" && f.Sel.Name != "first" && f.Sel.Name != "date":
		case of == "Header" || of == "h" || of == "v":
			all = append(all, name+" header")
		case of == "query" || of == "Query":
			all = append(all, name+" query")
		}
	})
	return all
}

// receiver returns the last name in the expression on which a method is called.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.CallExpr:
		return receiver(e.Fun)
	}
	return ""
}

// tabled returns the values of a field in the rows of a table in the code.
func tabled(t *testing.T, file, table, field string) []string {
	t.Helper()
	var all []string
	inspect(t, strings.TrimSuffix(file, file[strings.LastIndex(file, "/"):]), func(n ast.Node) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != table {
			return
		}
		ast.Inspect(spec, func(n ast.Node) bool {
			if kv, ok := n.(*ast.KeyValueExpr); ok && receiver(kv.Key) == field {
				all = append(all, textOf(kv.Value)+" query")
			}
			return true
		})
	})
	return all
}
