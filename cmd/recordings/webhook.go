package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/callrecordings/api/shared/config"
	"github.com/callrecordings/api/shared/feed"
	"github.com/callrecordings/api/shared/recording"
	"github.com/callrecordings/api/shared/webhook"
)

// webhookCommand makes `recordings webhook`, which manages the webhooks of accounts
// (docs/how-to/webhooks.md).
func (e env) webhookCommand() *cobra.Command {
	return usage{
		name: "webhook", summary: "manage the URLs that get the changes of an account",
		does: `A webhook is a URL that gets the changes of an account as signed POST requests, in order and at least once. The
service must keep the feed of changes (FEED=on).`,
		examples: []string{webhookAddUsage.examples[0], "webhook list --account A"},
	}.parent(e.webhookAddCommand(), e.webhookListCommand(), e.webhookShowCommand(), e.webhookRemoveCommand(),
		e.webhookTestCommand(), e.webhookResumeCommand())
}

// webhookOptions are the options that all webhook commands share.
type webhookOptions struct {
	env
	target  *target
	account string
	audit   string
	asJSON  bool
}

func (e env) webhookFlags(fs *pflag.FlagSet) *webhookOptions {
	o := &webhookOptions{env: e, target: e.targetFlags(fs)}
	accountFlag(fs, &o.account)
	jsonFlag(fs, &o.asJSON)
	return o
}

// run checks the account, opens the webhooks and calls do. An empty --account is valid only
// if all is true.
func (o *webhookOptions) run(ctx context.Context, all bool, do func(webhook.Book) error) error {
	if err := checkIDs(o.account, ""); err != nil && (!all || o.account != "") {
		return usageError{err}
	}
	when := first(o.audit, auditAuto)
	if err := checkAudit(when); err != nil {
		return err
	}
	settings, err := config.Load(o.getenv, config.Tool)
	if err != nil {
		return err
	}
	entries, closed, err := o.target.openTrailed(ctx, when)
	if err != nil {
		return err
	}
	b := webhook.Book{Entries: entries, Feed: feed.New(entries, o.now), PrivateHosts: settings.WebhookPrivateHosts, Now: o.now}
	err = do(b)
	switch {
	case errors.Is(err, webhook.ErrUnknown):
		err = fmt.Errorf("account %s has no such webhook", o.account)
	case errors.Is(err, webhook.ErrURL):
		err = usageError{fmt.Errorf("--url: %w", webhook.ErrURL)}
	}
	return errors.Join(err, closed())
}

// oneHook returns the ID of the webhook from the command line.
func oneHook(args []string) (string, error) {
	if len(args) == 0 {
		return "", usageError{errors.New("want the ID of the webhook")}
	}
	return args[0], unexpected(args, 1)
}

// oneHookCommand makes the command of u about one webhook.
func (e env) oneHookCommand(u usage, changes bool, do func(context.Context, *webhookOptions, webhook.Book, string) error) *cobra.Command {
	c := u.command()
	o := e.webhookFlags(c.Flags())
	if changes {
		auditFlag(c.Flags(), &o.audit)
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		id, err := oneHook(args)
		if err != nil {
			return err
		}
		return o.run(c.Context(), false, func(b webhook.Book) error { return do(c.Context(), o, b, id) })
	}
	return c
}

// shownHook is a webhook as --json prints it.
type shownHook struct {
	Account   string `json:"account_id"`
	ID        string `json:"id"`
	URL       string `json:"url"`
	Secret    string `json:"secret,omitempty"`
	State     string `json:"state"`
	Created   string `json:"created"`
	Delivered string `json:"delivered,omitempty"`
	Failing   string `json:"failing_since,omitempty"`
	Failure   string `json:"failure,omitempty"`
	Tries     int    `json:"tries,omitempty"`
	Next      string `json:"next_attempt,omitempty"`
}

func shownHookOf(w *webhook.Webhook) shownHook {
	stamp := func(s recording.Seconds) string {
		if s == 0 {
			return ""
		}
		return s.RFC3339()
	}
	s := shownHook{
		Account: w.Account, ID: w.ID, URL: w.URL, State: w.State(), Created: stamp(w.Created), Delivered: stamp(w.Delivered),
		Failing: stamp(w.Failing), Failure: w.Failure, Tries: w.Tries,
	}
	if !w.Parked {
		s.Next = stamp(w.Next)
	}
	return s
}

var webhookAddUsage = usage{
	name: "add", summary: "send the changes of an account to a URL",
	args: "--account ID --url URL [OPTIONS]",
	does: `Adds a webhook for the changes from now on, and prints its ID and its secret. The secret is not shown again.
The URL begins with https. WEBHOOK_PRIVATE_HOSTS lists hosts that may have private or local addresses, and http.`,
	examples: []string{"webhook add --account A --url https://hooks.example.com/recordings"},
}

func (e env) webhookAddCommand() *cobra.Command {
	c := webhookAddUsage.command()
	o := e.webhookFlags(c.Flags())
	auditFlag(c.Flags(), &o.audit)
	var url string
	c.Flags().StringVar(&url, "url", "", "`URL`: where the requests go (required)")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		return o.run(c.Context(), false, func(b webhook.Book) error {
			w, err := b.Add(c.Context(), o.account, url)
			if err != nil {
				return err
			}
			if o.asJSON {
				shown := shownHookOf(&w)
				shown.Secret = w.Secret
				return printJSON(o.stdout, shown)
			}
			printf(o.stdout, "webhook  %s\nsecret   %s\n", w.ID, w.Secret)
			return nil
		})
	}
	return c
}

var webhookListUsage = usage{
	name: "list", summary: "list webhooks",
	args:     "[--account ID] [OPTIONS]",
	does:     `Prints the webhooks of an account, or of all accounts: whether they are active, failing or parked, and why.`,
	examples: []string{"webhook list --account A", "webhook list --json"},
}

func (e env) webhookListCommand() *cobra.Command {
	c := webhookListUsage.command()
	o := e.webhookFlags(c.Flags())
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		return o.run(c.Context(), true, func(b webhook.Book) error {
			all, err := b.List(c.Context(), o.account)
			if err != nil {
				return err
			}
			for i := range all {
				if err := o.print(&all[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return c
}

// print prints a webhook on one line.
func (o *webhookOptions) print(w *webhook.Webhook) error {
	s := shownHookOf(w)
	if o.asJSON {
		return printJSON(o.stdout, s)
	}
	state := s.State
	if s.Failure != "" {
		state += fmt.Sprintf(" since %s: %s", s.Failing, s.Failure)
	}
	printf(o.stdout, "%s  %s  %s  %s\n", s.Account, s.ID, clean(s.URL), clean(state))
	return nil
}
