package main

import (
	"context"
	"fmt"
	"time"

	"callrecordings/shared/auth"
)

// maxTTL is the longest lifetime of a token. Tokens cannot be revoked.
const maxTTL = 10 * 365 * 24 * time.Hour

var tokenUsage = usage{
	args: "--account ID [--owner ID] [--ttl 1h]",
	does: "Prints a token for the API. It reaches all recordings of the account, or only those of one user.",
	examples: []string{
		"token --account A --ttl 720h",
	},
}

// token prints a token for an account or for one of its users.
func token(_ context.Context, e env, args []string) error {
	var account string
	var asJSON bool
	fs := flags("token")
	t := e.targetFlags(fs)
	accountFlag(fs, &account)
	owner := fs.String("owner", "", "`ID`: restrict the token to the recordings of this user")
	ttl := fs.Duration("ttl", time.Hour, "`DURATION`: lifetime of the token, such as 90m")
	jsonFlag(fs, &asJSON)
	rest, err := e.parse(fs, tokenUsage, args)
	if err != nil {
		return err
	}
	if err := unexpected(rest, 0); err != nil {
		return err
	}
	if *ttl < time.Second || *ttl > maxTTL {
		return usageError{fmt.Errorf("--ttl %s: want 1s to %s", *ttl, maxTTL)}
	}
	if err := checkIDs(account, *owner); err != nil {
		return usageError{err}
	}
	keys, err := t.tokenKeys()
	if err != nil {
		return err
	}
	expires := e.now().Add(*ttl)
	signed, err := auth.Sign(keys, auth.Claims{Account: account, Owner: *owner, Expires: expires})
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
	}{signed, account, *owner, expires.UTC().Format(time.RFC3339)})
}
