package stack_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/callrecordings/api/e2e/stack"
)

// content returns a template as values. Those with a tag such as !Ref are without it.
func content(t *testing.T, template []byte) (values map[string]any) {
	t.Helper()
	if err := yaml.Unmarshal(template, &values); err != nil {
		t.Fatal(err)
	}
	return values
}

// The template for streaming differs from the ordinary one in the integrations and
// time-outs of the functions that send audio, and in the values of MediaDelivery.
func TestStream(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(template), "ResponseTransferMode") {
		t.Error("the ordinary template streams")
	}
	streaming, err := stack.Stream(template)
	if err != nil {
		t.Fatal(err)
	}
	type function struct {
		Type       string `yaml:"Type"`
		Properties struct {
			Timeout int `yaml:"Timeout"`
			Events  map[string]struct {
				Type       string         `yaml:"Type"`
				Properties map[string]any `yaml:"Properties"`
			} `yaml:"Events"`
		} `yaml:"Properties"`
	}
	var tmpl struct {
		Parameters map[string]struct {
			AllowedValues []string `yaml:"AllowedValues"`
		} `yaml:"Parameters"`
		Resources map[string]yaml.Node `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(streaming, &tmpl); err != nil {
		t.Fatal(err)
	}
	if got := tmpl.Parameters["MediaDelivery"].AllowedValues; !slices.Equal(got, []string{"auto", "inline", "redirect", "stream"}) {
		t.Errorf("MediaDelivery is one of %q", got)
	}
	events := 0
	for _, name := range slices.Sorted(maps.Keys(tmpl.Resources)) {
		node := tmpl.Resources[name]
		var f function
		if err := node.Decode(&f); err != nil || f.Type != "AWS::Serverless::Function" {
			continue
		}
		streams := slices.Contains(stack.Streaming, name)
		if streams && f.Properties.Timeout != 900 {
			t.Errorf("%s: the time-out is %d s", name, f.Properties.Timeout)
		}
		for event, e := range f.Properties.Events {
			if mode := e.Properties["ResponseTransferMode"]; streams != (mode == "RESPONSE_STREAM") {
				t.Errorf("%s, event %s: ResponseTransferMode is %v", name, event, mode)
			}
			if limit := e.Properties["TimeoutInMillis"]; streams != (limit == 900_000) {
				t.Errorf("%s, event %s: the time-out is %v ms", name, event, limit)
			}
			if streams {
				events++
			}
		}
	}
	if events < 12 {
		t.Errorf("%d events stream, want all of get and share", events)
	}
	got := content(t, streaming)
	delivery := got["Parameters"].(map[string]any)["MediaDelivery"].(map[string]any)
	delivery["AllowedValues"] = slices.DeleteFunc(delivery["AllowedValues"].([]any), func(v any) bool { return v == "stream" })
	for _, name := range stack.Streaming {
		properties := got["Resources"].(map[string]any)[name].(map[string]any)["Properties"].(map[string]any)
		delete(properties, "Timeout")
		for _, e := range properties["Events"].(map[string]any) {
			delete(e.(map[string]any)["Properties"].(map[string]any), "ResponseTransferMode")
			delete(e.(map[string]any)["Properties"].(map[string]any), "TimeoutInMillis")
		}
	}
	if diff := cmp.Diff(content(t, template), got); diff != "" {
		t.Errorf("the templates differ elsewhere, too (-ordinary +streaming):\n%s", diff)
	}
	if tags := func(text []byte) int { return strings.Count(string(text), "!") }; tags(streaming) != tags(template) {
		t.Errorf("%d exclamation marks, of which most are tags; the ordinary template has %d", tags(streaming), tags(template))
	}
	again, err := stack.Stream(streaming)
	if err != nil || string(again) != string(streaming) {
		t.Errorf("a second time, the template differs (%v)", err)
	}
}

func TestStreamOfAnotherTemplate(t *testing.T) {
	t.Parallel()
	for _, template := range []string{
		"", "[", "Resources: {}",
		"Parameters: { MediaDelivery: { AllowedValues: [auto] } }",
		"Parameters: { MediaDelivery: { AllowedValues: [auto] } }\nResources: { GetFunction: { Properties: { Events: { E: { Type: SQS } } } } }",
	} {
		if _, err := stack.Stream([]byte(template)); err == nil {
			t.Errorf("Stream(%q) = nil, want an error", template)
		}
	}
}
