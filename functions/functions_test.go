// Package functions_test holds the rules for the folders beside it: small
// mains, a resource for each, and nothing linked that a function does not use.
package functions_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"callrecordings/e2e/stack"
	"callrecordings/shared/api"
	"callrecordings/shared/config"
)

// maxMain is the most lines of a function's main.go.
const maxMain = 40

// unlinked are packages that must not be in a function, each with its reason.
// A folder that is not named stands under "".
var unlinked = map[string]map[string]string{
	"": {
		"github.com/aws/aws-sdk-go-v2/config":      "2.2 MB and 2.7 M instructions at every cold start",
		"github.com/aws/aws-sdk-go-v2/credentials": "the environment has the credentials; one struct holds them",
		"modernc.org/sqlite":                       "serves a laptop",
		"github.com/versity/versitygw/s3api":       "serves a laptop",
	},
	"list":     {"github.com/aws/aws-sdk-go-v2/service/s3": "a list touches no audio", "callrecordings/shared/audiofile": "nor does it read any"},
	"get":      {"callrecordings/shared/audiofile": "audio is read when it arrives"},
	"create":   {"callrecordings/shared/audiofile": "audio is read when it arrives"},
	"receive":  {"callrecordings/shared/audiofile": "audio is read when it arrives"},
	"patch":    {"github.com/aws/aws-sdk-go-v2/service/s3": "a patch touches no audio"},
	"publish":  {"github.com/aws/aws-sdk-go-v2/service/s3": "events tell of audio and touch none"},
	"fallback": {"github.com/aws/aws-sdk-go-v2/service/s3": "it touches no data", "github.com/aws/aws-sdk-go-v2/service/dynamodb": "it touches no data"},
}

func TestEachFunctionIsWiringOnly(t *testing.T) {
	t.Parallel()
	for _, f := range config.Lambdas() {
		text, err := os.ReadFile(filepath.Join(string(f), "main.go"))
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if n := bytes.Count(text, []byte("\n")); n >= maxMain {
			t.Errorf("%s/main.go has %d lines, want fewer than %d", f, n, maxMain)
		}
	}
}

func TestFunctionsLinkOnlyWhatTheyUse(t *testing.T) {
	t.Parallel()
	for _, f := range config.Lambdas() {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./"+string(f)).Output()
			if err != nil {
				t.Fatalf("go list: %v", err)
			}
			deps := strings.Fields(string(out))
			for _, folder := range []string{"", string(f)} {
				for pkg, reason := range unlinked[folder] {
					if slices.Contains(deps, pkg) {
						t.Errorf("%s links %s: %s", f, pkg, reason)
					}
				}
			}
		})
	}
}

// function is a Lambda function of the template.
type function struct {
	Type       string `yaml:"Type"`
	Properties struct {
		CodeURI     string `yaml:"CodeUri"`
		Environment struct {
			Variables map[string]yaml.Node `yaml:"Variables"`
		} `yaml:"Environment"`
		Events map[string]struct {
			Properties struct {
				Path   string `yaml:"Path"`
				Method string `yaml:"Method"`
			} `yaml:"Properties"`
		} `yaml:"Events"`
	} `yaml:"Properties"`
}

type template struct {
	functions map[config.Function]function
	// global are the variables that every function has.
	global map[string]yaml.Node
}

