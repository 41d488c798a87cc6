package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/egress"
	"github.com/callrecordings/api/shared/webhook"
)

var webhookShowUsage = usage{
	name: "show", summary: "print a webhook",
	args:     "ID --account ID [OPTIONS]",
	does:     `Prints the URL of a webhook, when it last accepted changes, and why it does not any more.`,
	examples: []string{"webhook show 0a1b2c3d4e5f6071 --account A"},
}

func (e env) webhookShowCommand() *cobra.Command {
	return e.oneHookCommand(webhookShowUsage, false, func(ctx context.Context, o *webhookOptions, b webhook.Book, id string) error {
		w, err := b.Get(ctx, o.account, id)
		if err != nil {
			return err
		}
		s := shownHookOf(&w)
		if o.asJSON {
			return printJSON(o.stdout, s)
		}
		tries := ""
		if s.Tries > 0 {
			tries = strconv.Itoa(s.Tries)
		}
		for _, row := range [][2]string{
			{"account", s.Account},
			{"webhook", s.ID},
			{"url", s.URL},
			{"state", s.State},
			{"created", s.Created},
			{"delivered", s.Delivered},
			{"failing", s.Failing},
			{"failure", s.Failure},
			{"tries", tries},
			{"next", s.Next},
		} {
			if row[1] != "" {
				printf(o.stdout, "%-10s  %s\n", row[0], clean(row[1]))
			}
		}
		return nil
	})
}

var webhookRemoveUsage = usage{
	name: "remove", summary: "remove a webhook",
	args:     "ID --account ID [OPTIONS]",
	does:     `Removes a webhook. A request that is being sent may still arrive.`,
	examples: []string{"webhook remove 0a1b2c3d4e5f6071 --account A"},
}

func (e env) webhookRemoveCommand() *cobra.Command {
	return e.oneHookCommand(webhookRemoveUsage, true, func(ctx context.Context, o *webhookOptions, b webhook.Book, id string) error {
		w, err := b.Remove(ctx, o.account, id)
		if err != nil {
			return err
		}
		if o.asJSON {
			return printJSON(o.stdout, shownHookOf(&w))
		}
		printf(o.stderr, "webhook %s removed\n", id)
		return nil
	})
}

var webhookTestUsage = usage{
	name: "test", summary: "send a message without changes to a webhook",
	args: "ID --account ID [OPTIONS]",
	does: `Sends a signed request of the type recordings.test from where the command runs, and reports whether the
receiver accepted it. It changes nothing. It does not know the settings of the service: WEBHOOK_PRIVATE_HOSTS,
in the environment of the command, lists hosts that may have private or local addresses.`,
	examples: []string{"webhook test 0a1b2c3d4e5f6071 --account A"},
}

func (e env) webhookTestCommand() *cobra.Command {
	return e.oneHookCommand(webhookTestUsage, false, func(ctx context.Context, o *webhookOptions, b webhook.Book, id string) error {
		w, err := b.Get(ctx, o.account, id)
		if err != nil {
			return err
		}
		client := egress.NewClient(egress.Options{PrivateHosts: b.PrivateHosts, Timeout: webhook.Timeout})
		err = webhook.Test(ctx, client, &w, o.now())
		if errors.Is(err, egress.ErrAddress) {
			return errors.New("the host has a private or local address; WEBHOOK_PRIVATE_HOSTS allows hosts that have one")
		}
		if err != nil {
			return fmt.Errorf("the receiver did not accept the test: %w", err)
		}
		printf(o.stderr, "the receiver accepted the test\n")
		return nil
	})
}

var webhookResumeUsage = usage{
	name: "resume", summary: "deliver to a parked webhook again",
	args: "ID --account ID [OPTIONS]",
	does: `Makes the service send the changes that a parked or failing webhook has missed, from the first on. If some are
no longer kept, or are missing from the feed, the webhook continues from now, and the command reports that.`,
	examples: []string{"webhook resume 0a1b2c3d4e5f6071 --account A"},
}

func (e env) webhookResumeCommand() *cobra.Command {
	return e.oneHookCommand(webhookResumeUsage, true, func(ctx context.Context, o *webhookOptions, b webhook.Book, id string) error {
		w, skipped, err := b.Resume(ctx, o.account, id)
		if err != nil {
			return err
		}
		if skipped {
			printf(o.stderr, "changes that it missed are no longer kept, or are missing from the feed: it continues from now, and its receiver must start again from a list\n")
		}
		if o.asJSON {
			return printJSON(o.stdout, shownHookOf(&w))
		}
		printf(o.stderr, "webhook %s resumed\n", id)
		return nil
	})
}
