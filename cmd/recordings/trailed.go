package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/store"
	"github.com/callrecordings/api/shared/webhook"
)

// The values of --audit.
const (
	auditAuto = "auto"
	auditOn   = "on"
	auditOff  = "off"
)

// auditFlag adds --audit to a command that may change access rules.
func auditFlag(fs *pflag.FlagSet, into *string) {
	fs.StringVar(into, "audit", auditAuto, "`WHEN`: record the change in the audit trail: on, off or auto (docs/how-to/audit.md)")
}

func checkAudit(when string) error {
	if when != auditAuto && when != auditOn && when != auditOff {
		return usageError{fmt.Errorf("--audit %q: want auto, on or off", when)}
	}
	return nil
}

// trailed stores entries, and records changes to access rules in the audit trail before
// it makes them, as the API does. The actor is "cli": the command line
// knows no token.
type trailed struct {
	store.EntryReader

	writer store.Entries
	trail  *audit.Trail
	when   string
}

// trailed returns entries that record changes as --audit asks for.
func (e env) trailed(entries store.Entries, when string) (*trailed, error) {
	s, err := config.Load(e.getenv, config.Tool)
	if err != nil {
		return nil, err
	}
	return &trailed{EntryReader: entries, writer: entries, when: when, trail: audit.NewTrail(entries, audit.Options{
		Level: audit.All, Days: s.AuditDays, Now: e.now, Random: rand.Reader,
	})}, nil
}

// openTrailed is like openEntries, and records changes as --audit asks for.
func (t *target) openTrailed(ctx context.Context, when string) (entries store.Entries, closed func() error, err error) {
	plain, closed, err := t.openEntries(ctx)
	if err != nil {
		return nil, nil, err
	}
	recorded, err := t.trailed(plain, when)
	if err != nil {
		return nil, nil, errors.Join(err, closed())
	}
	return recorded, closed, nil
}

// WriteEntries implements store.Entries.
func (t *trailed) WriteEntries(ctx context.Context, writes ...store.EntryWrite) error {
	var changes []ruleChange
	for i := range writes {
		if c, ok := changeOf(&writes[i]); ok {
			changes = append(changes, c)
		}
	}
	return t.record(ctx, changes, func() error { return t.writer.WriteEntries(ctx, writes...) })
}

// retentionObject names the policy and the bounds of an account.
const retentionObject = "retention"

// ruleChange is a change of something that an account has, such as "user/anna".
type ruleChange struct {
	account, object string
	// action is the action of the command; "" means the usual action on the object.
	action access.Action
	reason string
}

// changeOf returns the change that a write makes to a user, a group, a member, a webhook
// or an issuer. ok is false for other writes: those of the account tree are many for one
// command, so the command records its change itself.
func changeOf(w *store.EntryWrite) (c ruleChange, ok bool) {
	if w.CheckOnly {
		return c, false
	}
	if w.Partition == issuer.Partition {
		return ruleChange{account: audit.System, object: "issuer/" + w.Key}, true
	}
	if w.Partition == webhook.Partition {
		account, id, _ := strings.Cut(w.Key, "/")
		return ruleChange{account: account, object: "webhook/" + id}, true
	}
	account, found := strings.CutPrefix(w.Partition, access.Partition(""))
	kind, rest, _ := strings.Cut(w.Key, "/")
	switch {
	case !found:
	case kind == "user" || kind == "group" || w.Key == retentionObject:
		return ruleChange{account: account, object: w.Key}, true
	case kind == "member":
		group, user, _ := strings.Cut(rest, "/")
		return ruleChange{account: account, object: "group/" + group + "/member/" + user}, true
	}
	return c, false
}

// record records the changes that do makes. If it fails, do is not called. If do fails, a second
// entry of each change states that.
func (t *trailed) record(ctx context.Context, changes []ruleChange, do func() error) error {
	var recorded []ruleChange
	for _, c := range changes {
		on, err := t.on(ctx, c.account)
		if err == nil && on {
			recorded = append(recorded, c)
			err = t.trail.Record(ctx, c.entry(audit.Done))
		}
		if err != nil {
			return fmt.Errorf("nothing is changed: %w", err)
		}
	}
	err := do()
	if err == nil || errors.Is(err, store.ErrUnavailable) { // then the change may have taken effect
		return err
	}
	for _, c := range recorded {
		err = errors.Join(err, t.trail.Record(ctx, c.entry(audit.Failed)))
	}
	return err
}

// on reports whether changes of an account are recorded.
func (t *trailed) on(ctx context.Context, account string) (bool, error) {
	if t.when != auditAuto || account == audit.System {
		return t.when != auditOff, nil
	}
	return audit.NewReader(t).Exists(ctx, account)
}

func (c ruleChange) entry(result audit.Result) audit.Entry {
	action := c.action
	switch {
	case action != "":
	case c.object == retentionObject:
		action = access.Retention
	default:
		action = access.Manage
	}
	return audit.Entry{
		Account: c.account, Actor: audit.Actor{Issuer: audit.CommandLine}, Action: action, Object: c.object, Result: result,
		Reason: c.reason,
	}
}
