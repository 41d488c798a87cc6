package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/issuer"
	"github.com/callrecordings/api/shared/issuer/keyset"
)

// issuerCommand makes `recordings issuer`, which manages the issuers of tokens
// (docs/how-to/issuers.md).
func (e env) issuerCommand() *cobra.Command {
	return usage{
		name: "issuer", summary: "manage the issuers whose tokens are accepted",
		does: `An issuer is a service that signs tokens, such as a Kazoo, Keycloak or Amazon Cognito. Its tokens are
accepted beside those of TOKEN_KEYS. Changes take effect within 60 seconds, without a deployment.`,
		examples: []string{issuerAddUsage.examples[0], "issuer list"},
	}.parent(e.issuerAddCommand(), e.issuerListCommand(), e.issuerShowCommand(), e.issuerRemoveCommand(), e.issuerRefreshCommand())
}

// issuerOptions are the options that all issuer commands share.
type issuerOptions struct {
	env
	target *target
	audit  string
	asJSON bool
}

func (e env) issuerFlags(fs *pflag.FlagSet) *issuerOptions {
	o := &issuerOptions{env: e, target: e.targetFlags(fs)}
	jsonFlag(fs, &o.asJSON)
	return o
}

// issuerChangeFlags is like issuerFlags, for commands that change issuers.
func (e env) issuerChangeFlags(fs *pflag.FlagSet) *issuerOptions {
	o := e.issuerFlags(fs)
	auditFlag(fs, &o.audit)
	return o
}

// run opens the issuers and calls do.
func (o *issuerOptions) run(ctx context.Context, do func(issuer.Book) error) error {
	when := first(o.audit, auditAuto)
	if err := checkAudit(when); err != nil {
		return err
	}
	entries, closed, err := o.target.openTrailed(ctx, when)
	if err != nil {
		return err
	}
	return errors.Join(do(issuer.Book{Entries: entries}), closed())
}

// refresher returns what fetches the keys of issuers.
func (o *issuerOptions) refresher(b issuer.Book) (keyset.Refresher, error) {
	settings, err := config.Load(o.getenv, config.Tool)
	if err != nil {
		return keyset.Refresher{}, err
	}
	f := keyset.NewFetcher(keyset.Options{PrivateHosts: settings.IssuerPrivateHosts})
	return keyset.Refresher{Book: b, Fetcher: f, Now: o.now}, nil
}

// oneName returns the name of the issuer from the command line.
func oneName(args []string) (string, error) {
	if len(args) == 0 {
		return "", usageError{errors.New("want the name of the issuer")}
	}
	return args[0], unexpected(args, 1)
}

var issuerListUsage = usage{
	name: "list", summary: "list the issuers",
	args:     "[OPTIONS]",
	does:     `Prints the name of each issuer, its iss, the number of its keys, and when they were fetched or why not.`,
	examples: []string{"issuer list"},
}

func (e env) issuerListCommand() *cobra.Command {
	c := issuerListUsage.command()
	o := e.issuerFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		return o.run(c.Context(), func(b issuer.Book) error {
			all, err := b.List(c.Context())
			if err != nil {
				return err
			}
			for _, r := range all {
				if o.asJSON {
					if err := printJSON(o.stdout, shownIssuerOf(r)); err != nil {
						return err
					}
					continue
				}
				printf(o.stdout, "%s  %s  %s  %s\n", r.Name, clean(r.Iss), count(len(r.List), "key"), clean(keyState(r)))
			}
			return nil
		})
	}
	return c
}

// keyState describes when the keys of an issuer were fetched, and why not since.
func keyState(r issuer.Record) string {
	var state string
	switch {
	case r.Fetched == 0:
		state = "never fetched"
	case r.URL == "":
		state = "given " + r.FetchedAt().Format(time.RFC3339)
	default:
		state = "fetched " + r.FetchedAt().Format(time.RFC3339)
	}
	if r.Failure != "" {
		state += fmt.Sprintf(", failing since %s: %s", time.Unix(r.Failed, 0).UTC().Format(time.RFC3339), r.Failure)
	}
	return state
}

// shownIssuer is an issuer as --json prints it: without the keys' values.
type shownIssuer struct {
	Name string `json:"name"`
	issuer.Definition
	Keys    []shownKey `json:"keys"`
	Fetched string     `json:"fetched,omitempty"`
	Skipped []string   `json:"skipped,omitempty"`
	Failure string     `json:"failure,omitempty"`
}

type shownKey struct {
	ID         string   `json:"kid,omitempty"`
	Algorithms []string `json:"algorithms"`
}

func shownIssuerOf(r issuer.Record) shownIssuer {
	s := shownIssuer{Name: r.Name, Definition: r.Definition, Keys: []shownKey{}, Skipped: r.Skipped, Failure: r.Failure}
	if r.Fetched != 0 {
		s.Fetched = r.FetchedAt().Format(time.RFC3339)
	}
	for _, k := range r.List {
		s.Keys = append(s.Keys, shownKey{k.ID, k.Algorithms})
	}
	return s
}

var issuerShowUsage = usage{
	name: "show", summary: "print the rules and the keys of an issuer",
	args:     "NAME [OPTIONS]",
	does:     `Prints the rules for the tokens of an issuer, and the kid and the algorithms of each of its keys.`,
	examples: []string{"issuer show keycloak", "issuer show keycloak --json"},
}

