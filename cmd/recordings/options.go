package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/incoming/namepattern"
	"github.com/callrecordings/api/shared/recording"
)

// This file declares the options that several commands share. targetFlags declares
// the options that choose the target.

// accountFlag adds --account.
func accountFlag(fs *pflag.FlagSet, into *string) {
	fs.StringVar(into, "account", "", "`ID`: ID of the account")
}

// jsonFlag adds --json.
func jsonFlag(fs *pflag.FlagSet, into *bool) {
	fs.BoolVar(into, "json", false, "print JSON, one object per line")
}

// maxConcurrency is the largest --concurrency.
const maxConcurrency = 256

// concurrencyFlag adds --concurrency.
func concurrencyFlag(fs *pflag.FlagSet, into *int, byDefault int) {
	fs.IntVar(into, "concurrency", byDefault, "process `N` recordings at a time")
}

func checkConcurrency(n int) error {
	if n < 1 || n > maxConcurrency {
		return fmt.Errorf("--concurrency must be 1 to %d", maxConcurrency)
	}
	return nil
}

// periodFlags adds --since and --until, which limit a command to recordings
// created in that period, ends included. 0 leaves an end open.
func (e env) periodFlags(fs *pflag.FlagSet, since, until *recording.Seconds) {
	e.timeFlag(fs, since, "since", "only recordings created at `TIME` or later; 7d (ago), 2026-01-31 or 2026-01-31T09:30:00Z")
	e.timeFlag(fs, until, "until", "only recordings created at `TIME` or earlier")
}

func checkPeriod(since, until recording.Seconds) error {
	if until != 0 && until < since {
		return errors.New("--until is before --since")
	}
	return nil
}

// nameOptions are the options for reading file names.
type nameOptions struct {
	patterns string // separated by spaces
	timezone string
}

// nameFlags adds --pattern and --timezone.
func nameFlags(fs *pflag.FlagSet) *nameOptions {
	o := timezoneFlag(fs, "time zone of the times in file names and metadata")
	fs.Func("pattern", "`PATTERN`: name pattern to try before the built-in ones (or INBOX_PATTERNS); repeatable", func(p string) error {
		o.patterns += " " + p
		return nil
	})
	return o
}

// timezoneFlag adds --timezone alone. meaning describes the times that it applies to.
func timezoneFlag(fs *pflag.FlagSet, meaning string) *nameOptions {
	o := &nameOptions{}
	fs.StringVar(&o.timezone, "timezone", "", "`ZONE`: "+meaning+", such as Europe/Berlin (or INBOX_TIMEZONE)")
	return o
}

// set reports whether any of the options was given.
func (o *nameOptions) set() bool { return *o != nameOptions{} }

// open compiles the name patterns. Options take precedence over the
// environment.
func (o *nameOptions) open(e env) (namepattern.Set, error) {
	s, err := config.Load(e.getenv, config.Tool)
	if err != nil {
		return namepattern.Set{}, err
	}
	names, err := namepattern.Open(first(o.patterns, s.InboxPatterns), first(o.timezone, s.InboxTimezone))
	if err != nil {
		return names, usageError{fmt.Errorf("--pattern (INBOX_PATTERNS) or --timezone (INBOX_TIMEZONE): %w", err)}
	}
	return names, nil
}

// readIDs reads a file with recording IDs, one per line.
func readIDs(name string) (map[string]bool, error) {
	return readLines(name, func(line string) error { _, err := recording.ParseID(line); return err })
}

// readLines reads a file with one ID per line, which check checks. Empty lines and lines
// that begin with # are ignored.
func readLines(name string, check func(string) error) (map[string]bool, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, cause(err)
	}
	ids, number := map[string]bool{}, 0
	for line := range strings.Lines(string(text)) {
		number++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := check(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		ids[line] = true
	}
	return ids, nil
}

// checkIDs checks the IDs of an account and of an optional user.
func checkIDs(account, owner string) error {
	switch {
	case account == "":
		return errors.New("--account is missing")
	case !auth.ValidName(account):
		return fmt.Errorf("--account %q: want 1 to %d of A-Z, a-z, 0-9, _ -", account, auth.MaxName)
	case owner != "" && !auth.ValidName(owner):
		return fmt.Errorf("--owner %q: want 1 to %d of A-Z, a-z, 0-9, _ -", owner, auth.MaxName)
	}
	return nil
}

// unexpected returns a usage error if there are more than want arguments.
func unexpected(args []string, want int) error {
	if len(args) > want {
		return usageError{fmt.Errorf("unexpected argument %q", args[want])}
	}
	return nil
}

// sortedKeys returns the keys of m in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// count returns a number of things in words: "1 recording", "2 recordings".
func count[N int | int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// printJSON prints v on one line.
func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
