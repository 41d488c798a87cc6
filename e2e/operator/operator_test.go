package operator_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// machine is an operator's computer: a copy of the scripts, and the stand-ins on the
// PATH.
type machine struct {
	t    *testing.T
	root string // copy of the part of the repository that the scripts use
	bin  string // the only folder on the PATH
	env  []string
}

// tools lists the programs that the scripts may use besides the stand-ins.
var tools = []string{
	"awk", "bash", "cat", "cmp", "cp", "date", "dirname", "env", "grep", "head", "mkdir", "mktemp", "mv", "rm", "sed", "sort", "tr", "uname", "xargs", "echo",
}

// newMachine makes a machine with a stack in the given status; "NONE": no stack.
func newMachine(t *testing.T, status string) *machine {
	t.Helper()
	m := &machine{t: t, root: t.TempDir(), bin: t.TempDir()}
	for _, name := range tools {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(m.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"aws", "sam", "go", "make"} {
		m.copy(filepath.Join("testdata", name), filepath.Join(m.bin, name))
	}
	for _, name := range []string{
		"tools/environment", "tools/deploy", "tools/deploy-check", "tools/deploy-policy", "tools/destroy", "tools/reattach", "samconfig.toml", "template.yaml",
		"environments/dev.yaml", "environments/prod.yaml", "environments/localstack.yaml",
	} {
		m.copy(filepath.Join("..", "..", name), filepath.Join(m.root, name))
	}
	m.write("state", status+"\n")
	m.write("calls", "")
	m.env = []string{
		"PATH=" + m.bin, "HOME=" + m.root, "AWS_REGION=eu-central-1",
		"STATE=" + filepath.Join(m.root, "state"), "CALLS=" + filepath.Join(m.root, "calls"),
	}
	return m
}

func (m *machine) copy(from, to string) {
	m.t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o700); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) write(name, text string) {
	m.t.Helper()
	path := filepath.Join(m.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// read returns the content of a file, or "" if it does not exist.
func (m *machine) read(name string) string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.root, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		m.t.Fatal(err)
	}
	return string(text)
}

// run runs a script without a terminal, with additional variables. It returns the
// exit code and everything that the script printed.
func (m *machine) run(script, env string, vars ...string) (int, string) {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), filepath.Join(m.bin, "bash"), script, env)
	cmd.Dir, cmd.Env = m.root, append(slices.Clone(m.env), vars...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		m.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// deployed returns the command line of the last deployment by the SAM CLI, or "".
func (m *machine) deployed() string {
	last := ""
	for line := range strings.Lines(m.read("calls")) {
		if strings.HasPrefix(line, "sam deploy") {
			last = line
		}
	}
	return last
}

const keys, generated = ".deploy/dev.jwks", `{"keys":[{"k":"generated"}]}` + "\n"

// In these cases the stack exists, or may exist, or something is missing. Nothing is
// deployed, and no key is made or replaced.
func TestNothingIsDeployed(t *testing.T) {
	t.Parallel()
	const describe = "when calling the DescribeStacks operation: "
	for _, c := range []struct {
		name, status string
		vars         []string
		without      string // program that is not on the PATH
		want         string
	}{
		{name: "expired login", vars: []string{"STS_ERROR=Error when retrieving token from sso: Token has expired and refresh failed"}, want: "login to AWS has expired"},
		{
			name: "expired credentials", vars: []string{"STACK_ERROR=An error occurred (ExpiredToken) " + describe + "The security token included in the request is expired"},
			want: "login to AWS has expired",
		},
		{name: "throttled", vars: []string{"STACK_ERROR=An error occurred (Throttling) " + describe + "Rate exceeded"}, want: "AWS throttles requests"},
		{
			name: "not allowed", vars: []string{"STACK_ERROR=An error occurred (AccessDenied) " + describe + "User: anna is not authorized to perform: cloudformation:DescribeStacks"},
			want: "make deploy-policy ENV=dev",
		},
		{name: "invalid request", vars: []string{"STACK_ERROR=An error occurred (ValidationError) " + describe + "1 validation error detected"}, want: "the AWS CLI failed"},
		{name: "unreachable", vars: []string{`STACK_ERROR=Could not connect to the endpoint URL: "https://cloudformation.eu-central-1.amazonaws.com/"`}, want: "AWS is unreachable"},
		{name: "no credentials", vars: []string{`STS_ERROR=Unable to locate credentials. You can configure credentials by running "aws configure".`}, want: "no credentials"},
		{name: "rolled back", status: "ROLLBACK_COMPLETE", want: "call-recordings-dev is in ROLLBACK_COMPLETE, because it could not be created or deleted. make destroy ENV=dev"},
		{name: "not deleted", status: "DELETE_FAILED", want: "make destroy ENV=dev"},
		{name: "busy", status: "UPDATE_IN_PROGRESS", want: "is in UPDATE_IN_PROGRESS. Wait"},
		{name: "update not rolled back", status: "UPDATE_ROLLBACK_FAILED", want: "continue-update-rollback"},
		{name: "no sam", without: "sam", want: "the SAM CLI is not on the PATH"},
		{name: "no aws", without: "aws", want: "the AWS CLI is not on the PATH"},
		{name: "no go", without: "go", want: "Go is not on the PATH"},
		{name: "old AWS CLI", vars: []string{"AWS_VERSION=1.44.0"}, want: "the AWS CLI 1.44.0 is too old; it must be at least 2.0.0"},
		{name: "old SAM CLI", vars: []string{"SAM_VERSION=1.90.0"}, want: "the SAM CLI 1.90.0 is too old"},
		{name: "no region", vars: []string{"AWS_REGION="}, want: "no region is chosen"},
		{name: "shell with variables of another stack", vars: []string{"RECORDINGS_STACK=call-recordings"}, want: "variables of the stack call-recordings"},
		{name: "no terminal and no answer", vars: []string{"YES="}, want: "Set YES=1 to agree"},
		{name: "preview of a new stack", status: "NONE", vars: []string{"PREVIEW=1"}, want: "the stack call-recordings-dev does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.status == "" {
				c.status = "NONE"
			}
			m := newMachine(t, c.status)
			if c.without != "" {
				if err := os.Remove(filepath.Join(m.bin, c.without)); err != nil {
					t.Fatal(err)
				}
			}
			code, out := m.run("tools/deploy", "dev", append([]string{"YES=1"}, c.vars...)...)
			if code == 0 || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want a failure with %q:\n%s", code, c.want, out)
			}
			if got := m.deployed(); got != "" {
				t.Errorf("deployed: %s", got)
			}
			if got := m.read(keys); got != "" {
				t.Errorf("made keys: %s", got)
			}
			m.write(keys, "of the stack")
			if _, out = m.run("tools/deploy", "dev", append([]string{"YES=1"}, c.vars...)...); m.read(keys) != "of the stack" {
				t.Errorf("replaced the keys:\n%s", out)
			}
		})
	}
}

