package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"callrecordings/shared/auth"
)

// token prints a token of an account, or of a user of it.
func token(_ context.Context, e env, args []string) error {
	fs := e.flags("token", "--account A [--owner U] [--ttl 1h]")
	t := e.targetFlags(fs)
	account := fs.String("account", "", "`id` of the account")
	owner := fs.String("owner", "", "`id` of the user; none for a token of the whole account")
	ttl := fs.Duration("ttl", time.Hour, "how long the token is good for")
	asJSON := fs.Bool("json", false, "print a JSON object")
	rest, err := parse(fs, args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return usageError{fmt.Errorf("unexpected argument %q", rest[0])}
	case *account == "":
		return usageError{errors.New("--account is missing")}
	case *ttl <= 0:
		return usageError{errors.New("--ttl must be more than 0")}
	}
	keys, err := t.tokenKeys()
	if err != nil {
		return err
	}
	expires := time.Now().Add(*ttl)
	signed, err := auth.Sign(keys, auth.Claims{Account: *account, Owner: *owner, Expires: expires})
	if err != nil {
		return err
	}
	if *asJSON {
		return json.NewEncoder(e.stdout).Encode(map[string]any{
			"token": signed, "account_id": *account, "owner_id": *owner, "expires": expires.UTC().Format(time.RFC3339),
		})
	}
	_, err = fmt.Fprintln(e.stdout, signed)
	return err
}
