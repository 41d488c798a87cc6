package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usage describes one command.
type usage struct {
	// name is the command's last word, summary its line in the list of commands.
	name, summary string
	// args are the arguments and the most important options.
	args string
	// does describes the command in a few sentences.
	does string
	// examples are command lines without the program's name.
	examples []string
	// notes end the help.
	notes string
}

// notesKey is the annotation of a command that holds its notes.
const notesKey = "notes"

// command makes the command, without options and without an action.
func (u usage) command() *cobra.Command {
	c := &cobra.Command{
		Use: strings.TrimSpace(u.name + " " + u.args), Short: u.summary, Long: u.does, DisableFlagsInUseLine: true,
		Args: cobra.ArbitraryArgs, // each command checks its own, for better messages
	}
	if u.notes != "" {
		c.Annotations = map[string]string{notesKey: u.notes}
	}
	for _, line := range u.examples {
		c.Example += "  recordings " + line + "\n"
	}
	return c
}

// parent makes a command that only has subcommands.
func (u usage) parent(subcommands ...*cobra.Command) *cobra.Command {
	names := make([]string, len(subcommands))
	for i, s := range subcommands {
		names[i] = s.Name()
	}
	u.args = strings.Join(names, "|") + " ..."
	c := u.command()
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(subcommands...)
	c.RunE = func(c *cobra.Command, args []string) error {
		want := "want " + strings.Join(names, " or ")
		if len(args) == 0 {
			return usageError{errors.New(want)}
		}
		want = fmt.Sprintf("%s, not %q", want, args[0])
		if s := c.SuggestionsFor(args[0]); len(s) > 0 {
			want += fmt.Sprintf(" (did you mean %s?)", s[0])
		}
		return usageError{errors.New(want)}
	}
	return c
}

// longFlags adds the second hyphen to long options that are written with one, as
// earlier versions allowed: -account becomes --account. Arguments after "--" stay.
func longFlags(root *cobra.Command, args []string) []string {
	known := map[string]bool{"help": true, "version": true}
	each(root, func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
	})
	out := make([]string, 0, len(args))
	for i, a := range args {
		if a == "--" {
			return append(out, args[i:]...)
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(a, "-"), "=")
		if strings.HasPrefix(a, "-") && known[name] {
			a = "-" + a
		}
		out = append(out, a)
	}
	return out
}

// plainDescriptions removes the backticks that mark the names of values in the
// descriptions of options. The help shows the names without them, but completion shows the
// descriptions as they are.
func plainDescriptions(root *cobra.Command) {
	each(root, func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) { _, f.Usage = pflag.UnquoteUsage(f) })
	})
}

// each calls do with every command that users see, parents first.
func each(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			each(sub, do)
		}
	}
}

// flagError turns pflag's error into a message that shows long options with two
// hyphens, and that suggests an option for a mistyped one.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &invalid):
		err = fmt.Errorf("invalid value %q for --%s: %w", invalid.GetValue(), invalid.GetFlag().Name, plain(invalid.Unwrap()))
	case errors.As(err, &missing):
		err = fmt.Errorf("--%s needs a value", missing.GetSpecifiedName())
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		err = fmt.Errorf("unknown option --%s", unknown.GetSpecifiedName())
		if near := nearest(c.Flags(), unknown.GetSpecifiedName()); near != "" {
			err = fmt.Errorf("%w (did you mean --%s?)", err, near)
		}
	case errors.As(err, &unknown):
		err = fmt.Errorf("unknown option -%s", unknown.GetSpecifiedShortnames())
	}
	return usageError{err}
}

// plain describes an error of strconv in words. It returns other errors unchanged.
func plain(err error) error {
	var bad *strconv.NumError
	switch {
	case !errors.As(err, &bad):
		return err
	case errors.Is(bad, strconv.ErrRange):
		return errors.New("the number is out of range")
	case bad.Func == "ParseBool":
		return errors.New("want true or false")
	}
	return errors.New("want a number")
}

// nearest returns the option with the most similar name, or "" if all names are
// different enough.
func nearest(fs *pflag.FlagSet, name string) (best string) {
	least := max(1, len(name)/3) + 1
	fs.VisitAll(func(f *pflag.Flag) {
		d := distance(name, f.Name)
		if len(name) > 2 && strings.HasPrefix(f.Name, name) {
			d = 0
		}
		if d < least {
			best, least = f.Name, d
		}
	})
	return best
}

// distance returns how many letters must be inserted, removed or replaced to make b
// of a (Levenshtein's distance).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
