package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// attached lists the resources that outlive a stack with their data: their names in the
// template, their types, and the properties that identify them.
var attached = []struct{ name, typ, identifier string }{
	{"Table", "AWS::DynamoDB::Table", "TableName"},
	{"Bucket", "AWS::S3::Bucket", "BucketName"},
}

// Attach returns the files with which CloudFormation imports an existing table and bucket
// into a new stack: template.yaml, parameters.json and resources.json. An import cannot
// create anything, so its template has only these two resources of the given one, with the
// parameters and conditions that they use. The bucket's notifications are left out, because
// their queue does not exist yet. A deployment of the whole template adds the rest. It must
// have the parameters ExistingTable and ExistingBucket, which give the same names.
//
// values are parameters of the deployment.
func Attach(template []byte, table, bucket string, values map[string]string) (map[string][]byte, error) {
	if table == "" || bucket == "" {
		return nil, errors.New("the name of the table or of the bucket is missing")
	}
	var whole struct {
		Parameters map[string]yaml.Node `yaml:"Parameters"`
		Conditions map[string]yaml.Node `yaml:"Conditions"`
		Resources  map[string]yaml.Node `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(template, &whole); err != nil {
		return nil, err
	}
	resources := map[string]yaml.Node{}
	words := map[string]bool{}
	existing := []string{table, bucket}
	for i, a := range attached {
		node, ok := whole.Resources[a.name]
		if !ok {
			return nil, fmt.Errorf("the template has no resource %s", a.name)
		}
		without(&node, "DependsOn", "NotificationConfiguration")
		if !set(&node, a.identifier, existing[i]) {
			return nil, fmt.Errorf("the resource %s has no %s", a.name, a.identifier)
		}
		collect(&node, words)
		resources[a.name] = node
	}
	conditions := used(whole.Conditions, words)
	parameters := used(whole.Parameters, words) // also those of the conditions
	text, err := yaml.Marshal(map[string]any{
		"AWSTemplateFormatVersion": "2010-09-09", "Parameters": parameters, "Conditions": conditions, "Resources": resources,
	})
	if err != nil {
		return nil, err
	}
	return answers(text, parameters, values, existing)
}

// used returns the elements of a section of the template if words contains their names. It adds the
// words in these elements to words.
func used(section map[string]yaml.Node, words map[string]bool) map[string]yaml.Node {
	kept := map[string]yaml.Node{}
	for name, node := range section {
		if words[name] {
			kept[name] = node
		}
	}
	for _, node := range kept {
		collect(&node, words)
	}
	return kept
}

// answers returns the files of [Attach] for a template with these parameters.
func answers(template []byte, used map[string]yaml.Node, values map[string]string, existing []string) (files map[string][]byte, err error) {
	type parameter struct{ ParameterKey, ParameterValue string }
	var parameters []parameter
	for name := range used {
		if value, ok := values[name]; ok {
			parameters = append(parameters, parameter{name, value})
		}
	}
	slices.SortFunc(parameters, func(a, b parameter) int { return strings.Compare(a.ParameterKey, b.ParameterKey) })
	var resources []map[string]any
	for i, a := range attached {
		resources = append(resources, map[string]any{
			"ResourceType": a.typ, "LogicalResourceId": a.name, "ResourceIdentifier": map[string]string{a.identifier: existing[i]},
		})
	}
	files = map[string][]byte{"template.yaml": template}
	for name, content := range map[string]any{"parameters.json": parameters, "resources.json": resources} {
		if files[name], err = json.MarshalIndent(content, "", "  "); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// set replaces the value of a property of a resource by text. It returns false if the
// resource does not have the property.
func set(resource *yaml.Node, property, text string) bool {
	for i := 0; i+1 < len(resource.Content); i += 2 {
		key, value := resource.Content[i], resource.Content[i+1]
		switch key.Value {
		case "Properties":
			return set(value, property, text)
		case property:
			*value = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
			return true
		}
	}
	return false
}

// without removes keys from a mapping and from all mappings in it.
func without(node *yaml.Node, keys ...string) {
	if node.Kind == yaml.MappingNode {
		for i := 0; i < len(node.Content); {
			if slices.Contains(keys, node.Content[i].Value) {
				node.Content = slices.Delete(node.Content, i, i+2)
			} else {
				i += 2
			}
		}
	}
	for _, child := range node.Content {
		without(child, keys...)
	}
}

// collect adds the text of all scalars in a node to words. Those after !Ref and !If name
// parameters and conditions.
func collect(node *yaml.Node, words map[string]bool) {
	if node.Kind == yaml.ScalarNode {
		words[node.Value] = true
	}
	for _, child := range node.Content {
		collect(child, words)
	}
}
