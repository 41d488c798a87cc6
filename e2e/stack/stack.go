// Package stack reads the policies of template.yaml. It also has the table of what
// each function may do and why. The tests of package functions compare the table
// with the policies; e2e/deployed compares it with the calls that the functions
// make.
package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/callrecordings/api/shared/config"
)

// Grant is a permission for one action on one resource.
type Grant struct {
	// Action is IAM's name for the action, such as "dynamodb:GetItem".
	Action string
	// Resource is the value in the template without its tag (!GetAtt, !Sub, !Ref):
	// "Table.Arn", "${Bucket.Arn}/recordings/*", "*".
	Resource string
}

// role is an IAM role in the template.
type role struct {
	Type       string `yaml:"Type"`
	Properties struct {
		ManagedPolicyArns []yaml.Node `yaml:"ManagedPolicyArns"`
		Policies          []struct {
			PolicyDocument struct {
				Statement []yaml.Node `yaml:"Statement"`
			} `yaml:"PolicyDocument"`
		} `yaml:"Policies"`
	} `yaml:"Properties"`
}

// statement is a statement in a policy.
type statement struct {
	Effect   string    `yaml:"Effect"`
	Action   []string  `yaml:"Action"`
	Resource yaml.Node `yaml:"Resource"`
}

// Grants returns what the policies of the template at path allow each function,
// sorted. It returns an error if a function does not have its own role or if the
// role has managed policies.
func Grants(path string) (map[config.Function][]Grant, error) {
	text, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	var tmpl struct {
		Resources map[string]yaml.Node `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &tmpl); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	all := map[config.Function][]Grant{}
	for _, f := range config.Lambdas() {
		grants, err := grantsOf(tmpl.Resources, strings.ToUpper(string(f[:1]))+string(f[1:]))
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", f, path, err)
		}
		all[f] = grants
	}
	return all, nil
}

// grantsOf returns the grants of a function's role. name is the function's name in
// the template, such as "List".
func grantsOf(resources map[string]yaml.Node, name string) ([]Grant, error) {
	var function struct {
		Properties struct {
			Role     yaml.Node `yaml:"Role"`
			Policies yaml.Node `yaml:"Policies"`
		} `yaml:"Properties"`
	}
	node := resources[name+"Function"]
	if err := node.Decode(&function); err != nil {
		return nil, err
	}
	if got, want := function.Properties.Role.Value, name+"Role.Arn"; got != want || !function.Properties.Policies.IsZero() {
		return nil, fmt.Errorf("the role is %q, want %s and no Policies", got, want)
	}
	var r role
	node = resources[name+"Role"]
	if err := node.Decode(&r); err != nil {
		return nil, err
	}
	if len(r.Properties.ManagedPolicyArns) > 0 {
		return nil, fmt.Errorf("%sRole has managed policies", name)
	}
	var grants []Grant
	for _, p := range r.Properties.Policies {
		for _, node := range p.PolicyDocument.Statement {
			more, err := grantsIn(&node)
			if err != nil {
				return nil, err
			}
			grants = append(grants, more...)
		}
	}
	slices.SortFunc(grants, compare)
	return grants, nil
}

// grantsIn returns the grants of a statement. A conditional statement (!If) is read
// as if its condition were true.
func grantsIn(node *yaml.Node) ([]Grant, error) {
	if node.Tag == "!If" {
		node = node.Content[1]
	}
	var s statement
	if err := node.Decode(&s); err != nil {
		return nil, err
	}
	if s.Effect != "Allow" || len(s.Action) == 0 {
		return nil, fmt.Errorf("line %d: want Effect: Allow and a list of actions", node.Line)
	}
	resources := []*yaml.Node{&s.Resource}
	if s.Resource.Kind == yaml.SequenceNode {
		resources = s.Resource.Content
	}
	var grants []Grant
	for _, action := range s.Action {
		for _, r := range resources {
			grants = append(grants, Grant{action, r.Value})
		}
	}
	return grants, nil
}

func compare(a, b Grant) int {
	return strings.Compare(a.Action+" "+a.Resource, b.Action+" "+b.Resource)
}
