package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"callrecordings/shared/auth"
)

// maxTTL is the longest that a token may live. A token cannot be called back.
const maxTTL = 10 * 365 * 24 * time.Hour

// token prints a token of an account, or of a user of it.
func token(_ context.Context, e env, args []string) error {
	fs := flags("token")
	t := e.targetFlags(fs)
	account := fs.String("account", "", "`id` of the account")
	owner := fs.String("owner", "", "`id` of the user; none for a token of the whole account")
	ttl := fs.Duration("ttl", time.Hour, "how long the token is good for")
	asJSON := fs.Bool("json", false, "print a JSON object")
	rest, err := e.parse(fs, "--account A [--owner U] [--ttl 1h]", args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return usageError{fmt.Errorf("unexpected argument %q", rest[0])}
	case *ttl < time.Second || *ttl > maxTTL:
		return usageError{fmt.Errorf("--ttl %s: want 1s to %s", *ttl, maxTTL)}
	}
	if err := checkNames(*account, *owner); err != nil {
		return usageError{err}
	}
	keys, err := t.tokenKeys()
	if err != nil {
		return err
	}
	expires := e.now().Add(*ttl)
	signed, err := auth.Sign(keys, auth.Claims{Account: *account, Owner: *owner, Expires: expires})
	if err != nil {
		return err
	}
	if !*asJSON {
		_, err = fmt.Fprintln(e.stdout, signed)
		return err
	}
	return printJSON(e.stdout, struct {
		Token   string `json:"token"`
		Account string `json:"account_id"`
		Owner   string `json:"owner_id,omitempty"`
		Expires string `json:"expires"`
	}{signed, *account, *owner, expires.UTC().Format(time.RFC3339)})
}

// checkNames finds what is wrong with the ids of an account and a user.
func checkNames(account, owner string) error {
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

// printJSON prints v on a line of its own.
func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return out.Encode(v)
}