func (e env) issuerShowCommand() *cobra.Command {
	c := issuerShowUsage.command()
	o := e.issuerFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		name, err := oneName(args)
		if err != nil {
			return err
		}
		return o.run(c.Context(), func(b issuer.Book) error {
			r, err := b.Get(c.Context(), name)
			if err != nil {
				return err
			}
			if o.asJSON {
				return printJSON(o.stdout, shownIssuerOf(r))
			}
			o.print(r)
			return nil
		})
	}
	return c
}

// print prints an issuer for a person.
func (o *issuerOptions) print(r issuer.Record) {
	claims := []string{"account " + r.AccountClaim}
	for _, c := range []struct{ what, name string }{{"owner", r.OwnerClaim}, {"role", r.RoleClaim}, {"groups", r.GroupsClaim}} {
		if c.name != "" {
			claims = append(claims, c.what+" "+c.name)
		}
	}
	ttl := "no limit"
	if r.MaxTTL > 0 {
		ttl = (time.Duration(r.MaxTTL) * time.Second).String()
	}
	restrictions := "off"
	if len(r.Restrictions)+len(r.AccountRestrictions) > 0 {
		restrictions = "on"
	}
	for _, row := range [][2]string{
		{"issuer", r.Name},
		{"iss", r.Iss},
		{"audience", first(strings.Join(r.Audiences, ", "), "tokens must have none")},
		{"algorithms", strings.Join(r.Algorithms, ", ")},
		{"claims", strings.Join(claims, ", ")},
		{"roles", pairs(r.Roles)},
		{"accounts", first(strings.Join(r.Accounts, ", "), "all")},
		{"required", pairs(r.Require)},
		{"lifetime", ttl},
		{"restrictions", restrictions},
		{"url", first(r.URL, "none: the keys were given")},
		{"keys", keyState(r)},
	} {
		if row[1] != "" {
			printf(o.stdout, "%-12s  %s\n", row[0], clean(row[1]))
		}
	}
	for _, k := range r.List {
		printf(o.stdout, "%-12s  %s\n", "", clean(first(k.ID, "(no kid)")+"  "+strings.Join(k.Algorithms, ", ")))
	}
	for _, s := range r.Skipped {
		printf(o.stdout, "%-12s  not used: %s\n", "", clean(s))
	}
}

var issuerRemoveUsage = usage{
	name: "remove", summary: "remove an issuer",
	args:     "NAME [OPTIONS]",
	does:     `Removes an issuer. Its tokens are rejected within 60 seconds, also those that are in use.`,
	examples: []string{"issuer remove keycloak"},
}

func (e env) issuerRemoveCommand() *cobra.Command {
	c := issuerRemoveUsage.command()
	o := e.issuerChangeFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		name, err := oneName(args)
		if err != nil {
			return err
		}
		return o.run(c.Context(), func(b issuer.Book) error {
			if err := b.Remove(c.Context(), name); err != nil {
				return err
			}
			printf(o.stderr, "issuer %s removed\n", name)
			return nil
		})
	}
	return c
}

var issuerRefreshUsage = usage{
	name: "refresh", summary: "fetch the keys of issuers now",
	args: "[NAME...] [OPTIONS]",
	does: `Fetches the keys of all issuers, or of those named, from where the command runs. The service does the
same every 15 minutes. If a fetch fails, the earlier keys stay in use.`,
	examples: []string{"issuer refresh", "issuer refresh keycloak"},
	notes:    privateHostsNote,
}

// privateHostsNote is part of the help of the commands that fetch keys.
const privateHostsNote = `Keys are fetched over https only, without following redirects. ISSUER_PRIVATE_HOSTS lists hosts that may have
private or local addresses.`

func (e env) issuerRefreshCommand() *cobra.Command {
	c := issuerRefreshUsage.command()
	o := e.issuerChangeFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.run(c.Context(), func(b issuer.Book) error {
			r, err := o.refresher(b)
			if err != nil {
				return err
			}
			outcomes, err := r.Refresh(c.Context(), args...)
			if err != nil {
				return err
			}
			for _, one := range outcomes {
				if one.Err != nil {
					err = errReported
				}
				o.printOutcome(one)
			}
			return err
		})
	}
	return c
}

// printOutcome prints the result of a refresh.
func (o *issuerOptions) printOutcome(one keyset.Outcome) {
	if o.asJSON {
		failure := ""
		if one.Err != nil {
			failure = one.Err.Error()
		}
		_ = printJSON(o.stdout, struct {
			Name    string   `json:"name"`
			Keys    int      `json:"keys"`
			Skipped []string `json:"skipped,omitempty"`
			Failure string   `json:"failure,omitempty"`
		}{one.Name, one.Keys, one.Skipped, failure})
		return
	}
	if one.Err != nil {
		printf(o.stderr, "%s: %s; the earlier keys stay in use\n", one.Name, clean(one.Err.Error()))
		return
	}
	printf(o.stdout, "%s: %s\n", one.Name, count(one.Keys, "key"))
	for _, s := range one.Skipped {
		printf(o.stderr, "%s: not used: %s\n", one.Name, clean(s))
	}
}