func readTemplate(t *testing.T) template {
	t.Helper()
	text, err := os.ReadFile("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tmpl struct {
		Globals struct {
			Function struct {
				Environment struct {
					Variables map[string]yaml.Node `yaml:"Variables"`
				} `yaml:"Environment"`
			} `yaml:"Function"`
		} `yaml:"Globals"`
		Resources map[string]yaml.Node `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &tmpl); err != nil {
		t.Fatal(err)
	}
	found := template{functions: map[config.Function]function{}, global: tmpl.Globals.Function.Environment.Variables}
	for name, node := range tmpl.Resources {
		var f function
		if err := node.Decode(&f); err == nil && f.Type == "AWS::Serverless::Function" {
			folder := filepath.Base(f.Properties.CodeURI)
			found.functions[config.Function(folder)] = f
			if want := strings.ToUpper(folder[:1]) + folder[1:] + "Function"; name != want {
				t.Errorf("the function in %s is called %s, want %s", folder, name, want)
			}
		}
	}
	return found
}

// Every setting of a function is a variable of its resource, and the other way
// round. AWS's own variables are set by Lambda.
func TestTemplateHasTheSettings(t *testing.T) {
	t.Parallel()
	tmpl := readTemplate(t)
	for _, f := range config.Lambdas() {
		resource, ok := tmpl.functions[f]
		if !ok {
			t.Errorf("template.yaml has no function of the folder %s", f)
			continue
		}
		has := func(name string) bool {
			_, own := resource.Properties.Environment.Variables[name]
			_, global := tmpl.global[name]
			return own || global
		}
		known := map[string]bool{}
		for _, s := range config.All() {
			known[s.Name] = slices.Contains(s.Functions, f)
			// The endpoints of single services are for tests with two emulators.
			fromLambda := strings.HasPrefix(s.Name, "AWS_")
			if known[s.Name] && !fromLambda && !has(s.Name) {
				t.Errorf("template.yaml: %s has no %s", f, s.Name)
			}
		}
		for name := range resource.Properties.Environment.Variables {
			if !known[name] {
				t.Errorf("template.yaml: %s has %s, which it does not read", f, name)
			}
		}
	}
}

// Every route leads to the function of its operation, and whatever the routes
// leave of a path to one that answers as fallback does.
func TestTemplateHasTheRoutes(t *testing.T) {
	t.Parallel()
	tmpl := readTemplate(t)
	serves := map[string]config.Function{} // "GET /path" or "ANY /path"
	for f, resource := range tmpl.functions {
		for name, e := range resource.Properties.Events {
			if e.Properties.Path == "" {
				continue // of a stream, or a queue
			}
			key := e.Properties.Method + " " + e.Properties.Path
			if serves[key] != "" {
				t.Errorf("template.yaml: %s of %s: %s is %s's already", name, f, key, serves[key])
			}
			serves[key] = f
		}
	}
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	for _, r := range api.Routes {
		if strings.HasSuffix(r.Path, "/openapi.json") {
			continue // below /{version}/{proxy+}
		}
		want := config.Function(r.Op)
		if got := serves[r.Method+" "+r.Path]; got != want && serves["ANY "+r.Path] != want {
			t.Errorf("template.yaml: %s %s is served by %q, want %s", r.Method, r.Path, got, want)
		}
		for _, m := range methods {
			if serves["ANY "+r.Path] == "" && serves[m+" "+r.Path] == "" {
				t.Errorf("template.yaml: nothing serves %s %s", m, r.Path)
			}
			if serves["ANY "+r.Path] != "" && serves[m+" "+r.Path] != "" {
				t.Errorf("template.yaml: %s %s stands beside ANY, which sam local mixes up", m, r.Path)
			}
		}
	}
}

// docs/operate.md names every setting that an operator can make.
func TestGuideNamesTheSettings(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range config.All() {
		if !bytes.Contains(guide, []byte("`"+s.Name+"`")) {
			t.Errorf("docs/operate.md does not name %s", s.Name)
		}
	}
}

// A function's policy is the table of what it may do, with the reasons, and
// nothing else: no action is missing, none is left over.
func TestPoliciesAreTheTable(t *testing.T) {
	t.Parallel()
	policies, err := stack.Grants("../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range config.Lambdas() {
		name := strings.ToUpper(string(f[:1])) + string(f[1:])
		want := append(stack.Of(f, false), stack.Logs(name)...)
		stack.Sort(want)
		if diff := cmp.Diff(want, policies[f]); diff != "" {
			t.Errorf("the policy of %s against e2e/stack (-table +template):\n%s", f, diff)
		}
	}
}
