package openapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/callrecordings/api/shared/openapi"
)

var update = flag.Bool("update", false, "rewrite openapi.json from openapi.yaml")

// fromYAML generates the JSON document from its source.
func fromYAML(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(document); err != nil {
		t.Fatalf("openapi.yaml: %v", err)
	}
	return out.Bytes()
}

func TestJSONMatchesTheSource(t *testing.T) {
	t.Parallel()
	want := fromYAML(t)
	if *update {
		if err := os.WriteFile("openapi.json", want, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(openapi.JSON, want) {
		t.Error("openapi.json differs from openapi.yaml; run: make golden")
	}
}

// The document matches the JSON Schema of OpenAPI 3.1, which the OpenAPI Initiative
// publishes (testdata/oas31.json), and its schemas compile.
func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	add := func(url string, text []byte) any {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		if err := c.AddResource(url, v); err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		return v
	}
	oas, err := os.ReadFile("testdata/oas31.json")
	if err != nil {
		t.Fatal(err)
	}
	add("oas31.json", oas)
	document := add("openapi.json", fromYAML(t))
	specification, err := c.Compile("oas31.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := specification.Validate(document); err != nil {
		t.Errorf("openapi.yaml: %v", err)
	}
	for pointer, o := range objects(document, "") {
		if !strings.HasSuffix(pointer, "/schema") && !regexp.MustCompile(`^/components/schemas/[^/]*$`).MatchString(pointer) {
			continue
		}
		if _, err := c.Compile("openapi.json#" + pointer); err != nil {
			t.Errorf("schema %s: %v\n%v", pointer, err, o)
		}
	}
}

// References and links lead somewhere, and operations have names of their own.
func TestReferencesResolve(t *testing.T) {
	t.Parallel()
	text := fromYAML(t)
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	all := maps.Collect(objects(document, ""))
	operations := map[string]string{}
	for pointer, o := range all {
		if id, ok := o["operationId"].(string); ok && strings.HasPrefix(pointer, "/paths/") {
			if operations[id] != "" {
				t.Errorf("%s and %s are both called %s", operations[id], pointer, id)
			}
			operations[id] = pointer
		}
	}
	for pointer, o := range all {
		if ref, ok := o["$ref"].(string); ok && all[strings.TrimPrefix(ref, "#")] == nil {
			t.Errorf("%s: %s does not exist", pointer, ref)
		}
		if id, ok := o["operationId"].(string); ok && operations[id] == "" {
			t.Errorf("%s: there is no operation %s", pointer, id)
		}
	}
	for _, kind := range []string{"schemas", "parameters", "headers", "responses", "requestBodies", "examples"} {
		for pointer := range all {
			name, ok := strings.CutPrefix(pointer, "/components/"+kind+"/")
			if ok && !strings.Contains(name, "/") && !bytes.Contains(text, []byte(`"#`+pointer+`"`)) {
				t.Errorf("%s is not used", pointer)
			}
		}
	}
}

// Client generators fail on these, or make clients that fail.
func TestGeneratorsCanReadTheDefinition(t *testing.T) {
	t.Parallel()
	var document any
	if err := json.Unmarshal(fromYAML(t), &document); err != nil {
		t.Fatal(err)
	}
	for pointer, o := range objects(document, "") {
		if strings.HasPrefix(pointer, "/components/examples/") {
			continue
		}
		if kind, ok := o["type"]; ok && (kind == "integer" || contains(kind, "integer")) && o["format"] != "int64" {
			t.Errorf("%s: an integer without format int64; Gregorian seconds exceed 32 bits", pointer)
		}
		for _, text := range []string{"description", "summary"} {
			if s, ok := o[text].(string); ok && strings.Contains(s, "*/") {
				t.Errorf("%s: */ in the %s ends the comment in generated code", pointer, text)
			}
		}
		if o["format"] == "date-time" && o["pattern"] != nil {
			t.Errorf("%s: generators check a pattern on the parsed time", pointer)
		}
		for name, v := range o {
			if v == false && name != "const" && name != "additionalProperties" && name != "required" {
				t.Errorf("%s/%s: generators do not know the schema false", pointer, name)
			}
		}
		if o["additionalProperties"] != nil && o["additionalProperties"] != false && o["properties"] != nil {
			t.Errorf("%s mixes properties and additional ones", pointer)
		}
		if o["in"] == "query" || o["in"] == "header" {
			optional(t, pointer, o)
		}
	}
}

// optional fails the test if Swagger UI would send a parameter that the user has not
// filled in, or if generators drop it.
func optional(t *testing.T, pointer string, parameter map[string]any) {
	t.Helper()
	schema, _ := parameter["schema"].(map[string]any)
	for _, o := range []map[string]any{parameter, schema} {
		for _, word := range []string{"default", "example", "examples"} {
			if o[word] != nil {
				t.Errorf("%s: Swagger UI sends the %s of an optional parameter", pointer, word)
			}
		}
	}
	if schema["type"] == "object" {
		t.Errorf("%s: generators drop parameters that are objects", pointer)
	}
}

// contains reports whether a list has a member.
func contains(list any, member string) bool {
	members, _ := list.([]any)
	return slices.Contains(members, any(member))
}

// objects returns all objects in v by their JSON pointers.
func objects(v any, pointer string) func(yield func(string, map[string]any) bool) {
	return func(yield func(string, map[string]any) bool) { walk(v, pointer, yield) }
}

func walk(v any, pointer string, yield func(string, map[string]any) bool) bool {
	switch v := v.(type) {
	case map[string]any:
		if !yield(pointer, v) {
			return false
		}
		for name, member := range v {
			if !walk(member, pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), yield) {
				return false
			}
		}
	case []any:
		for _, member := range v {
			if !walk(member, pointer+"/-", yield) {
				return false
			}
		}
	}
	return true
}
