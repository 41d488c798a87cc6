// Command recordings is the operator's command line. It adds audio files,
// imports and exports recordings, makes tokens and the keys that sign them, and
// retries audio that could not be processed. It works on a local data folder
// and on a deployment alike.
//
//	recordings add call.mp3 --account A --caller +15550100 --callee 1001
//	recordings token --account A --ttl 1h
//	recordings keys >keys.json
//	recordings import kazoo --url https://pbx.example.com:8443 --account A --api-key K
//	recordings import dir monitor/ --account A
//	recordings export dir backup/ --account A
//	recordings replay
//	recordings storage-secret create --account A
//	recordings inbox-policy --account A
//
// `recordings help` lists all commands. The exit code is 0 on success, 1 if
// something failed, and 2 if the command line is wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
	_ "time/tzdata" // for time zones by name; Windows and the container image have no time zone files

	"callrecordings/shared/version"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills the process
	code := run(ctx, env{os.Getenv, time.Now, os.Stdout, os.Stderr}, os.Args[1:])
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
	stdout, stderr io.Writer
}

// printf prints to w. It ignores errors: if the output is closed, there is
// nowhere left to report them.
func printf(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// command is one subcommand.
type command struct {
	name, summary string
	run           func(ctx context.Context, e env, args []string) error
}

var commands = []command{
	{"add", "add audio files as recordings", add},
	{"import", "copy recordings from a running Kazoo or from a folder", importFrom},
	{"export", "write recordings into a folder", exportTo},
	{"token", "make an access token", token},
	{"keys", "make a key that signs tokens", keys},
	{"replay", "retry audio that could not be processed", replay},
	{"storage-secret", "create, list and revoke secrets for storage requests over HTTP", storageSecret},
	{"inbox-policy", "print the IAM policy for writing into an account's inbox", inboxPolicy},
	{"version", "print the version", printVersion},
}

// usageError means that the command line is wrong.
type usageError struct{ error }

// errReported means that the failures have been printed already.
var errReported = errors.New("something failed")

// run runs the program and returns its exit code.
func run(ctx context.Context, e env, args []string) int {
	if len(args) == 0 {
		help(e.stderr)
		return misuse
	}
	switch {
	case args[0] == "help" || isHelp(args[0]):
		if len(args) == 1 {
			help(e.stdout)
			return done
		}
		args = []string{args[1], "--help"}
	case args[0] == "--version" || args[0] == "-version":
		args[0] = "version"
	}
	for _, c := range commands {
		if c.name == args[0] {
			return e.exit(c.name, c.run(ctx, e, args[1:]))
		}
	}
	printf(e.stderr, "recordings: unknown command %q; see: recordings help\n", args[0])
	return misuse
}

// isHelp reports whether arg asks for help.
func isHelp(arg string) bool { return slices.Contains([]string{"-h", "-help", "--help"}, arg) }

// exit prints err, unless it is nil or printed already, and returns the exit
// code.
func (e env) exit(name string, err error) int {
	var u usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return done
	case errors.Is(err, errReported):
		return failed
	case errors.As(err, &u):
		printf(e.stderr, "recordings %s: %v; see: recordings %s --help\n", name, err, name)
		return misuse
	}
	printf(e.stderr, "recordings %s: %v\n", name, err)
	return failed
}

// printVersion prints the program's name and version.
func printVersion(_ context.Context, e env, args []string) error {
	rest, err := e.parse(flags("version"), usage{does: "Prints the version. recordings --version does the same."}, args)
	if err != nil {
		return err
	}
	if err := unexpected(rest, 0); err != nil {
		return err
	}
	printf(e.stdout, "recordings %s\n", version.Number)
	return nil
}
