package openapitest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"callrecordings/shared/openapi"
	"callrecordings/shared/openapi/openapitest"
)

// node is a JSON object in the document.
type node map[string]any

// at starts at from, follows a path of names, and returns the object there. It
// resolves references.
func (d node) at(from node, names ...string) node {
	for _, name := range names {
		next, _ := from[name].(map[string]any)
		if ref, ok := next["$ref"].(string); ok {
			next = d.at(d, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
		from = next
	}
	return from
}

// values returns the values of n's examples and the constant of its schema. If there
// are none, it returns the first value of the schema's enum.
func (d node) values(n node) []any {
	var all []any
	for _, name := range slices.Sorted(maps.Keys(d.at(n, "examples"))) {
		all = append(all, d.at(n, "examples", name)["value"])
	}
	schema := d.at(n, "schema")
	if only, ok := schema["const"]; ok {
		all = append(all, only)
	}
	if some, ok := schema["enum"].([]any); ok && len(all) == 0 {
		all = append(all, some[0])
	}
	return all
}

// The examples in the definition are valid: examples of responses and their headers,
// and requests that are built from the examples of parameters and bodies.
func TestExamplesAreValid(t *testing.T) {
	t.Parallel()
	var d node
	if err := json.Unmarshal(openapi.JSON, &d); err != nil {
		t.Fatal(err)
	}
	count := 0
	for path := range d.at(d, "paths") {
		item := d.at(d, "paths", path)
		for method := range item {
			operation := d.at(item, method)
			if operation == nil {
				continue
			}
			x := openapitest.Exchange{Method: strings.ToUpper(method), URL: "https://api.example.com" + path, Header: http.Header{"X-Auth-Token": {"t"}}}
			pathParameters, _ := item["parameters"].([]any)
			parameters, _ := operation["parameters"].([]any)
			for _, p := range slices.Concat(pathParameters, parameters) {
				d.fill(t, &x, d.at(node{"p": p}, "p"))
			}
			for _, v := range d.values(d.at(operation, "requestBody", "content", "application/json")) {
				x.Body, _ = json.Marshal(v)
				count += d.check(t, x, d.at(operation, "responses"))
			}
			count += d.check(t, x, d.at(operation, "responses"))
		}
	}
	if count < 400 {
		t.Errorf("%d examples, want at least 400", count)
	}
}

// fill adds the first example of a parameter to the request.
func (d node) fill(t *testing.T, x *openapitest.Exchange, p node) {
	t.Helper()
	name := fmt.Sprint(p["name"])
	values := d.values(p)
	if len(values) == 0 {
		t.Errorf("parameter %s has no example", name)
		return
	}
	separator := "?"
	if strings.Contains(x.URL, "?") {
		separator = "&"
	}
	switch several, ok := values[0].(map[string]any); {
	case ok:
		for k, v := range several {
			x.URL += fmt.Sprintf("%s%s=%v", separator, k, v)
		}
	case p["in"] == "path":
		x.URL = strings.Replace(x.URL, "{"+name+"}", fmt.Sprint(values[0]), 1)
	case p["in"] == "query" && name != "paginate": // paginate makes other parameters meaningless
		x.URL += fmt.Sprintf("%s%s=%.0f", separator, name, values[0])
		if text, ok := values[0].(string); ok {
			x.URL = strings.TrimSuffix(x.URL, fmt.Sprintf("%.0f", values[0])) + text
		}
	case p["in"] == "header":
		x.Header.Set(name, fmt.Sprint(values[0]))
	}
}

// check checks the examples of all responses.
func (d node) check(t *testing.T, x openapitest.Exchange, responses node) (count int) {
	t.Helper()
	for code := range responses {
		response := d.at(responses, code)
		x.Status, _ = strconv.Atoi(code)
		x.Answer = http.Header{}
		for name := range d.at(response, "headers") {
			values := d.values(d.at(response, "headers", name))
			if len(values) == 0 {
				t.Errorf("header %s has no example", name)
				continue
			}
			x.Answer.Set(name, fmt.Sprint(values[0]))
		}
		if response["content"] == nil {
			x.AnswerBody = nil
			count += d.one(t, x)
		}
		for kind := range d.at(response, "content") {
			x.Answer.Set("Content-Type", strings.Replace(kind, "*", "mpeg", 1))
			for _, v := range d.values(d.at(response, "content", kind)) {
				x.AnswerBody, _ = json.Marshal(v)
				count += d.one(t, x)
			}
		}
	}
	return count
}

func (node) one(t *testing.T, x openapitest.Exchange) int {
	t.Helper()
	if err := openapitest.Check(x); err != nil {
		t.Errorf("%v\n%s", err, x.AnswerBody)
	}
	return 1
}
