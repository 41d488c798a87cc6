package main

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/callrecordings/api/shared/auth"
)

var keysUsage = usage{
	name: "keys", summary: "make a key that signs tokens",
	args: "[--kid NAME]",
	does: `Prints a JWKS with a new key, for TOKEN_KEYS. The same key signs and verifies tokens, so keep it
secret.`,
	examples: []string{
		"keys >private-keys.json",
	},
}

// keysCommand makes the command that prints a JWKS with a new key for TOKEN_KEYS.
// The key is symmetric, so it is a secret.
func (e env) keysCommand() *cobra.Command {
	c := keysUsage.command()
	kid := c.Flags().String("kid", "", "`NAME`: name of the key (default: today's date)")
	c.RunE = func(_ *cobra.Command, args []string) error {
		if err := unexpected(args, 0); err != nil {
			return err
		}
		name := first(*kid, e.now().UTC().Format(time.DateOnly))
		made, err := auth.NewKeys(rand.Reader, name)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.stdout, "%s\n", made)
		return err
	}
	return c
}
