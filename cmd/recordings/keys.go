package main

import (
	"context"
	"crypto/rand"
	"fmt"

	"callrecordings/shared/auth"
)

var keysUsage = usage{
	args: "[--kid NAME]",
	does: `Prints a JWKS with a new key, for TOKEN_KEYS. The same key signs and verifies tokens, so keep it
secret.`,
	examples: []string{
		"keys >private-keys.json",
	},
}

// keys prints a JWKS with a new key for TOKEN_KEYS. The key is symmetric, so it
// is a secret.
func keys(_ context.Context, e env, args []string) error {
	fs := flags("keys")
	kid := fs.String("kid", "", "`NAME`: name of the key (default: today's date)")
	rest, err := e.parse(fs, keysUsage, args)
	if err != nil {
		return err
	}
	if err := unexpected(rest, 0); err != nil {
		return err
	}
	if *kid == "" {
		*kid = e.now().UTC().Format("2006-01-02")
	}
	made, err := auth.NewKeys(rand.Reader, *kid)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "%s\n", made)
	return err
}
