// Package functions_test checks the functions in the folders beside it: each
// program is small, template.yaml has a resource for each function, and no
// function links a package that it does not use.
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

	"github.com/callrecordings/api/e2e/stack"
	"github.com/callrecordings/api/shared/api"
	"github.com/callrecordings/api/shared/config"
)

// maxMain is the number of lines that a function's main.go must stay below.
const maxMain = 40

// unlinked lists the packages that a function must not link, by the function's
// folder, each with the reason. Those under "" hold for all functions.
var unlinked = map[string]map[string]string{
	"": {
		"github.com/aws/aws-sdk-go-v2/config":          "2.2 MB and 2.7 M instructions at every cold start",
		"github.com/aws/aws-sdk-go-v2/credentials":     "the environment has the credentials; one struct holds them",
		"modernc.org/sqlite":                           "only the local server needs it",
		"github.com/callrecordings/api/local/s3server": "only the local server needs it",
	},
	"list":    {"github.com/aws/aws-sdk-go-v2/service/s3": "list reads no audio", "github.com/callrecordings/api/shared/audiofile": "list reads no audio"},
	"get":     {"github.com/callrecordings/api/shared/audiofile": "only ingest examines audio"},
	"share":   {"github.com/callrecordings/api/shared/audiofile": "only ingest examines audio"},
	"create":  {"github.com/callrecordings/api/shared/audiofile": "only ingest examines audio"},
	"receive": {"github.com/callrecordings/api/shared/audiofile": "only ingest examines audio"},
	"changes": {"github.com/aws/aws-sdk-go-v2/service/s3": "the feed has no audio"},
	"patch":   {"github.com/aws/aws-sdk-go-v2/service/s3": "patch reads no audio"},
	"publish": {"github.com/aws/aws-sdk-go-v2/service/s3": "events describe audio, but publish never reads it"},
	"console": {
		"github.com/aws/aws-sdk-go-v2/service/s3": "console reads no data", "github.com/aws/aws-sdk-go-v2/service/dynamodb": "console reads no data",
		"github.com/callrecordings/api/shared/store/dynamo": "console reads no data",
	},
	"retention": {
		"github.com/callrecordings/api/shared/audiofile": "only ingest examines audio", "github.com/aws/aws-sdk-go-v2/service/s3": "retention reads no audio",
	},
	"fallback": {"github.com/callrecordings/api/console": "fallback only redirects to the console", "github.com/aws/aws-sdk-go-v2/service/s3": "fallback reads no audio"},
	"deliver":  {"github.com/aws/aws-sdk-go-v2/service/s3": "deliver sends no audio"},
	"jobs":     {"github.com/callrecordings/api/shared/audiofile": "only ingest examines audio"},
	"work":     {"github.com/callrecordings/api/shared/audiofile": "only ingest examines audio"},
	"keys":     {"github.com/aws/aws-sdk-go-v2/service/s3": "keys reads no audio"},
}

// Every folder with a main.go is in the table of settings, and vice versa, so that
// the tests below cover every function.
func TestEveryFolderIsAFunction(t *testing.T) {
	t.Parallel()
	mains, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var folders, names []string
	for _, m := range mains {
		folders = append(folders, filepath.Dir(m))
	}
	for _, f := range config.Lambdas() {
		names = append(names, string(f))
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, folders); diff != "" {
		t.Errorf("config.Lambdas() and the folders differ (-config +folders):\n%s", diff)
	}
}

func TestMainsAreSmall(t *testing.T) {
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

// Only the function keys can send requests to hosts of issuers.
func TestOnlyKeysFetchesKeys(t *testing.T) {
	t.Parallel()
	for _, f := range config.Lambdas() {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "./"+string(f)).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for _, pkg := range []string{"github.com/callrecordings/api/shared/issuer/keyset", "github.com/go-jose/go-jose/v4"} {
			if linked := slices.Contains(strings.Fields(string(out)), pkg); linked != (f == config.Keys) {
				t.Errorf("%s links %s: %t, want it only in keys", f, pkg, linked)
			}
		}
	}
}

// function is a Lambda function in the template.
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
	// global holds the variables that every function has.
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
				t.Errorf("the function in %s is named %s, want %s", folder, name, want)
			}
		}
	}
	return found
}

// A function's resource sets exactly the variables that the function reads,
// except AWS's own, which Lambda sets.
func TestTemplateHasTheSettings(t *testing.T) {
	t.Parallel()
	tmpl := readTemplate(t)
	for _, f := range config.Lambdas() {
		resource, ok := tmpl.functions[f]
		if !ok {
			t.Errorf("template.yaml has no function for the folder %s", f)
			continue
		}
		has := func(name string) bool {
			_, own := resource.Properties.Environment.Variables[name]
			_, global := tmpl.global[name]
			return own || global
		}
		known := map[string]bool{}
		for _, s := range config.All() {
			known[s.Name] = s.Functions.Has(f)
			// Lambda sets the region and the credentials. The endpoints are optional: they
			// are for emulators and other object stores.
			isAWS := strings.HasPrefix(s.Name, "AWS_")
			if known[s.Name] && !isAWS && !has(s.Name) {
				t.Errorf("template.yaml: %s does not set %s", f, s.Name)
			}
		}
		for name := range resource.Properties.Environment.Variables {
			if !known[name] {
				t.Errorf("template.yaml: %s sets %s, which the function does not read", f, name)
			}
		}
	}
}

// Every route leads to the function of its operation. Methods of a path that have
// no route lead to a function that answers as fallback does.
func TestTemplateHasTheRoutes(t *testing.T) {
	t.Parallel()
	tmpl := readTemplate(t)
	serves := map[string]config.Function{} // "GET /path" or "ANY /path"
	for f, resource := range tmpl.functions {
		for name, e := range resource.Properties.Events {
			if e.Properties.Path == "" {
				continue // a stream or a queue
			}
			key := e.Properties.Method + " " + e.Properties.Path
			if serves[key] != "" {
				t.Errorf("template.yaml: event %s of %s: %s belongs to %s already", name, f, key, serves[key])
			}
			serves[key] = f
		}
	}
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	for _, r := range api.Routes {
		if r.Op == api.OpFallback { // covered by /{version}/{proxy+}
			if got := serves["ANY /{version}/{proxy+}"]; got != config.Fallback {
				t.Errorf("template.yaml: /{version}/{proxy+} is served by %q, want %s", got, config.Fallback)
			}
			continue
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
				t.Errorf("template.yaml: %s %s is declared in addition to ANY, which sam local confuses", m, r.Path)
			}
		}
	}
}

// docs/how-to/operate.md names every setting.
func TestGuideNamesTheSettings(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../docs/how-to/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range config.All() {
		if !bytes.Contains(guide, []byte("`"+s.Name+"`")) {
			t.Errorf("docs/how-to/operate.md does not name %s", s.Name)
		}
	}
}

// A function's policy in the template grants exactly the actions that the table
// in e2e/stack lists for it.
func TestPoliciesMatchTheTable(t *testing.T) {
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
			t.Errorf("the policy of %s (-e2e/stack +template.yaml):\n%s", f, diff)
		}
	}
}
