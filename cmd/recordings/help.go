package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// help prints the general help.
func help(w io.Writer) {
	printf(w, "recordings manages call recordings in a local data folder or in a deployment.\n\n"+
		"usage: recordings COMMAND [OPTIONS]\n\nCommands:\n")
	for _, c := range commands {
		printf(w, "  %-16s %s\n", c.name, c.summary)
	}
	printf(w, `
Options that choose the target, and the environment variables they override:
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
  KAZOO_URL              the Kazoo to import from
  KAZOO_API_KEY          API key for that Kazoo
  KAZOO_TOKEN            auth token for that Kazoo, if there is no API key

The exit code is 0 on success, 1 if something failed, and 2 if the command line is wrong.
Run "recordings COMMAND --help" for the options of a command.
`)
}

// usage is the help of one command.
type usage struct {
	// args are the arguments and the most important options.
	args string
	// does describes the command in a few sentences.
	does string
	// examples are command lines without the program's name.
	examples []string
}

// print prints the help of a command, with its options from fs. The text of an
// option names its value in backquotes: either in a sentence ("at most `N`
// requests") or in front of it ("`ID`: ID of the account").
func (u usage) print(w io.Writer, fs *flag.FlagSet) {
	printf(w, "%s\n\n%s\n", strings.TrimSpace("usage: recordings "+fs.Name()+" "+u.args), u.does)
	options := false
	fs.VisitAll(func(f *flag.Flag) {
		if !options {
			options = true
			printf(w, "\nOptions:\n")
		}
		value, text := flag.UnquoteUsage(f)
		text = strings.TrimPrefix(text, value+": ")
		if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" {
			text += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		printf(w, "  %-22s %s\n", strings.TrimSpace("--"+f.Name+" "+value), text)
	})
	if len(u.examples) > 0 {
		printf(w, "\nExamples:\n")
	}
	for _, line := range u.examples {
		printf(w, "  recordings %s\n", line)
	}
}

// flags makes the flag set of a command. The set itself prints nothing.
func flags(name string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return fs
}

// parse reads the options, which may come before, between and after the other
// arguments, and returns those arguments. After "--", nothing is an option. If
// args ask for help, parse prints it and returns flag.ErrHelp.
func (e env) parse(fs *flag.FlagSet, u usage, args []string) ([]string, error) {
	var rest []string
	for {
		before := len(args)
		if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
			u.print(e.stdout, fs)
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