// The first deployment makes keys, and later ones keep them: also on a computer that
// does not have them.
func TestKeysAreMadeOnce(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "NONE")
	if code, out := m.run("tools/deploy", "dev", "YES=1"); code != 0 || !strings.Contains(out, "recordings check") {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	if got := m.deployed(); m.read(keys) != generated || !strings.Contains(got, `TokenKeys="{\"keys\":[{\"k\":\"generated\"}]}"`) {
		t.Errorf("keys %q, deployed: %s", m.read(keys), got)
	}
	if got := m.deployed(); strings.Contains(got, "guided") || !strings.Contains(got, "--no-confirm-changeset") {
		t.Errorf("the SAM CLI would ask: %s", got)
	}
	for _, name := range []string{"update", "update on another computer"} {
		if code, out := m.run("tools/deploy", "dev", "CI=true"); code != 0 {
			t.Fatalf("%s: exit code %d:\n%s", name, code, out)
		}
		if got := m.deployed(); strings.Contains(got, "TokenKeys") {
			t.Errorf("%s replaces the keys: %s", name, got)
		}
		if err := os.RemoveAll(filepath.Join(m.root, ".deploy")); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.read(keys); got != "" {
		t.Errorf("an update made keys: %s", got)
	}
}

func TestGivenKeys(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "NONE")
	m.run("tools/deploy", "dev", "YES=1")
	if code, out := m.run("tools/deploy", "dev", "YES=1", `TOKEN_KEYS={"keys":[1]}`); code != 0 {
		t.Fatal(out)
	}
	if got := m.deployed(); !strings.Contains(got, `TokenKeys="{\"keys\":[1]}"`) || m.read(keys) != "{\"keys\":[1]}\n" {
		t.Errorf("keys %q, deployed: %s", m.read(keys), got)
	}
	old, err := filepath.Glob(filepath.Join(m.root, keys+".until-*"))
	if err != nil || len(old) != 1 {
		t.Fatalf("earlier keys: %q, %v, want one file", old, err)
	}
	if text, err := os.ReadFile(old[0]); err != nil || string(text) != generated {
		t.Errorf("earlier keys: %q, %v", text, err)
	}
	// The variable comes from .deploy/dev.env, which may be older than the stack's keys.
	if code, out := m.run("tools/deploy", "dev", "YES=1", `TOKEN_KEYS={"keys":[1]}`); code != 0 || strings.Contains(m.deployed(), "TokenKeys") {
		t.Errorf("exit code %d, deployed: %s\n%s", code, m.deployed(), out)
	}
}

