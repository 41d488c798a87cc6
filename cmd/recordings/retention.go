package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/retention"
	"github.com/callrecordings/api/shared/store"
)

// retentionCommand makes `recordings retention`, which manages how long recordings are
// kept (docs/how-to/retention.md).
func (e env) retentionCommand() *cobra.Command {
	return usage{
		name: "retention", summary: "manage how long recordings are kept",
		does: `A policy has rules that are tried in order: the first one that matches a recording decides how many days
it is kept. An account without a policy follows the account above it. Bounds limit the policies of an account
and of all below it. A change that removes recordings has to be confirmed with their number.`,
		examples: []string{retentionSetUsage.examples[0], retentionBoundsUsage.examples[0]},
	}.parent(e.retentionSetCommand(), e.retentionShowCommand(), e.retentionPreviewCommand(), e.retentionBoundsCommand())
}

// retentionOptions are the options of the commands about retention.
type retentionOptions struct {
	env
	target  *target
	account string
	asJSON  bool
	audit   string // when to record changes; "" for a command that makes none
	confirm int

	policy string // the file with the policy
	none   bool
}

func (e env) retentionFlags(fs *pflag.FlagSet) *retentionOptions {
	o := &retentionOptions{env: e, target: e.targetFlags(fs)}
	accountFlag(fs, &o.account)
	jsonFlag(fs, &o.asJSON)
	return o
}

// changeFlags adds the options of a command that changes settings.
func (o *retentionOptions) changeFlags(fs *pflag.FlagSet) {
	confirmFlag(fs, &o.confirm)
	auditFlag(fs, &o.audit)
}

// confirmFlag adds --confirm to a command that may change how long recordings are kept.
func confirmFlag(fs *pflag.FlagSet, into *int) {
	fs.IntVar(into, "confirm", 0, "`NUMBER`: how many recordings may be removed, as the preview has counted")
}

// policyFlags adds the options that name a policy.
func (o *retentionOptions) policyFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.policy, "policy", "", "`FILE`: the rules as JSON, as the API takes them; - is standard input")
	fs.BoolVar(&o.none, "none", false, "no policy of its own: follow the account above")
}

// run checks the command line, opens the target and calls do.
func (o *retentionOptions) run(ctx context.Context, args []string, do func(retention.Editor) error) error {
	if err := unexpected(args, 0); err != nil {
		return err
	}
	if err := checkIDs(o.account, ""); err != nil {
		return usageError{err}
	}
	when := first(o.audit, auditAuto)
	if err := checkAudit(when); err != nil {
		return err
	}
	plain, closed, err := o.target.openEntries(ctx)
	if err != nil {
		return err
	}
	entries, err := o.trailed(plain, when)
	if err == nil {
		err = do(retention.Editor{Entries: entries, Recordings: plain, Now: o.now})
	}
	var fields recording.FieldErrors
	if errors.As(err, &fields) {
		err = usageError{fields}
	}
	return errors.Join(err, closed())
}

// readPolicy reads the policy that the options name; nil stands for none.
func (o *retentionOptions) readPolicy() (*retention.Policy, error) {
	if o.none == (o.policy != "") {
		return nil, usageError{errors.New("want --policy or --none")}
	}
	if o.none {
		return nil, nil
	}
	text, err := o.readFile(o.policy)
	if err != nil {
		return nil, err
	}
	p := &retention.Policy{}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(p); err != nil {
		return nil, usageError{fmt.Errorf("--policy %s: %w", o.policy, err)}
	}
	if p.Rules == nil {
		return nil, usageError{fmt.Errorf(`--policy %s: want {"rules": […]}`, o.policy)}
	}
	return p, nil
}

// maxPolicyFile is the size of the largest policy that is read, in bytes.
const maxPolicyFile = 1 << 20

func (o *retentionOptions) readFile(name string) ([]byte, error) {
	from := o.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usageError{err}
		}
		defer f.Close() //nolint:errcheck // it was only read
		from = f
	}
	return io.ReadAll(io.LimitReader(from, maxPolicyFile))
}

