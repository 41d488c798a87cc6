// Command recordings is the command line of the service. Clients list, play,
// download, tag and delete recordings with it, over the API. Operators add audio
// files, import and export recordings, make tokens and the keys that sign them,
// and retry audio that could not be processed, in a local data folder or in a
// deployment.
//
//	recordings list --since 7d --direction inbound
//	recordings play 202601-1f2e3d4c
//	recordings check
//	recordings add call.mp3 --account A --caller +15550100 --callee 1001
//	recordings token --account A --ttl 30d
//	recordings import kazoo --url https://pbx.example.com:8443 --account A --api-key K
//	recordings import dir monitor/ --account A
//	recordings export dir backup/ --account A
//
// `recordings help` lists all commands; docs/reference/command-line.md has their
// help. The exit code is 0 on success, 1 if something failed, and 2 if the command
// line is wrong.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // for time zones by name; Windows and the container image have no time zone files

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills the process
	e := env{getenv: os.Getenv, now: time.Now, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}
	code := run(ctx, e, os.Args[1:])
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	done   = 0
	failed = 1
	misuse = 2
)

// env is a command's view of the outside world; tests replace it.
type env struct {
	getenv         func(string) string
	now            func() time.Time
	stdin          io.Reader
	stdout, stderr io.Writer
}

// printf prints to w. It ignores errors: if the output is closed, there is
// nowhere left to report them.
func printf(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// usageError means that the command line is wrong.
type usageError struct{ error }

// Unwrap returns the cause.
func (u usageError) Unwrap() error { return u.error }

// errReported means that the failures have been printed already. errMisused means the
// same for mistakes in the command line.
var (
	errReported = errors.New("something failed")
	errMisused  = errors.New("the command line is wrong")
)

// run runs the program and returns its exit code.
func run(ctx context.Context, e env, args []string) int {
	root := e.root() //nolint:contextcheck // the commands get ctx from ExecuteContextC
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		plainDescriptions(root)
	}
	root.SetArgs(longFlags(root, args))
	c, err := root.ExecuteContextC(ctx)
	return e.exit(c, err)
}

// exit prints err, unless it is nil or printed already, and returns the exit
// code.
func (e env) exit(c *cobra.Command, err error) int {
	var u usageError
	switch {
	case err == nil:
		return done
	case errors.Is(err, errReported):
		return failed
	case errors.Is(err, errMisused):
		return misuse
	case errors.As(err, &u):
		help := c.CommandPath() + " --help"
		if !c.HasParent() {
			help = c.Name() + " help"
		}
		printf(e.stderr, "%s: %v; see: %s\n", prefix(c), err, help)
		return misuse
	}
	printf(e.stderr, "%s: %v\n", prefix(c), err)
	return failed
}

// prefix returns the beginning of an error message: the program and the first word
// of the command.
func prefix(c *cobra.Command) string {
	words := strings.Fields(c.CommandPath())
	return strings.Join(words[:min(2, len(words))], " ")
}

// Commands are listed in the order in which root adds them.
func init() { cobra.EnableCommandSorting = false }

// The groups of commands in the general help.
const (
	overAPI = "api"
	onStore = "store"
	general = "general"
)

// root makes the program's commands.
func (e env) root() *cobra.Command {
	root := &cobra.Command{
		Use: "recordings COMMAND [OPTIONS]", Version: version.Number, DisableFlagsInUseLine: true,
		SilenceErrors: true, SilenceUsage: true, SuggestionsMinimumDistance: 2,
		Args: cobra.ArbitraryArgs, CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return e.unknown(c, args[0])
			}
			e.generalHelp(c, e.stderr)
			return errMisused
		},
	}
	root.SetVersionTemplate("recordings {{.Version}}\n")
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { e.help(c) })
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(e.helpCommand())
	root.AddGroup(
		&cobra.Group{ID: overAPI, Title: "Use the API, as any client does:"},
		&cobra.Group{ID: onStore, Title: "Operate a local data folder or a deployment:"},
		&cobra.Group{ID: general, Title: "Other commands:"},
	)
	group(root, overAPI, e.listCommand(), e.getCommand(), e.playCommand(), e.downloadCommand(), e.tagCommand(), e.deleteCommand(), e.restoreCommand(), e.jobCommand(), e.personCommand(), e.checkCommand())
	group(root, onStore, e.addCommand(), e.importCommand(), e.exportCommand(), e.tokenCommand(), e.keysCommand(),
		e.replayCommand(), e.storageSecretCommand(), e.accountCommand(), e.userCommand(), e.groupCommand(), e.accessCommand(),
		e.issuerCommand(), e.feedCommand(), e.webhookCommand(), e.retentionCommand(), e.holdCommand(), e.auditCommand(), e.fsckCommand(), e.deletionReportCommand(),
		e.inboxPolicyCommand(), e.reindexCommand(), e.usageCommand())
	group(root, general, e.completionCommand(), e.versionCommand())
	root.InitDefaultHelpCmd()
	return root
}

// group adds commands to root, in a group of the general help.
func group(root *cobra.Command, id string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = id
	}
	root.AddCommand(commands...)
}

// unknown reports a command that does not exist, with those that may be meant.
func (e env) unknown(root *cobra.Command, name string) error {
	printf(e.stderr, "recordings: unknown command %q; see: recordings help\n", name)
	for _, s := range root.SuggestionsFor(name) {
		printf(e.stderr, "Did you mean this?  recordings %s\n", s)
	}
	return errMisused
}

// versionCommand makes the command that prints the program's name and version.
func (e env) versionCommand() *cobra.Command {
	var asJSON bool
	c := usage{
		name: "version", summary: "print the version",
		does:     "Prints the version. recordings --version does the same.",
		examples: []string{"version"},
	}.command()
	jsonFlag(c.Flags(), &asJSON)
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		if asJSON {
			return printJSON(e.stdout, map[string]string{"version": version.Number})
		}
		printf(e.stdout, "recordings %s\n", version.Number)
		return nil
	}
	return c
}
