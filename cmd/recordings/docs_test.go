package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// page is the reference of the command line, made from the commands.
const page = "../../docs/reference/command-line.md"

// reference returns the text of the page.
func reference() string {
	var b bytes.Buffer
	e := env{stdout: &b, stderr: &b}
	b.WriteString("# The command line\n\n" +
		"`recordings` lists, plays, downloads, tags and deletes recordings over the API, and operates a local\n" +
		"data folder or a deployment. Run it from a clone with `go run ./cmd/recordings`, or build it once:\n\n" +
		"```sh\ngo build -o bin/recordings ./cmd/recordings\nbin/recordings check\n```\n\n" +
		"Once a version is published, Go installs it without a clone:\n\n" +
		"```sh\ngo install github.com/callrecordings/api/cmd/recordings@latest\n```\n\n" +
		"[An archive of a release](../how-to/run-on-one-machine.md) has it, too.\n\n" +
		"This page is the help of each command. `go test ./cmd/recordings -update` makes it from the code.\n\n")
	each(e.root(), func(c *cobra.Command) {
		b.WriteString("## " + c.CommandPath() + "\n\n```text\n")
		e.help(c)
		b.WriteString("```\n\n")
	})
	return strings.TrimSuffix(b.String(), "\n")
}

// The page shows the same help that the commands print.
func TestReference(t *testing.T) {
	t.Parallel()
	want := reference()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the commands print: run go test ./cmd/recordings -update", page)
	}
}

// Every command has a summary, a description and examples that its parser takes, and
// every option has a named value and a description.
func TestHelpIsComplete(t *testing.T) {
	t.Parallel()
	each(env{stdout: &bytes.Buffer{}}.root(), func(c *cobra.Command) {
		if !c.HasParent() {
			return
		}
		if c.Short == "" || c.Long == "" || c.Example == "" {
			t.Errorf("%s: summary %q, description %q, examples %q", c.CommandPath(), c.Short, c.Long, c.Example)
		}
		for line := range strings.Lines(c.Example) {
			if !strings.HasPrefix(strings.TrimSpace(line), c.CommandPath()) {
				t.Errorf("%s: example of another command: %s", c.CommandPath(), line)
			}
			for _, word := range strings.Fields(line) {
				name, _, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
				parent := c.HasAvailableSubCommands()
				if strings.HasPrefix(word, "--") && word != "--speed=1.5'" && !parent && c.Flags().Lookup(name) == nil {
					t.Errorf("%s: example with an unknown option %s", c.CommandPath(), word)
				}
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if value, text := pflag.UnquoteUsage(f); text == "" || value == "string" || value == "func" || value == "value" {
				t.Errorf("%s --%s: value %q, text %q", c.CommandPath(), f.Name, value, text)
			}
		})
	})
}

// People and scripts find --json at every command that prints results.
func TestJSONEverywhere(t *testing.T) {
	t.Parallel()
	// These print JSON anyway, or text that is not a result.
	none := []string{"help", "completion", "keys", "key", "inbox-policy", "restart"}
	each(env{stdout: &bytes.Buffer{}}.root(), func(c *cobra.Command) {
		if !c.HasParent() || c.HasAvailableSubCommands() {
			return
		}
		has := c.Flags().Lookup("json") != nil
		for _, n := range none {
			if c.Name() == n {
				has = !has
			}
		}
		if !has {
			t.Errorf("%s: --json is missing, or not in the list of exceptions", c.CommandPath())
		}
	})
}