// replacing returns the change that sets a policy.
func (o *retentionOptions) replacing(ctx context.Context, entries store.EntryReader, p *retention.Policy) func(retention.Settings) (retention.Settings, error) {
	return func(s retention.Settings) (retention.Settings, error) {
		if s.Policy = p; p == nil {
			return s, nil
		}
		e, err := retention.Book{Entries: entries}.With(ctx, o.account, o.account, s)
		if err != nil {
			return s, err
		}
		return s, p.Validate(e.Bounds)
	}
}

// change makes a change, and reports what applies then.
func (o *retentionOptions) change(ctx context.Context, e retention.Editor, change func(retention.Settings) (retention.Settings, error)) error {
	_, err := e.Change(ctx, o.account, o.confirm, change, func() error { return nil })
	if err != nil {
		return unconfirmed(err)
	}
	return o.show(ctx, e)
}

// unconfirmed explains the error of a change that would remove recordings. It returns other
// errors as they are.
func unconfirmed(err error) error {
	u := (*retention.UnconfirmedError)(nil)
	if !errors.As(err, &u) {
		return err
	}
	return fmt.Errorf("nothing is changed: this would remove %s; if that is right, add --confirm %d",
		previewWords(u.Preview), u.Preview.Count)
}

// show prints what applies.
func (o *retentionOptions) show(ctx context.Context, editor retention.Editor) error {
	e, err := retention.Book{Entries: editor.Entries}.Effective(ctx, o.account)
	if err != nil {
		return err
	}
	if o.asJSON {
		return printJSON(o.stdout, struct {
			Account string           `json:"account"`
			Source  string           `json:"source,omitempty"`
			Rules   []retention.Rule `json:"rules"`
			retention.Bounds
		}{o.account, e.Source, append([]retention.Rule{}, e.Policy.Rules...), e.Bounds})
	}
	switch e.Source {
	case "":
		printf(o.stdout, "account %s has no policy\n", o.account)
	case o.account:
		printf(o.stdout, "account %s has a policy of its own\n", o.account)
	default:
		printf(o.stdout, "account %s follows %s\n", o.account, e.Source)
	}
	for i := range e.Policy.Rules {
		printf(o.stdout, "%3d  %-24s  %-9s  %s\n", i+1, clean(e.Policy.Rules[i].Name), keptFor(&e.Policy.Rules[i]), conditions(&e.Policy.Rules[i]))
	}
	if e.Bounds.Min > 0 {
		printf(o.stdout, "no rule keeps a recording for fewer than %s\n", count(e.Bounds.Min, "day"))
	}
	if e.Bounds.Max > 0 {
		printf(o.stdout, "no recording is kept for more than %s\n", count(e.Bounds.Max, "day"))
	}
	return nil
}

func keptFor(r *retention.Rule) string {
	if r.Forever {
		return "forever"
	}
	return count(r.Days, "day")
}

// conditions returns the conditions of a rule in words.
func conditions(r *retention.Rule) string {
	var all []string
	for _, c := range []struct{ name, value string }{
		{"", r.Direction}, {"owner ", r.Owner}, {"group ", r.Group}, {"tag ", clean(r.Tag)},
	} {
		if c.value != "" {
			all = append(all, c.name+c.value)
		}
	}
	if r.MinSeconds > 0 {
		all = append(all, fmt.Sprintf("at least %d s", r.MinSeconds))
	}
	if r.MaxSeconds > 0 {
		all = append(all, fmt.Sprintf("at most %d s", r.MaxSeconds))
	}
	return first(strings.Join(all, ", "), "all")
}

// previewWords describes a preview.
func previewWords(p retention.Preview) string {
	text := fmt.Sprintf("%s with %s of audio", count(p.Count, "recording"), size(p.Bytes))
	if p.Count > 0 {
		text += fmt.Sprintf(", created from %s to %s, in %s", p.Oldest.Time().Format(time.DateOnly), p.Newest.Time().Format(time.DateOnly),
			count(p.Accounts, "account"))
	}
	if p.Restorable > 0 {
		text += fmt.Sprintf(" (%d of them already deleted, but still restorable)", p.Restorable)
	}
	if p.Held > 0 {
		text += fmt.Sprintf(" (legal holds keep %d more)", p.Held)
	}
	return text
}
