// Package stack reads template.yaml, and holds the table of what each function
// may do and why. functions_test compares the table with the policies of the
// template; e2e/deployed compares it with what functions were seen to do.
package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"callrecordings/shared/config"
)

// Grant is an action on a resource, as a policy of the template writes it:
// "Table.Arn", "${Bucket.Arn}/recordings/*", "*".
type Grant struct {
	// Action is IAM's name, "dynamodb:GetItem".
	Action string
	// Resource is the value of the policy, whatever its tag (!GetAtt, !Sub, !Ref).
	Resource string
}

// role is a role of the template.
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

// statement is a statement of a policy.
type statement struct {
	Effect   string    `yaml:"Effect"`
	Action   []string  `yaml:"Action"`
	Resource yaml.Node `yaml:"Resource"`
}

// Grants reads what the policies of a template allow each function. A function
// whose role is not its own, or has managed policies, is an error.
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

// grantsOf reads the role of the function of that logical name.
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
		return nil, fmt.Errorf("its role is %q, want %s and nothing beside it", got, want)
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

// grantsIn reads a statement; a conditional one (!If) counts as if it applied.
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
