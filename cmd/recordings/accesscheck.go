package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/access"
	"github.com/callrecordings/api/shared/audit"
	"github.com/callrecordings/api/shared/auth"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/store"
)

var accessCheckUsage = usage{
	name: "check", summary: "name who would be refused what with UserAccess=own",
	args: "--account ID [--since TIME] [OPTIONS]",
	does: `Reads the audit trail, and names the actors whose requests were served although UserAccess=own would refuse
them with the roles and groups that are stored now. Nothing is changed. The trail must have been on, with Audit=all
to include listening. Lists and documents are not in the trail: an actor that only reads those is not found.`,
	examples: []string{"access check --account A --since 7d"},
	notes: `Administrators whose role comes from a claim of their token are reported too, because the trail does not show
where a role comes from. The exit code is 1 if the trail has no requests, because then nothing was
checked.`,
}

// accessCheck is one invocation of access check.
type accessCheck struct {
	*trailOptions

	resolver *access.Resolver
	store    store.Reader
	owners   map[string]owned
	refused  map[refusal]*refusedUse
	requests int
}

// owned is the owner of a recording; known is false if the recording is gone.
type owned struct {
	owner string
	known bool
}

// refusal is an actor and an action that UserAccess=own would refuse.
type refusal struct {
	actor  audit.Actor
	action access.Action
}

// refusedUse describes the requests that would be refused.
type refusedUse struct {
	requests int
	last     *audit.Entry
	// unknown counts requests about recordings that are gone, so that their owner is
	// unknown.
	unknown int
}

func (e env) accessCheckCommand() *cobra.Command {
	c := accessCheckUsage.command()
	k := accessCheck{trailOptions: &trailOptions{env: e, target: e.targetFlags(c.Flags())}}
	accountFlag(c.Flags(), &k.account)
	jsonFlag(c.Flags(), &k.asJSON)
	var since recording.Seconds
	e.timeFlag(c.Flags(), &since, "since", "read entries made at `TIME` or later; 7d (ago, the default), 2026-01-31 or 2026-01-31T09:30:00Z")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		if err := checkIDs(k.account, ""); err != nil {
			return usageError{err}
		}
		if since == 0 {
			since = recording.SecondsOf(e.now().Add(-week))
		}
		o, closed, err := k.target.open(c.Context())
		if err != nil {
			return err
		}
		return errors.Join(k.check(c.Context(), o.store, o.store, since), closed())
	}
	return c
}

// check reads the trail since a time, and prints the result.
func (k *accessCheck) check(ctx context.Context, entries store.EntryReader, recordings store.Reader, since recording.Seconds) error {
	k.resolver = access.NewResolver(entries, access.Options{Default: access.OwnOnly, Now: k.now})
	k.store, k.owners, k.refused = recordings, map[string]owned{}, map[refusal]*refusedUse{}
	q := audit.Query{Account: k.account, From: timeOf(since), Limit: trailPage}
	err := eachEntry(ctx, audit.NewReader(entries), q, func(e *audit.Entry) error { return k.add(ctx, e) })
	if err != nil {
		return err
	}
	if k.requests == 0 {
		return fmt.Errorf("the audit trail of account %s has no requests since %s, so nothing was checked: the service must run with Audit=all for a while first",
			k.account, since.Time().Format("2006-01-02 15:04"))
	}
	return k.report()
}

// add checks the request of an entry. Requests without a token, such as those of the
// command line and of links, do not depend on UserAccess.
func (k *accessCheck) add(ctx context.Context, e *audit.Entry) error {
	if e.Actor.Issuer == audit.CommandLine || e.Actor.Account == "" || e.Link != "" {
		return nil
	}
	k.requests++
	if e.Result != audit.Done {
		return nil
	}
	grant, err := k.grant(ctx, e)
	if err != nil {
		return err
	}
	o := owned{known: true, owner: e.Actor.Owner}
	if e.Recording != "" && grant.Scope(e.Action) != access.All && grant.Scope(e.Action) != access.Nothing {
		if o, err = k.owner(ctx, e); err != nil {
			return err
		}
	}
	if o.known && grant.May(e.Action, o.owner) || e.Recording == "" && grant.Has(e.Action) {
		return nil
	}
	of := refusal{e.Actor, e.Action}
	one := k.refused[of]
	if one == nil {
		one = &refusedUse{last: e} // entries come newest first
		k.refused[of] = one
	}
	if one.requests++; !o.known {
		one.unknown++
	}
	return nil
}

// grant returns the rights that the actor of e would have with UserAccess=own. The entry does not show
// whether an administrator has the role from a claim or from the default, so the stored
// rules decide for administrators. Other roles are those of a claim, or stored.
func (k *accessCheck) grant(ctx context.Context, e *audit.Entry) (access.Grant, error) {
	b := auth.Bearer{Account: e.Actor.Account, Owner: e.Actor.Owner}
	if e.Actor.Role != access.Admin {
		b.Role = string(e.Actor.Role)
	}
	grant, err := k.resolver.Grant(ctx, b, k.account)
	if errors.Is(err, access.ErrOutOfReach) || errors.Is(err, access.ErrDisabled) || errors.Is(err, access.ErrTooMany) {
		return access.Grant{}, nil
	}
	return grant, err
}

// owner returns the owner of the recording of e.
func (k *accessCheck) owner(ctx context.Context, e *audit.Entry) (owned, error) {
	if o, ok := k.owners[e.Recording]; ok {
		return o, nil
	}
	r, err := k.store.Get(ctx, k.account, e.Recording)
	switch {
	case err == nil:
		k.owners[e.Recording] = owned{r.Owner, true}
	case errors.Is(err, store.ErrNotFound):
		k.owners[e.Recording] = owned{}
	default:
		return owned{}, err
	}
	return k.owners[e.Recording], nil
}

// report prints who would be refused what.
func (k *accessCheck) report() error {
	all := slices.SortedFunc(maps.Keys(k.refused), func(a, b refusal) int {
		return strings.Compare(actorName(a.actor)+" "+string(a.action), actorName(b.actor)+" "+string(b.action))
	})
	for _, of := range all {
		use := k.refused[of]
		last := use.last.Time.Format("2006-01-02T15:04:05Z07:00")
		if k.asJSON {
			err := printJSON(k.stdout, map[string]any{
				"actor": of.actor, "action": of.action, "requests": use.requests, "gone": use.unknown, "last": last, "last_recording": use.last.Recording,
			})
			if err != nil {
				return err
			}
			continue
		}
		line := fmt.Sprintf("%s  %s  requests: %d, the last at %s  %s", actorName(of.actor), of.action, use.requests, last, use.last.Recording)
		if use.unknown > 0 {
			line += fmt.Sprintf("  (%d about recordings that are gone, whose owner is unknown)", use.unknown)
		}
		printf(k.stdout, "%s\n", clean(strings.TrimSpace(line)))
	}
	printf(k.stderr, "requests read: %d; kinds of requests that UserAccess=own would refuse: %d\n", k.requests, len(all))
	return nil
}
