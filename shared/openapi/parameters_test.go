package openapi_test

import (
	"encoding/json"
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// implicit lists the names that the code reads although the definition has no
// parameters for them, each with the reason.
var implicit = map[string]string{
	"accept header":             "OpenAPI derives it from the media types of the responses",
	"authorization header":      "it is a security scheme",
	"content-type header":       "OpenAPI derives it from the media types of the request body",
	"content-encoding header":   "OpenAPI cannot describe content codings; storage rejects all of them",
	"x-forwarded-proto header":  "the gateway sets it; only the URL of a new link depends on it",
	"x-forwarded-prefix header": "the gateway sets it; only the URL of a new link depends on it",
	// The definition leaves preflights out.
	"origin header":                        "browsers send it",
	"access-control-request-method header": "browsers send it in preflights",
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
	for key, p := range d.Components.Parameters {
		field, isFilter := strings.CutPrefix(p.Name, "filter_")
		field, isOpposite := strings.CutPrefix(field, "not_")
		switch {
		case p.In == "path":
		case strings.HasPrefix(key, "Field"): // a field of the document, for audio in the body
			fieldExists(t, p.Name)
		case isOpposite:
			fieldExists(t, field)
			got = append(got, "filter_not_ query")
		case isFilter:
			fieldExists(t, field)
			got = append(got, "filter_ query")
		default:
			got = append(got, strings.ToLower(p.Name)+" "+p.In)
		}
	}
	for _, p := range d.Components.SecuritySchemes {
		if p.Name != "" {
			got = append(got, strings.ToLower(p.Name)+" "+p.In)
		}
	}
	same(t, "parameters", got, want)
}

// fieldExists fails the test unless the first step of a dotted path is the ID or a public
// field.
func fieldExists(t *testing.T, path string) {
	t.Helper()
	field, _, _ := strings.Cut(path, ".")
	var d struct {
		Components struct {
			Schemas struct {
				Recording struct {
					Properties map[string]any `json:"properties"`
				} `json:"Recording"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(fromYAML(t), &d); err != nil {
		t.Fatal(err)
	}
	if d.Components.Schemas.Recording.Properties[field] == nil {
		t.Errorf("a parameter is for the field %q, which documents do not have", field)
	}
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
