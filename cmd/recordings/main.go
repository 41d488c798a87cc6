// Command recordings is the operator's command line: it takes audio in, makes
// tokens and their keys, and tries again what could not be done, for a local
// data folder and for a deployment alike.
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
	"slices"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
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

// env is what a command gets to work with.
type env struct {
	getenv         func(string) string
	now            func() time.Time
	stdout, stderr io.Writer
}

// say prints; there is nothing to be done if nobody reads any more.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// command is one subcommand.
type command struct {
	name, summary string
	run           func(ctx context.Context, e env, args []string) error
}

var commands = []command{
	{"add", "store audio files as recordings", add},
	{"import", "copy recordings from a running Kazoo, or from a folder", importFrom},
	{"export", "write recordings into a folder", exportTo},
	{"token", "make a token", token},
	{"keys", "make a key that tokens are signed with", keys},
	{"replay", "try again to take audio that could not be taken", replay},
	{"storage-secret", "make, list and revoke the secrets of who writes recordings over HTTP", storageSecret},
	{"inbox-policy", "print the policy of whoever writes into the inbox of an account", inboxPolicy},
}

// usageError is a command called wrongly.
type usageError struct{ error }

// errReported stands for failures that were told already.
var errReported = errors.New("something failed")

// run is the whole program.
func run(ctx context.Context, e env, args []string) int {
	if len(args) == 0 {
		help(e.stderr)
		return misuse
	}
	if slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		if len(args) == 1 {
			help(e.stdout)
			return done
		}
		args = []string{args[1], "--help"}
	}
	for _, c := range commands {
		if c.name == args[0] {
			return e.exit(c.name, c.run(ctx, e, args[1:]))
		}
	}
	say(e.stderr, "recordings: there is no command %q; see: recordings help\n", args[0])
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
		say(e.stderr, "recordings %s: %v; see: recordings %s --help\n", name, err, name)
		return misuse
	}
	say(e.stderr, "recordings %s: %v\n", name, err)
	return failed
}

func help(w io.Writer) {
	say(w, "recordings works on the recordings of a local data folder or of a deployment.\n\n")
	for _, c := range commands {
		say(w, "  recordings %-14s %s\n", c.name, c.summary)
	}
	say(w, `
Where the recordings are, from flags or else from the environment:

  --data-dir, DATA_DIR        a local data folder, .data if nothing else is said
  --table, TABLE_NAME         a deployment: its table
  --bucket, BUCKET_NAME       and its bucket; region and credentials as the AWS CLI finds them
  --endpoint, AWS_ENDPOINT_URL
                              an emulator in place of AWS
  INBOX_PATTERNS, INBOX_TIMEZONE
                              layouts of names in inboxes, as the deployment has them
  KAZOO_URL, KAZOO_API_KEY, KAZOO_TOKEN
                              a Kazoo to import from, and who asks
  TOKEN_KEYS                  the private keys that a deployment's tokens are signed with, a JWKS

It exits with 0 when everything was done, 1 when something failed, 2 when it was called wrongly.
recordings COMMAND --help lists the flags of a command.
`)
}

// flags makes the flag set of a command. It prints nothing by itself.
func flags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return fs
}

// parse reads flags that may stand before, between and behind the other
// arguments, which it returns; behind a "--" there are no flags. Asked for
// help, it prints usage and the flags, and returns flag.ErrHelp.
func (e env) parse(fs *flag.FlagSet, usage string, args []string) ([]string, error) {
	var rest []string
	for {
		before := len(args)
		if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
			say(e.stdout, "usage: recordings %s %s\n\n", fs.Name(), usage)
			fs.SetOutput(e.stdout)
			fs.PrintDefaults()
			return nil, err
		} else if err != nil {
			return nil, usageError{err}
		}
		left := fs.Args()
		if parsed := args[:before-len(left)]; len(parsed) > 0 && parsed[len(parsed)-1] == "--" {
			return append(rest, left...), nil
		}
		if len(left) == 0 {
			return rest, nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}
