package stack_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/callrecordings/api/e2e/stack"
)

// imported is the part of a template that matters to an import.
type imported struct {
	Parameters map[string]struct {
		Default any `yaml:"Default"`
	} `yaml:"Parameters"`
	Conditions map[string]yaml.Node `yaml:"Conditions"`
	Resources  map[string]struct {
		Type           string               `yaml:"Type"`
		DependsOn      string               `yaml:"DependsOn"`
		DeletionPolicy string               `yaml:"DeletionPolicy"`
		Properties     map[string]yaml.Node `yaml:"Properties"`
	} `yaml:"Resources"`
}

// names returns the names that !Ref and !If in a node use, without AWS's own.
func names(node *yaml.Node) (found []string) {
	switch {
	case node.Tag == "!Ref" && !strings.HasPrefix(node.Value, "AWS::"):
		found = append(found, node.Value)
	case node.Tag == "!If":
		found = append(found, node.Content[0].Value)
	}
	for _, child := range node.Content {
		found = append(found, names(child)...)
	}
	return found
}

func parse(t *testing.T, text []byte) (tmpl imported) {
	t.Helper()
	if err := yaml.Unmarshal(text, &tmpl); err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// The template for the import has the table and the bucket as the whole template has them,
// and everything that they refer to.
func TestAttachKeepsTableAndBucket(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files, err := stack.Attach(text, "the-table", "the-bucket", map[string]string{"DeletionProtection": "true", "LogLevel": "debug"})
	if err != nil {
		t.Fatal(err)
	}
	whole, part := parse(t, text), parse(t, files["template.yaml"])
	if got := slices.Sorted(maps.Keys(part.Resources)); !slices.Equal(got, []string{"Bucket", "Table"}) {
		t.Errorf("resources %q, want the table and the bucket", got)
	}
	for name, r := range part.Resources {
		want := whole.Resources[name].Properties
		delete(want, "NotificationConfiguration")
		if r.DeletionPolicy != "Retain" || r.DependsOn != "" {
			t.Errorf("%s: DeletionPolicy %q, DependsOn %q", name, r.DeletionPolicy, r.DependsOn)
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(r.Properties))); diff != "" {
			t.Errorf("properties of %s (-want +got):\n%s", name, diff)
		}
		for property, node := range r.Properties {
			if literal := map[string]string{"TableName": "the-table", "BucketName": "the-bucket"}[property]; literal != "" {
				if node.Kind != yaml.ScalarNode || node.Value != literal {
					t.Errorf("%s.%s = %s, want %s", name, property, compact(t, &node), literal)
				}
				continue
			}
			wanted := want[property]
			if got, want := compact(t, &node), compact(t, &wanted); got != want {
				t.Errorf("%s.%s = %s, want %s", name, property, got, want)
			}
			defined(t, part, names(&node))
		}
	}
	for _, node := range part.Conditions {
		defined(t, part, names(&node))
	}
	for name, p := range part.Parameters {
		if p.Default == nil {
			t.Errorf("the parameter %s has no default", name)
		}
	}
	checkAnswers(t, files)
}

// compact returns a node as text, without comments.
func compact(t *testing.T, node *yaml.Node) string {
	t.Helper()
	plain := *node
	uncomment(&plain)
	text, err := yaml.Marshal(&plain)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func uncomment(node *yaml.Node) {
	node.HeadComment, node.LineComment, node.FootComment, node.Style = "", "", "", node.Style&yaml.TaggedStyle
	for _, child := range node.Content {
		uncomment(child)
	}
}

func defined(t *testing.T, tmpl imported, used []string) {
	t.Helper()
	for _, name := range used {
		_, parameter := tmpl.Parameters[name]
		if _, condition := tmpl.Conditions[name]; !parameter && !condition {
			t.Errorf("%s is used, but not in the template", name)
		}
	}
}

// checkAnswers checks the two other files.
func checkAnswers(t *testing.T, files map[string][]byte) {
	t.Helper()
	var parameters []struct{ ParameterKey, ParameterValue string }
	var resources []struct {
		ResourceType, LogicalResourceID string
		ResourceIdentifier              map[string]string
	}
	for name, to := range map[string]any{"parameters.json": &parameters, "resources.json": &resources} {
		if err := json.Unmarshal(files[name], to); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	got := map[string]string{}
	for _, p := range parameters {
		got[p.ParameterKey] = p.ParameterValue
	}
	want := map[string]string{"DeletionProtection": "true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	if len(resources) != 2 || resources[0].LogicalResourceID != "Table" || resources[0].ResourceIdentifier["TableName"] != "the-table" ||
		resources[1].ResourceType != "AWS::S3::Bucket" || resources[1].ResourceIdentifier["BucketName"] != "the-bucket" {
		t.Errorf("resources %+v", resources)
	}
}

func TestAttachRejectsMissingNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ template, table, bucket string }{{"Resources: {}", "t", "b"}, {"Resources: {}", "", "b"}, {"[", "t", "b"}, {"Resources: {Table: {Properties: {}}}", "t", "b"}} {
		if files, err := stack.Attach([]byte(c.template), c.table, c.bucket, nil); err == nil {
			t.Errorf("Attach(%q, %q, %q) = %v, want an error", c.template, c.table, c.bucket, files)
		}
	}
}
