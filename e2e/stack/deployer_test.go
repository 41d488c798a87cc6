package stack_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/callrecordings/api/e2e/stack"
)

// services maps resource types to IAM's names of the services that they use. The
// prefix before the last "::" decides.
var services = map[string][]string{
	"AWS::ApiGateway": {"apigateway", "iam"}, "AWS::CloudWatch": {"cloudwatch"}, "AWS::DynamoDB": {"dynamodb"}, "AWS::Events": {"events"},
	"AWS::IAM": {"iam"}, "AWS::Lambda": {"lambda"}, "AWS::Logs": {"logs"}, "AWS::S3": {"s3"}, "AWS::SQS": {"sqs"},
	"AWS::SecretsManager": {"secretsmanager"}, "AWS::WAFv2": {"wafv2", "apigateway"}, stack.Deployment: {"cloudformation", "s3"},
}

// The policy covers exactly the types of resources that the template has.
func TestDeployerPolicyCoversTheTemplate(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tmpl struct {
		Resources map[string]struct {
			Type string `yaml:"Type"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &tmpl); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, r := range tmpl.Resources {
		if types, ok := stack.Transformed[r.Type]; ok {
			want = append(want, types...)
		} else {
			want = append(want, r.Type)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(slices.Compact(want), stack.DeployerTypes()); diff != "" {
		t.Errorf("types in the template (-) and in the policy (+):\n%s", diff)
	}
}

// Each action belongs to a service of the row's types, and each resource to the stack
// unless the row gives a reason.
func TestDeployerPolicyIsNarrow(t *testing.T) {
	t.Parallel()
	sids := map[string]bool{}
	for _, row := range stack.Deployer {
		if sids[row.Sid] {
			t.Errorf("%s occurs twice", row.Sid)
		}
		sids[row.Sid] = true
		if !slices.IsSorted(row.Actions) {
			t.Errorf("%s: the actions are not sorted", row.Sid)
		}
		var allowed []string
		for _, typ := range row.Types {
			prefix := typ
			if i := strings.LastIndex(typ, "::"); i >= 0 {
				prefix = typ[:i]
			}
			allowed = append(allowed, services[prefix]...)
		}
		for _, action := range row.Actions {
			service, verb, _ := strings.Cut(action, ":")
			if !slices.Contains(allowed, service) {
				t.Errorf("%s: action %s, want one of the services %q", row.Sid, action, allowed)
			}
			if strings.Contains(action, "*") && !strings.HasPrefix(verb, "Get") && !strings.HasPrefix(verb, "Describe") {
				t.Errorf("%s: action %s, want * only in reading actions", row.Sid, action)
			}
		}
		for _, resource := range row.Resources {
			if own := strings.Contains(resource, "${stack}"); own == (row.Unnamed != "") {
				t.Errorf("%s: resource %s, reason %q", row.Sid, resource, row.Unnamed)
			}
		}
	}
}

// Data outlives the stack, so the person who deploys needs no permission to delete it.
func TestDeployerPolicyDeletesNoData(t *testing.T) {
	t.Parallel()
	for _, row := range stack.Deployer {
		for _, action := range row.Actions {
			if slices.Contains([]string{"dynamodb:DeleteTable", "dynamodb:DeleteItem", "s3:DeleteBucket"}, action) || action == "s3:DeleteObject" && row.Sid != "SamBucket" {
				t.Errorf("%s allows %s", row.Sid, action)
			}
		}
	}
}

// IAM counts the characters of a managed policy without its white space, up to 6144.
func TestDeployerPolicyFitsIntoAManagedPolicy(t *testing.T) {
	t.Parallel()
	text, err := stack.DeployerPolicy("123456789012", "ap-southeast-1", "call-recordings-staging")
	if err != nil {
		t.Fatal(err)
	}
	var policy struct {
		Version   string
		Statement []struct {
			Effect           string
			Action, Resource []string
		}
	}
	if err := json.Unmarshal(text, &policy); err != nil || policy.Version != "2012-10-17" || len(policy.Statement) != len(stack.Deployer) {
		t.Errorf("%v: %s", err, text)
	}
	if compact := len(strings.Join(strings.Fields(string(text)), "")); compact > 6144 {
		t.Errorf("%d characters without white space, want at most 6144", compact)
	}
	if strings.Contains(string(text), "${") {
		t.Errorf("a variable was not replaced: %s", text)
	}
	for region, want := range map[string]string{"cn-north-1": "arn:aws-cn:", "us-gov-west-1": "arn:aws-us-gov:", "eu-central-1": "arn:aws:"} {
		if got := stack.Deployer[0].In("1", region, "s")[0]; !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
	}
}
