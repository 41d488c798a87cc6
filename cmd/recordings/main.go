// Command recordings is the operator's command line: it takes audio in and
// makes tokens, for a local data folder and for a deployment alike.
//
//	recordings add call.mp3 --account A --caller +15550100 --callee 1001
//	recordings token --account A --ttl 1h
//
// `recordings help` says the rest. It exits with 0 when everything was done, 1
// when something failed, and 2 when it was called wrongly.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	done   = 0
	failed = 1
	misuse = 2
)

// env is what a command gets to work with.
type env struct {
	getenv         func(string) string
	stdout, stderr io.Writer
}

// command is one subcommand.
type command struct {
	name, summary string
	run           func(ctx context.Context, e env, args []string) error
}

var commands = []command{
	{"add", "store audio files as recordings", add},
	{"token", "make a token", token},
}

// usageError is a command called wrongly.
type usageError struct{ error }

// errReported stands for failures that were told already.
var errReported = errors.New("something failed")

// run is the whole program.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	e := env{getenv, stdout, stderr}
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		help(stdout)
		if len(args) == 0 {
			return misuse
		}
		return done
	}
	for _, c := range commands {
		if c.name == args[0] {
			return e.exit(c.name, c.run(ctx, e, args[1:]))
		}
	}
	fmt.Fprintf(stderr, "recordings: there is no command %q; see: recordings help\n", args[0])
	return misuse
}

// exit tells the error, if there is one, and returns its code.
func (e env) exit(name string, err error) int {
	var u usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return done
	case errors.Is(err, errReported):
		return failed
	case errors.As(err, &u):
		fmt.Fprintf(e.stderr, "recordings %s: %v; see: recordings %s --help\n", name, err, name)
		return misuse
	}
	fmt.Fprintf(e.stderr, "recordings %s: %v\n", name, err)
	return failed
}

func help(w io.Writer) {
	fmt.Fprint(w, "recordings works on the recordings of a local data folder or of a deployment.\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  recordings %-6s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, `
Where the recordings are, from flags or the environment:

  --data-dir, DATA_DIR        a local data folder, .data if nothing else is said
  --table, TABLE_NAME         a deployment: its table
  --bucket, BUCKET_NAME       and its bucket; region and credentials as the AWS CLI finds them
  TOKEN_KEYS                  the private keys that a deployment's tokens are signed with, a JWKS

recordings COMMAND --help lists the flags of a command.
`)
}

// parse reads flags that may stand before, between and behind the other
// arguments, which it returns.
func parse(fs *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, usageError{err}
		}
		args = fs.Args()
		if len(args) == 0 {
			return rest, nil
		}
		rest, args = append(rest, args[0]), args[1:]
	}
}

// flags makes the flag set of a command, with the help in front of the list.
func (e env) flags(name, usage string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {
		fmt.Fprintf(e.stdout, "usage: recordings %s %s\n\n", name, usage)
		fs.SetOutput(e.stdout)
		fs.PrintDefaults()
		fs.SetOutput(io.Discard)
	}
	return fs
}
