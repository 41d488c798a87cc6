package openapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"gopkg.in/yaml.v3"

	"callrecordings/shared/openapi"
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

func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	document, err := libopenapi.NewDocument(fromYAML(t))
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(document)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, errs := v.ValidateDocument(); !ok {
		for _, e := range errs {
			t.Error(e.Message, e.Reason)
			for _, s := range e.SchemaValidationErrors {
				t.Errorf("  %s: %s", s.FieldPath, s.Reason)
			}
		}
	}
}
