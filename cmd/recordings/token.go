package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/auth"
)

// maxTTL is the longest lifetime of a token. Tokens cannot be revoked.
const maxTTL = 10 * 365 * 24 * time.Hour

var tokenUsage = usage{
	name: "token", summary: "make an access token",
	args: "--account ID [--owner ID] [--ttl 1h]",
	does: "Prints a token for the API. It reaches all recordings of the account, or only those of one user.",
	examples: []string{
		"token --account A --ttl 30d",
	},
}

// tokenCommand makes the command that prints a token for an account or for one of
// its users.
func (e env) tokenCommand() *cobra.Command {
	var account, owner string
	var asJSON bool
	var ttl time.Duration
	c := tokenUsage.command()
	fs := c.Flags()
	t := e.targetFlags(fs)
	accountFlag(fs, &account)
	fs.StringVar(&owner, "owner", "", "`ID`: restrict the token to the recordings of this user")
	durationFlag(fs, &ttl, "ttl", time.Hour, "`DURATION`: lifetime of the token, such as 90m or 30d")
	jsonFlag(fs, &asJSON)
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		if ttl < time.Second || ttl > maxTTL {
			return usageError{fmt.Errorf("--ttl %s: want 1s to %s", ttl, maxTTL)}
		}
		if err := checkIDs(account, owner); err != nil {
			return usageError{err}
		}
		keys, err := t.tokenKeys()
		if err != nil {
			return err
		}
		return e.printToken(keys, auth.Claims{Account: account, Owner: owner, Expires: e.now().Add(ttl)}, asJSON)
	}
	return c
}

// printToken signs a token and prints it.
func (e env) printToken(keys []byte, claims auth.Claims, asJSON bool) error {
	signed, err := auth.Sign(keys, claims)
	if err != nil {
		return err
	}
	if !asJSON {
		_, err = fmt.Fprintln(e.stdout, signed)
		return err
	}
	return printJSON(e.stdout, struct {
		Token   string `json:"token"`
		Account string `json:"account_id"`
		Owner   string `json:"owner_id,omitempty"`
		Expires string `json:"expires"`
	}{signed, claims.Account, claims.Owner, claims.Expires.UTC().Format(time.RFC3339)})
}