// The settings come from two files, and the one that git ignores wins.
func TestSettings(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "NONE")
	m.write("environments/dev.local.yaml", "# mine\nRegion: eu-west-1\nStackName: call-recordings-anna\nDeletedAudioDays: 3 # not 1\nMaxTokenTtl: '24h'\nPreviousCursorKeyArn: ''\n\nCorsOrigin: \"https://ui.example.com\"\n")
	code, out := m.run("tools/deploy", "dev", "YES=1")
	if code != 0 {
		t.Fatal(out)
	}
	for _, want := range []string{
		"--region eu-west-1 ", "--stack-name call-recordings-anna ", `DeletedAudioDays="3"`, `MaxTokenTtl="24h"`, `PreviousCursorKeyArn=""`, `LogLevel="debug"`, `CorsOrigin="https://ui.example.com"`,
	} {
		if got := m.deployed(); !strings.Contains(got, want) {
			t.Errorf("want %s in: %s", want, got)
		}
	}
	if got := m.deployed(); strings.Contains(got, "Region=") || strings.Contains(got, "StackName=") {
		t.Errorf("a setting of the scripts became a parameter: %s", got)
	}
	for text, want := range map[string]string{"MaxTokenTTL: 24h\n": "no parameter MaxTokenTTL", "TokenKeys: x\n": "TOKEN_KEYS", "- a\n": "want NAME: VALUE"} {
		m.write("environments/dev.local.yaml", text)
		if code, out := m.run("tools/deploy-check", "dev"); code == 0 || !strings.Contains(out, want) {
			t.Errorf("%q: exit code %d, want a failure with %q:\n%s", text, code, want, out)
		}
	}
}

func TestAnotherAccountOrRegion(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "NONE")
	m.run("tools/deploy", "dev", "YES=1")
	for _, v := range []string{"ACCOUNT_OF_CALLER=999999999999", "AWS_REGION=us-east-1"} {
		if code, out := m.run("tools/deploy", "dev", "YES=1", v); code == 0 || !strings.Contains(out, "last deployed to 123456789012 in eu-central-1") {
			t.Errorf("%s: exit code %d:\n%s", v, code, out)
		}
	}
}

func TestPermissionsAreSimulated(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "NONE")
	for v, want := range map[string]string{
		"DENIED=":              "ok      permissions",
		"DENIED=s3:PutObject":  "seem to be missing: s3:PutObject",
		"SIMULATE_ERROR=no no": "permissions: not checked, because iam:SimulatePrincipalPolicy is not allowed",
	} {
		if code, out := m.run("tools/deploy-check", "dev", v); code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d, want %q:\n%s", v, code, want, out)
		}
	}
}

// Destroy also removes a stack that could not be created. It changes nothing if it
// cannot find out whether there is a stack.
func TestDestroy(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"UPDATE_COMPLETE", "ROLLBACK_COMPLETE"} {
		m := newMachine(t, status)
		if code, out := m.run("tools/destroy", "dev"); code == 0 || !strings.Contains(out, "Set CONFIRM=dev") || m.read("state") != status+"\n" {
			t.Errorf("%s: exit code %d, state %s:\n%s", status, code, m.read("state"), out)
		}
		if code, out := m.run("tools/destroy", "dev", "CONFIRM=dev", "STACK_ERROR=Rate exceeded"); code == 0 || m.read("state") != status+"\n" {
			t.Errorf("%s, throttled: exit code %d, state %s:\n%s", status, code, m.read("state"), out)
		}
		code, out := m.run("tools/destroy", "dev", "CONFIRM=dev")
		if code != 0 || !strings.Contains(out, "the-table") || !strings.Contains(out, "the-bucket") || m.read("state") != "NONE\n" {
			t.Errorf("%s: exit code %d, state %s:\n%s", status, code, m.read("state"), out)
		}
	}
}

func TestPreviewChangesNothing(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "CREATE_COMPLETE")
	code, out := m.run("tools/deploy", "dev", "PREVIEW=1", "TOKEN_KEYS={}")
	if code != 0 || !strings.Contains(m.deployed(), "--no-execute-changeset") || m.read("state") != "CREATE_COMPLETE\n" || m.read(keys) != "" {
		t.Errorf("exit code %d, state %s, deployed %s:\n%s", code, m.read("state"), m.deployed(), out)
	}
}

// Without an address and a token, the smoke test has nothing to test.
func TestSmokeNeedsItsVariables(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "NONE")
	m.copy("../../Makefile", filepath.Join(m.root, "Makefile"))
	m.write("calls", "")
	program, err := exec.LookPath("make")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		vars []string
		want string
	}{{nil, "URL"}, {[]string{"URL=http://127.0.0.1"}, "TOKEN"}, {[]string{"URL=", "TOKEN=x"}, "URL"}} {
		cmd := exec.CommandContext(t.Context(), program, "-s", "smoke")
		cmd.Dir, cmd.Env = m.root, append(slices.Clone(m.env), c.vars...)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), c.want+": set "+c.want) {
			t.Errorf("%q: %v, want a failure that names %s:\n%s", c.vars, err, c.want, out)
		}
	}
	if calls := m.read("calls"); calls != "" {
		t.Errorf("ran %s", calls)
	}
}
