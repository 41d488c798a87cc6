package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help prints the help of a command to standard output.
func (e env) help(c *cobra.Command) {
	if !c.HasParent() {
		e.generalHelp(c, e.stdout)
		return
	}
	printHelp(e.stdout, c)
}

// generalHelp prints the general help.
func (e env) generalHelp(root *cobra.Command, w io.Writer) {
	printf(w, "recordings works with call recordings: over the API, in a local data folder or in a deployment.\n\n"+
		"usage: %s\n", root.UseLine())
	for _, g := range root.Groups() {
		printf(w, "\n%s\n", g.Title)
		for _, c := range root.Commands() {
			if c.GroupID == g.ID {
				printf(w, "  %-16s %s\n", c.Name(), c.Short)
			}
		}
	}
	printf(w, `
Options that choose the API, and the environment variables they override:
  --url URL          URL               base URL of the API
  --token TOKEN      TOKEN             access token
  --account ID       ACCOUNT_ID        account; by default the token's
  --data-dir FOLDER  DATA_DIR          data folder of a local server, whose demo.env has all three (default .data)

Options that choose a data folder or a deployment:
  --data-dir FOLDER  DATA_DIR          local data folder (default .data)
  --table NAME       TABLE_NAME        DynamoDB table of a deployment
  --bucket NAME      BUCKET_NAME       S3 bucket of a deployment
  --endpoint URL     AWS_ENDPOINT_URL  emulator to use instead of AWS

For a deployment, the region and the credentials come from the same places as for the AWS CLI.

Other environment variables:
  TOKEN_KEYS             JWKS of the private keys that sign tokens, if the server has TOKEN_KEYS
  INBOX_PATTERNS         extra name patterns for files, as configured in the deployment
  INBOX_TIMEZONE         time zone of the times in file names
  ARRIVALS_DEAD_LETTERS  ARN of a deployment's dead-letter queue, for replay
  ISSUER_PRIVATE_HOSTS   hosts of token issuers that may have private addresses, as configured in the service
  WEBHOOK_PRIVATE_HOSTS  hosts of webhooks that may have private addresses, as configured in the service
  KAZOO_URL              the Kazoo to import from
  KAZOO_API_KEY          API key for that Kazoo
  KAZOO_TOKEN            auth token for that Kazoo, if there is no API key

Times are 2026-01-31, 2026-01-31T09:30:00Z, or how long ago: 30d, 12h. Durations are 90m, 12h, 30d or 2w.

Exit codes:
  0  success
  1  something failed
  2  the command line is wrong

Examples:
  recordings list --since 7d
  recordings play 202601-1f2e3d4c
  recordings add call.mp3 --account A --caller +15550100 --callee 1001

Run "recordings COMMAND --help" for the options of a command, and "recordings --version" for the version.
`)
}

// printHelp prints the help of a command, with its options. The text of an option
// names its value in backquotes: either in a sentence ("at most `N` requests") or in
// front of it ("`ID`: ID of the account").
func printHelp(w io.Writer, c *cobra.Command) {
	printf(w, "usage: %s\n\n%s\n", c.UseLine(), c.Long)
	if c.HasAvailableSubCommands() {
		printf(w, "\nCommands:\n")
		width := 22
		for _, sub := range c.Commands() {
			width = max(width, len(sub.CommandPath()))
		}
		for _, sub := range c.Commands() {
			printf(w, "  %-*s %s\n", width, sub.CommandPath(), sub.Short)
		}
	}
	options := false
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Hidden {
			return
		}
		if !options {
			options = true
			printf(w, "\nOptions:\n")
		}
		value, text := pflag.UnquoteUsage(f)
		text = strings.TrimPrefix(text, value+": ")
		if !slices.Contains([]string{"", "0", "-1", "false", "[]"}, f.DefValue) {
			text += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		printf(w, "  %-22s %s\n", strings.TrimSpace(name+" "+value), text)
	})
	if notes := c.Annotations[notesKey]; notes != "" {
		printf(w, "\n%s\n", notes)
	}
	if c.Example != "" {
		printf(w, "\nExamples:\n%s", c.Example)
	}
}

// helpCommand makes `recordings help COMMAND`.
func (e env) helpCommand() *cobra.Command {
	c := usage{
		name: "help", summary: "show the help of a command", args: "[COMMAND]",
		does:     "Shows the help of a command, or lists all commands. recordings COMMAND --help does the same.",
		examples: []string{"help", "help import dir"},
	}.command()
	c.GroupID = general
	c.RunE = func(c *cobra.Command, args []string) error {
		root := c.Root()
		found, rest, err := root.Find(args)
		if err != nil || found == root && len(rest) > 0 {
			return e.unknown(root, args[0])
		}
		e.help(found)
		return nil
	}
	c.ValidArgsFunction = func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		found, _, _ := c.Root().Find(args)
		var names []string
		for _, sub := range found.Commands() {
			names = append(names, sub.Name())
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	return c
}

// completionCommand makes the command that prints the completion script of a shell.
func (e env) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	c := usage{
		name: "completion", summary: "print a script that completes commands and options in a shell", args: strings.Join(shells, "|"),
		does: `Prints a script that makes the shell complete commands and options. Store it where the shell looks for
completions, or load it in the shell's startup file. The recordings program must be on the PATH, and
bash needs the package bash-completion.`,
		examples: []string{
			"completion bash >/etc/bash_completion.d/recordings",
			"completion zsh >\"${fpath[1]}/_recordings\"",
			"completion fish >~/.config/fish/completions/recordings.fish",
			"completion powershell | Out-String | Invoke-Expression",
		},
	}.command()
	c.ValidArgs = shells
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError{errors.New("want bash, zsh, fish or powershell")}
		}
		if err := unexpected(args, 1); err != nil {
			return err
		}
		root := c.Root()
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(e.stdout, true)
		case "zsh":
			return root.GenZshCompletion(e.stdout)
		case "fish":
			return root.GenFishCompletion(e.stdout, true)
		case "powershell":
			return root.GenPowerShellCompletionWithDesc(e.stdout)
		}
		return usageError{fmt.Errorf("want bash, zsh, fish or powershell, not %q", args[0])}
	}
	return c
}
